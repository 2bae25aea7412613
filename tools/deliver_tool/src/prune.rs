//! The verb `prune`: images that were loaded for tests, long ago, are removed.

use std::time::{Duration, Instant};

use anyhow::{bail, Context as _};
use serde::Serialize;
use stevedore_delivery::{Destination, PruneManner, PruneSpec, Pruned, Verdict};
use stevedore_engine::{Connection, Identity};
use stevedore_wire::Traffic;

use crate::cli::{ProgressStyle, PruneFlags};
use crate::exit_code::{Interrupted, Usage};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{asynchronous, connect, report_file};

/// What is written to the file of `--report`. Its fields are a public interface.
#[derive(Serialize)]
struct Report {
    kind: &'static str,
    destination: Option<Destination>,
    older_than_s: u64,
    dry_run: bool,
    names: Vec<Line>,
    requests: u64,
    elapsed_ms: u64,
    error: Option<String>,
}

/// One name.
#[derive(Serialize)]
struct Line {
    image_id: String,
    /// `None` if another image has the name by now: then only the marks are left.
    reference: Option<String>,
    age_s: u64,
    outcome: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Removes them, and tells what became of each.
pub(crate) fn run(spec: &PruneSpec, flags: &PruneFlags, started: Instant) -> anyhow::Result<i32> {
    asynchronous::run(prune_and_report(spec, flags, started))?;
    Ok(0)
}

async fn prune_and_report(
    spec: &PruneSpec,
    flags: &PruneFlags,
    started: Instant,
) -> anyhow::Result<()> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    let traffic = Traffic::default();
    let mut pruned = Vec::new();
    let mut identity = None;
    let result = tokio::select! {
        result = prune(flags, &traffic, &mut identity, &mut pruned) => result,
        signal = signals.next() => Err(Interrupted(signal).into()),
    };
    let result = result.and_then(|()| check(&pruned));
    let result =
        result.with_context(|| format!("`{}` failed to remove images of tests", spec.label));
    pruned.iter().for_each(tell);
    let report = Report {
        kind: "prune",
        destination: identity.map(destination),
        older_than_s: flags.older_than.as_secs(),
        dry_run: flags.dry_run,
        names: pruned.iter().map(line).collect(),
        requests: traffic.requests(),
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        error: result.as_ref().err().map(|error| format!("{error:#}")),
    };
    report_file::write_if_wanted(flags.report.path().as_deref(), &report, result.is_ok())?;
    eprintln!("{}", summary(&pruned));
    result
}

async fn prune(
    flags: &PruneFlags,
    traffic: &Traffic,
    identity: &mut Option<Identity>,
    pruned: &mut Vec<Pruned>,
) -> anyhow::Result<()> {
    let candidates = connect::candidates(flags.host.as_deref())?;
    let progress = Progress::new(ProgressStyle::Plain, flags.verbose);
    let engine = connect::to_first(candidates, traffic, &progress).await?;
    *identity = Some(engine.identity().clone());
    let manner = PruneManner {
        older_than: flags.older_than,
        dry_run: flags.dry_run,
    };
    match &engine {
        Connection::Docker(engine) => stevedore_delivery::prune(engine, manner, pruned).await?,
        Connection::PodmanCommand(engine) => {
            stevedore_delivery::prune(engine, manner, pruned).await?;
        }
        Connection::Containerd(engine) => {
            let address = engine.address().clone();
            return Err(Usage::PruneInContainerd { address }.into());
        }
    }
    Ok(())
}

/// An error if the engine has kept what was to go.
fn check(pruned: &[Pruned]) -> anyhow::Result<()> {
    let refused = pruned
        .iter()
        .filter(|name| name.verdict == Verdict::Refused);
    match refused.count() {
        0 => Ok(()),
        refused => bail!("the engine keeps {refused} of {} names", pruned.len()),
    }
}

fn destination(identity: Identity) -> Destination {
    Destination {
        kind: identity.kind.to_string(),
        version: Some(identity.version),
        store: None,
        address: None,
    }
}

fn line(pruned: &Pruned) -> Line {
    Line {
        image_id: pruned.name.image.to_string(),
        reference: pruned.name.reference.as_ref().map(ToString::to_string),
        age_s: pruned.age.as_secs(),
        outcome: pruned.verdict.clone(),
        reason: pruned.reason.clone(),
    }
}

/// What was removed goes to standard output, what stays to standard error.
fn tell(pruned: &Pruned) {
    let name = pruned.name.shown();
    let why = match pruned.verdict {
        Verdict::Removed | Verdict::WouldBeRemoved => return println!("{name}"),
        Verdict::Recent => format!("a test has used it, {} ago at most", days(pruned.age)),
        Verdict::Claimed => "it was loaded for no test meanwhile".to_owned(),
        Verdict::InUse => "a container is made of it".to_owned(),
        Verdict::Refused => pruned.reason.clone().unwrap_or_default(),
    };
    eprintln!("kept {name} ({}): {why}", pruned.name.image);
}

fn summary(pruned: &[Pruned]) -> String {
    let count = |verdict: Verdict| pruned.iter().filter(|name| name.verdict == verdict).count();
    let would_be = match count(Verdict::WouldBeRemoved) {
        0 => String::new(),
        count => format!("would remove {count}, "),
    };
    format!(
        "{would_be}removed {}, kept {} in use, {} too recent, {} refused",
        count(Verdict::Removed),
        count(Verdict::InUse),
        count(Verdict::Recent) + count(Verdict::Claimed),
        count(Verdict::Refused),
    )
}

/// An age in its largest unit.
fn days(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
