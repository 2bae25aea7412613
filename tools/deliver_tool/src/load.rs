//! The verb `load`.

use std::env;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stevedore_delivery::{Choice, Consignment, LoadSpec, LockPlaces, Manner, Runfiles};
use stevedore_engine::{Address, Connection, ContainerRequest};
use stevedore_image::platform::Platform;
use stevedore_image::reference::Reference;

use crate::attempt::{self, Attempt};
use crate::cli::LoadFlags;
use crate::exit_code::{Interrupted, Usage};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{connect, foreground, pulls, report_file, summary, tags, terminal};

/// How long an engine has for ending what an interrupted load has begun.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// Loads what `spec` says, reports, runs a container if that was asked for, and gives the exit code.
pub(crate) fn run(
    spec: &LoadSpec,
    runfiles: Runfiles,
    flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")?;
    let code = runtime.block_on(load_and_run(spec, runfiles, flags, started));
    // A thread that reads a layer, or standard input, is not waited for.
    runtime.shutdown_background();
    code
}

async fn load_and_run(
    spec: &LoadSpec,
    runfiles: Runfiles,
    flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    let attempt = Attempt::new(started);
    let progress = Progress::new(flags.progress, flags.verbose);
    let result = tokio::select! {
        result = load(&attempt, spec, runfiles, flags, &progress) => result,
        signal = signals.next() => {
            clean_up(&attempt, &manner(&progress)).await;
            Err(Interrupted(signal).into())
        }
    };
    progress.clear();
    report(&attempt, result, spec, flags, &progress)?;
    let loaded = attempt.consignments().iter().find_map(Consignment::loaded);
    let (Some(arguments), Some(engine), Some(loaded)) =
        (flags.container_arguments(), attempt.engine.get(), loaded)
    else {
        print_references(attempt.consignments());
        return Ok(0);
    };
    let mut request = ContainerRequest::new(loaded.image_id);
    request.arguments = arguments.to_vec();
    request.terminal = terminal::is_interactive();
    request.network = flags.network.clone();
    match engine {
        Connection::Docker(engine) => foreground::run(engine, &request, &mut signals).await,
        Connection::PodmanCommand(engine) => Err(foreground::become_command(
            engine.container_command(&request),
        )),
        // Refused before anything was loaded.
        Connection::Containerd(_) => Ok(0),
    }
}

/// Ends what an interrupted load has begun at the engine.
async fn clean_up(attempt: &Attempt, manner: &Manner) {
    let Some(engine) = attempt.engine.get() else {
        return;
    };
    let clean_up = stevedore_delivery::clean_up(engine, attempt.consignments(), manner);
    match tokio::time::timeout(CLEAN_UP, clean_up).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("warning: failed to clean up: {error}"),
        Err(_) => eprintln!("warning: failed to clean up: the engine does not answer"),
    }
}

async fn load(
    attempt: &Attempt,
    spec: &LoadSpec,
    runfiles: Runfiles,
    flags: &LoadFlags,
    progress: &Progress,
) -> anyhow::Result<()> {
    flags.check_images(spec.images.len())?;
    let candidates = connect::candidates(flags.host.as_deref())?;
    let references = tags::of_images(spec, &runfiles, &flags.tag)?;
    attempt.references.get_or_init(|| references.concat());
    let pulls = pulls::of(&flags.registries, progress.observer());
    let pulls = attempt.pulls.get_or_init(|| pulls);
    let choices = spec.images.iter();
    let choices = choices.map(|named| Choice::open(&named.content, &runfiles, pulls));
    let choices = choices.collect::<Result<Vec<_>, _>>()?;
    let choose = |platform: Option<&Platform>| {
        let chosen = consignments(&choices, &references, platform)?;
        Ok::<_, stevedore_delivery::Error>(attempt.consignments.get_or_init(|| chosen))
    };
    let asks_engine = flags.platform.is_none() && choices.iter().any(Choice::is_index);
    if !asks_engine {
        choose(flags.platform.as_ref())?;
    }
    let engine = connect::to_first(candidates, &attempt.traffic, progress).await?;
    let engine = attempt.engine.get_or_init(|| engine);
    if asks_engine {
        choose(Some(&engine.platform().await?))?;
    }
    let consignments = attempt.consignments();
    if flags.container_arguments().is_some() {
        let references = consignments.first().map(Consignment::references);
        check_that_it_runs(engine.address(), references.unwrap_or_default())?;
    }
    let manner = manner(progress);
    Ok(stevedore_delivery::load(engine, consignments, &manner).await?)
}

/// Of each index the image for `platform`, of each image itself, with their names.
fn consignments(
    choices: &[Choice],
    references: &[Vec<Reference>],
    platform: Option<&Platform>,
) -> Result<Vec<Consignment>, stevedore_delivery::Error> {
    let named = choices.iter().zip(references);
    named
        .map(|(choice, references)| {
            let image = choice.take(platform)?;
            Ok(Consignment::new(image, references.clone()))
        })
        .collect()
}

fn manner(progress: &Progress) -> Manner {
    Manner {
        narrate: progress.shows_bars(),
        observer: progress.observer(),
        locks: LockPlaces::of_machine(|name| env::var_os(name)),
    }
}

/// Refuses `--run` before anything is loaded, where no container can be run.
fn check_that_it_runs(address: &Address, references: &[Reference]) -> Result<(), Usage> {
    let Address::Containerd { socket, namespace } = address else {
        return Ok(());
    };
    let reference = references.first().map(Reference::normalized);
    Err(Usage::RunInContainerd {
        address: address.clone(),
        socket: socket.clone(),
        namespace: namespace.clone(),
        reference: reference.unwrap_or_else(|| "IMAGE".to_owned()),
    })
}

/// Writes the report and the last line, whatever the result is.
fn report(
    attempt: &Attempt,
    result: anyhow::Result<()>,
    spec: &LoadSpec,
    flags: &LoadFlags,
    progress: &Progress,
) -> anyhow::Result<()> {
    let result = result.with_context(|| failure(attempt, spec));
    let report = attempt.report(&result);
    report_file::write_if_wanted(flags.report().as_deref(), &report, result.is_ok())?;
    progress.print(&summary::line(&report));
    result
}

/// Says which images have failed: those that something was being done for, or all if it did not come to that.
fn failure(attempt: &Attempt, spec: &LoadSpec) -> String {
    let mut labels = attempt.images_under_way();
    if labels.is_empty() {
        let all = spec.images.iter();
        labels = all.map(|image| image.content.label()).collect();
    }
    format!("`{}` failed to load `{}`", spec.label, labels.join("`, `"))
}

/// Prints the names of the images; the ID of one that has none.
fn print_references(consignments: &[Consignment]) {
    for consignment in consignments {
        let names = attempt::names(consignment.references());
        names.iter().for_each(|name| println!("{name}"));
        if let ([], Some(loaded)) = (&names[..], consignment.loaded()) {
            println!("{}", loaded.image_id);
        }
    }
}
