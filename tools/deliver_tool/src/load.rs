//! The verb `load`.

use std::env;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stevedore_delivery::{Image, LoadSpec, Loaded, LockPlaces, Manner, Runfiles};
use stevedore_engine::{Address, Connection, ContainerRequest};
use stevedore_image::reference::Reference;

use crate::attempt::Attempt;
use crate::cli::LoadFlags;
use crate::exit_code::{Interrupted, Usage};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{connect, foreground, report_file, summary, tags, terminal};

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
            clean_up(&attempt).await;
            Err(Interrupted(signal).into())
        }
    };
    progress.clear();
    let loaded = report(&attempt, result, spec, flags, &progress)?;
    let (Some(arguments), Some(engine)) = (flags.container_arguments(), attempt.engine.get())
    else {
        print_references(&attempt, &loaded);
        return Ok(0);
    };
    let request = ContainerRequest {
        image: loaded.image_id,
        arguments: arguments.to_vec(),
        terminal: terminal::is_interactive(),
        network: flags.network.clone(),
    };
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
async fn clean_up(attempt: &Attempt) {
    let Some(engine) = attempt.engine.get() else {
        return;
    };
    match tokio::time::timeout(CLEAN_UP, engine.clean_up()).await {
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
) -> anyhow::Result<Loaded> {
    let candidates = connect::candidates(flags.host.as_deref())?;
    let references = references(spec, &runfiles, flags)?;
    let references = attempt.references.get_or_init(|| references);
    let image = Image::open(spec.image.clone(), runfiles)?;
    let image = attempt.image.get_or_init(|| image);
    let engine = connect::to_first(candidates, &attempt.traffic, progress).await?;
    let engine = attempt.engine.get_or_init(|| engine);
    if flags.container_arguments().is_some() {
        check_that_it_runs(engine.address(), references)?;
    }
    let manner = Manner {
        narrate: progress.shows_bars(),
        observer: progress.observer(),
        locks: LockPlaces::of_machine(|name| env::var_os(name)),
    };
    let loaded = stevedore_delivery::load(engine, image, references, &manner, &attempt.tally);
    Ok(loaded.await?)
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

/// The names in the tags file and those of `--tag`, each once.
fn references(
    spec: &LoadSpec,
    runfiles: &Runfiles,
    flags: &LoadFlags,
) -> anyhow::Result<Vec<Reference>> {
    let mut references = tags::read(&runfiles.find(&spec.tags)?)?;
    for tag in &flags.tag {
        references.push(tag.clone());
    }
    let mut unique = Vec::with_capacity(references.len());
    for reference in references {
        if !unique.contains(&reference) {
            unique.push(reference);
        }
    }
    Ok(unique)
}

/// Writes the report and the last line, whatever the result is.
fn report(
    attempt: &Attempt,
    result: anyhow::Result<Loaded>,
    spec: &LoadSpec,
    flags: &LoadFlags,
    progress: &Progress,
) -> anyhow::Result<Loaded> {
    let result =
        result.with_context(|| format!("`{}` failed to load `{}`", spec.label, spec.image.label));
    let report = attempt.report(&result);
    if let Some(path) = flags.report() {
        let written = report_file::write(&path, &report);
        if result.is_ok() {
            written?;
        } else if let Err(error) = written {
            eprintln!("warning: {error:#}");
        }
    }
    progress.print(&summary::line(&report));
    result
}

fn print_references(attempt: &Attempt, loaded: &Loaded) {
    match attempt.names().as_slice() {
        [] => println!("{}", loaded.image_id),
        names => names.iter().for_each(|name| println!("{name}")),
    }
}
