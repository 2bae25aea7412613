//! The verb `fetch`: a build action's way to a blob that a registry has.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context as _;
use stevedore_delivery::{Pulls, RemoteBlob};
use stevedore_image::description::{BlobDescription, Remote};
use stevedore_image::digest::{Content, HashingReader};

use crate::cli::{FetchFlags, ProgressStyle};
use crate::exit_code::Interrupted;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::surroundings;
use crate::{asynchronous, pulls};

/// How often a blob is asked for, because the one that was kept has other bytes.
const ATTEMPTS: usize = 2;

/// Puts the blob where it is wanted.
pub(crate) fn run(flags: &FetchFlags) -> anyhow::Result<i32> {
    if let Some(path) = &flags.surroundings {
        surroundings::take(path)?;
    }
    asynchronous::run(fetch_or_end(flags))?;
    Ok(0)
}

async fn fetch_or_end(flags: &FetchFlags) -> anyhow::Result<()> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    tokio::select! {
        result = fetch(flags) => result,
        signal = signals.next() => Err(Interrupted(signal).into()),
    }
}

async fn fetch(flags: &FetchFlags) -> anyhow::Result<()> {
    // An action that says something has its output shown, so it says something only if that matters.
    let progress = Progress::new(ProgressStyle::None, false);
    let pulls = pulls::of(&flags.registries, progress.observer());
    let wanted = wanted(flags);
    for _ in 0..ATTEMPTS {
        if try_fetch(&pulls, &wanted, &flags.output).await? {
            return Ok(());
        }
    }
    anyhow::bail!(
        "the blob `{}` that is kept on this machine has other bytes each time; is its disk broken?",
        flags.digest
    )
}

fn wanted(flags: &FetchFlags) -> RemoteBlob {
    let content = Content {
        digest: flags.digest,
        size: flags.size,
    };
    RemoteBlob {
        label: flags.label.clone(),
        blob: BlobDescription::new(&flags.media_type, content),
        repository: flags.repository.clone(),
        remote: Remote {
            insecure: flags.registries.insecure,
            mirrors: flags.from.clone(),
        },
    }
}

/// Copies the blob to `output`; `false` if what was kept is not what it should be, and is no more.
async fn try_fetch(pulls: &Pulls, wanted: &RemoteBlob, output: &Path) -> anyhow::Result<bool> {
    let kept = pulls.obtain(wanted).await?;
    if copy(&kept, output)? == wanted.blob.content() {
        return Ok(true);
    }
    fs::remove_file(output).with_context(|| format!("failed to remove `{}`", output.display()))?;
    pulls.forget(wanted.blob.digest);
    Ok(false)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<Content> {
    let copied = || -> io::Result<Content> {
        let mut reader = HashingReader::new(File::open(from)?);
        let mut writer = File::create(to)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = io::Read::read(&mut reader, &mut buffer)?;
            if count == 0 {
                return Ok(reader.finish());
            }
            io::Write::write_all(&mut writer, &buffer[..count])?;
        }
    };
    copied().with_context(|| format!("failed to copy `{}` to `{}`", from.display(), to.display()))
}
