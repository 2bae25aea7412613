//! The verb `push`.

mod attempt;
mod destinations;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use stevedore_delivery::{Artifact, Parcel, PushManner, PushSpec, Runfiles};
use stevedore_registry::Registries;

use crate::cli::PushFlags;
use crate::exit_code::Interrupted;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{asynchronous, pulls, registry_options, report_file, summary};
use attempt::Attempt;
pub(crate) use destinations::DestinationsError;

/// How long registries have for ending what an interrupted push has begun.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// Pushes what `spec` says, reports, and gives the exit code.
pub(crate) fn run(
    spec: &PushSpec,
    runfiles: Runfiles,
    flags: &PushFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    let attempt = Attempt::new(started);
    let progress = Progress::new(flags.progress, flags.verbose);
    let result = asynchronous::run(push_or_end(&attempt, spec, &runfiles, flags, &progress));
    progress.clear();
    report(&attempt, result, spec, flags, &progress)?;
    for parcel in attempt.parcels() {
        for destination in parcel.destinations() {
            println!("{}@{}", destination.repository, parcel.artifact().digest());
        }
    }
    Ok(0)
}

/// Pushes, until that is done or a signal comes.
async fn push_or_end(
    attempt: &Attempt,
    spec: &PushSpec,
    runfiles: &Runfiles,
    flags: &PushFlags,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    let registries = Registries::new(registry_options::of(
        &flags.registries,
        &attempt.traffic,
        progress.observer(),
    ));
    let result = tokio::select! {
        result = push(attempt, &registries, spec, runfiles, flags, progress) => result,
        signal = signals.next() => Err(Interrupted(signal).into()),
    };
    if result.is_err() {
        registries.cancel_uploads(CLEAN_UP).await;
    }
    result
}

async fn push(
    attempt: &Attempt,
    registries: &Registries,
    spec: &PushSpec,
    runfiles: &Runfiles,
    flags: &PushFlags,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut parcels = Vec::new();
    let pulls = pulls::of(&flags.registries, progress.observer());
    let pulls = attempt.pulls.get_or_init(|| pulls);
    for parcel in &spec.images {
        let destinations = destinations::of(parcel, runfiles, flags)?;
        let artifact = Artifact::open(&parcel.content, runfiles, pulls)?;
        parcels.push(Parcel::new(artifact, destinations));
    }
    let parcels = attempt.parcels.get_or_init(|| parcels);
    let manner = PushManner {
        jobs: usize::from(flags.jobs),
        observer: progress.observer(),
    };
    Ok(stevedore_delivery::push(registries, parcels, &manner).await?)
}

/// Writes the report and the last line, whatever the result is.
fn report(
    attempt: &Attempt,
    result: anyhow::Result<()>,
    spec: &PushSpec,
    flags: &PushFlags,
    progress: &Progress,
) -> anyhow::Result<()> {
    let result = result.with_context(|| format!("`{}` failed to push", spec.label));
    let report = attempt.report(&result);
    report_file::write_if_wanted(flags.report.path().as_deref(), &report, result.is_ok())?;
    progress.print(&summary::line(&report));
    result
}
