//! Loads that something happens to: the engine keeps no rubbish, and the next load succeeds.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use stevedore_testing::{Finished, Program};

use super::stand::{succeeded, Image, Stand, ALLOWANCE};
use super::table::Verdict;
use super::uses::whole;
use crate::e2e::patience::wait_for;
use crate::proxy::{Disturbance, Proxy};

/// How many bytes have been sent when a load is interrupted: amid the layers.
const AMID: u64 = 8_000_000;

/// How many bytes have been sent when a transfer has surely begun: more than any plan costs.
const BEGUN: u64 = 200_000;

/// How much later each piece of an upload, and each answer, comes from a slow engine.
const SLOW: Duration = Duration::from_millis(20);

/// How many loads run at once.
const MANY: usize = 8;

/// Where nothing is uploaded, nothing can be disturbed.
const NO_UPLOAD: Verdict = Verdict::NotApplicable(
    "the engine reads the image's files by itself, so there is no upload that could be disturbed",
);

/// What Docker with containerd's image store does, and a client cannot change: its lease cannot be reached.
const KEPT_FOR_A_DAY: Verdict = Verdict::HoldsBut(
    "no image and no name stays, but Docker keeps the blobs that had arrived under a lease of its own, which ends after a day",
);

/// What podman does: it ends without removing the file that it has opened for an upload.
const KEPT_AS_FILE: Verdict = Verdict::HoldsBut(
    "nothing stays in its store, but podman leaves what had arrived of the upload in its folder for temporary files",
);

/// What a load cannot take back that is killed, or whose engine goes away.
const KEPT_BY_LEASE: Verdict = Verdict::HoldsBut(
    "no image and no name stays; a load that is killed, or whose engine goes away, cannot end its lease, so the next load does, or it ends after an hour, and then the blobs that had arrived go",
);

/// Ctrl-C amid an upload.
pub(crate) fn interrupted(stand: &Stand<'_>) -> Result<Verdict> {
    signalled(stand, "interrupted", Signal::SIGINT, Some(130))
}

/// SIGKILL amid an upload.
pub(crate) fn killed(stand: &Stand<'_>) -> Result<Verdict> {
    signalled(stand, "killed", Signal::SIGKILL, None)
}

fn signalled(stand: &Stand<'_>, name: &str, signal: Signal, code: Option<i32>) -> Result<Verdict> {
    let image = stand.image(name, &format!("{name}-base"), name)?;
    let (before, names) = (stand.content()?, stand.client.names(&stand.engine)?);
    let mut held = Held::start(stand, &image, AMID)?;
    if !held.wait()? {
        return held.unheld(stand, &image);
    }
    let id = Pid::from_raw(i32::try_from(held.child.id())?);
    kill(id, signal).with_context(|| format!("failed to send {signal}"))?;
    let finished = held.finish()?;
    ensure!(
        finished.code == code,
        "it ended with {:?}, expected {code:?}:\n{}",
        finished.code,
        finished.stderr
    );
    let now = stand.client.names(&stand.engine)?;
    ensure!(now == names, "the images were {names:?} and are {now:?}");
    let verdict = match (stand.engine.name().engine.name, signal) {
        ("docker-28-containerd", _) => KEPT_FOR_A_DAY,
        ("containerd", Signal::SIGKILL) => KEPT_BY_LEASE,
        _ => {
            comes_back_to(stand, &before)?;
            Verdict::Holds
        }
    };
    stand.load(&image)?;
    stand.has(&image)?;
    if verdict == KEPT_BY_LEASE {
        let content = stand.content()?;
        let lease = content.iter().find(|entry| entry.starts_with("stevedore-"));
        ensure!(
            lease.is_none(),
            "the next load has left the lease {lease:?}"
        );
    }
    Ok(verdict)
}

/// The engine is stopped and started when the transfer has begun.
pub(crate) fn restarted(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("restarted", "restarted-base", "restarted")?;
    let before = stand.content()?;
    let mut held = Held::start(stand, &image, BEGUN)?;
    if !held.wait()? {
        return held.unheld(stand, &image);
    }
    stand.engine.restart(stand.workspace)?;
    let finished = held.finish()?;
    let mut verdict = Verdict::Holds;
    if finished.code != Some(0) {
        ensure!(
            finished.code == Some(1),
            "it ended with {:?}, expected 1:\n{}",
            finished.code,
            finished.stderr
        );
        verdict = match stand.engine.name().engine.name {
            "docker-28-containerd" => KEPT_FOR_A_DAY,
            "containerd" => KEPT_BY_LEASE,
            name if name.starts_with("podman") => {
                let kept = stand.content()?;
                let is_upload = |entry: &&String| entry.contains("/libpod-images-load");
                let uploads = kept.iter().filter(is_upload).cloned();
                let mut expected: Vec<_> = before.iter().cloned().chain(uploads).collect();
                expected.sort();
                comes_back_to(stand, &expected)?;
                KEPT_AS_FILE
            }
            _ => {
                comes_back_to(stand, &before)?;
                Verdict::Holds
            }
        };
        stand.load(&image)?;
    }
    stand.has(&image)?;
    has_no_lease(stand)?;
    Ok(verdict)
}

/// What the image is built on is removed when its transfer has begun.
pub(crate) fn pruned(stand: &Stand<'_>) -> Result<Verdict> {
    let base = stand.image("pruned-base", "pruned-base", "pruned-below")?;
    stand.load(&base)?;
    let image = stand.image("pruned", "pruned-base", "pruned")?;
    let mut held = Held::start(stand, &image, BEGUN)?;
    if !held.wait()? {
        return held.unheld(stand, &image);
    }
    stand.client.prune(&stand.engine)?;
    let finished = held.finish()?;
    succeeded(&finished)?;
    stand.has(&image)?;
    whole(stand, &image)?;
    Ok(Verdict::Holds)
}

/// An engine that is slow with everything.
pub(crate) fn slow(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("slow", "slow-base", "slow")?;
    let socket = stand.scratch.file("slow.sock");
    let _proxy = Proxy::disturbing(&socket, &stand.engine.socket(), Disturbance::Slow(SLOW))?;
    let finished = stand.program(&image, &socket)?.run()?;
    succeeded(&finished)?;
    stand.has(&image)?;
    Ok(Verdict::Holds)
}

/// Many loads of the same new image at once.
pub(crate) fn many_at_once(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("many", "many-base", "many")?;
    let socket = stand.scratch.file("many.sock");
    let proxy = Proxy::start(&socket, &stand.engine.socket())?;
    let mut running = Vec::new();
    for index in 0..MANY {
        let report = stand.scratch.file(&format!("many-{index}.json"));
        let mut program = stand.program(&image, &socket)?.reporting_to(&report);
        let child = program.start()?;
        running.push((program, child));
    }
    for (program, child) in running {
        succeeded(&program.finish(child.wait_with_output()?)?)?;
    }
    stand.has(&image)?;
    let (sent, most) = (proxy.sent(), image.size + MANY as u64 * ALLOWANCE);
    ensure!(
        sent <= most,
        "they sent {sent} bytes, expected at most {most}"
    );
    Ok(Verdict::Holds)
}

/// An engine whose disk is smaller than the image.
pub(crate) fn disk_full(stand: &Stand<'_>) -> Result<Verdict> {
    let small = stand.small()?;
    let image = small.large_image("full")?;
    let before = small.content()?;
    let finished = small.program(&image, &small.engine.socket())?.run()?;
    ensure!(
        finished.code == Some(1) && finished.stderr.to_lowercase().contains("no space left"),
        "it ended with {:?}, expected 1 and `no space left`:\n{}",
        finished.code,
        finished.stderr
    );
    comes_back_to(&small, &before)?;
    let image = small.small_image("fits")?;
    small.load(&image)?;
    small.has(&image)?;
    Ok(Verdict::Holds)
}

/// A load that has succeeded has ended its lease, and those of loads that were killed.
fn has_no_lease(stand: &Stand<'_>) -> Result<()> {
    let content = stand.content()?;
    let lease = content.iter().find(|entry| entry.starts_with("stevedore-"));
    ensure!(lease.is_none(), "the lease {lease:?} stayed behind");
    Ok(())
}

/// A load that a proxy holds up once it has sent so many bytes.
struct Held {
    proxy: Proxy,
    program: Program,
    child: Child,
}

impl Held {
    fn start(stand: &Stand<'_>, image: &Image, bytes: u64) -> Result<Self> {
        let socket = stand
            .scratch
            .file(&format!("held-{}.sock", image.files.id.hex()));
        let hold = Disturbance::StopAfter(bytes);
        let proxy = Proxy::disturbing(&socket, &stand.engine.socket(), hold)?;
        let mut program = stand.program(image, &socket)?;
        let child = program.start()?;
        Ok(Self {
            proxy,
            program,
            child,
        })
    }

    /// Waits until it is held up; `false` if it has ended before.
    fn wait(&mut self) -> Result<bool> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.proxy.holds() {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            ensure!(Instant::now() < deadline, "it neither sends nor ends");
            thread::sleep(Duration::from_millis(2));
        }
        Ok(true)
    }

    /// Lets it go on, and waits for its end.
    fn finish(self) -> Result<Finished> {
        self.proxy.open();
        let output = self.child.wait_with_output()?;
        Ok(self.program.finish(output)?)
    }

    /// What it means that it was never held up: the load succeeded without an upload.
    fn unheld(self, stand: &Stand<'_>, image: &Image) -> Result<Verdict> {
        let sent = self.proxy.sent();
        succeeded(&self.finish()?)?;
        stand.has(image)?;
        ensure!(
            sent <= ALLOWANCE,
            "it was to be held up and sent {sent} bytes"
        );
        Ok(NO_UPLOAD)
    }
}

/// The engine's store is as it was, after a moment to clean up. What nothing refers to may wait for the next collection,
/// which is asked for.
fn comes_back_to(stand: &Stand<'_>, before: &[String]) -> Result<()> {
    let names = stand.client.names(&stand.engine)?;
    if let Some(image) = names.iter().find(|name| !name.contains("<none>")) {
        stand.client.collect(&stand.engine, image)?;
    }
    wait_for(Duration::from_secs(10), || {
        let content = stand.content()?;
        let lacking = |entries: &[String], of: &[String]| -> Vec<String> {
            let lacks = |entry: &&String| !entries.contains(entry);
            of.iter().filter(lacks).cloned().collect()
        };
        ensure!(
            content == before,
            "this stayed behind: {:?}; this is gone: {:?}",
            lacking(before, &content),
            lacking(&content, before)
        );
        Ok(())
    })
}
