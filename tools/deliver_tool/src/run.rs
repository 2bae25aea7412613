//! The verb `run`: a build action's way to have commands run in a container.

use std::cell::OnceCell;
use std::env;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use stevedore_delivery::{Image, LockPlaces, Manner, Purpose, Runfiles};
use stevedore_engine::Connection;
use stevedore_run::{
    CollectSpec, Daemon, EngineSpec, LayerFiles, Log, Run, RunSpec, Sandbox, SecretPlaces,
};
use stevedore_wire::Traffic;

use crate::cli::{ProgressStyle, RunFlags};
use crate::exit_code::{Interrupted, Usage};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{asynchronous, connect, pulls, surroundings};

/// How long an engine has for removing what a run has made.
const CLEAN_UP: Duration = Duration::from_secs(30);

/// The folder beside the surroundings that has the secrets which are environment variables.
const SECRETS: &str = "secrets";

/// Runs the commands and makes the outputs.
pub(crate) fn run(flags: &RunFlags) -> anyhow::Result<i32> {
    if let Some(path) = &flags.surroundings {
        surroundings::take(path)?;
    }
    let spec = RunSpec::read(&flags.spec)?;
    let ran = asynchronous::run(run_spec(&spec, flags));
    ran.with_context(|| format!("`{}` failed", spec.label))?;
    Ok(0)
}

async fn run_spec(spec: &RunSpec, flags: &RunFlags) -> anyhow::Result<()> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    // An action that says something has its output shown, so only the commands say something.
    let progress = Progress::new(ProgressStyle::None, false);
    let run = prepare(spec, flags, &progress)?;
    match spec.engine {
        EngineSpec::Daemon => in_engine(run, flags, &progress, &mut signals).await,
        EngineSpec::Sandbox => in_sandbox(run, &mut signals).await,
    }
}

fn prepare<'a>(
    spec: &'a RunSpec,
    flags: &'a RunFlags,
    progress: &Progress,
) -> anyhow::Result<Run<'a>> {
    let pulls = pulls::of(&flags.registries, progress.observer());
    // The paths in the spec are those of the action, which runs in the execution root.
    let files = Runfiles::in_directory(Path::new(""));
    let beside = flags.surroundings.as_deref().and_then(Path::parent);
    let variables = beside.map(|directory| directory.join(SECRETS));
    let secrets = SecretPlaces::of_process(variables.as_deref()).read(&spec.secrets)?;
    Ok(Run {
        spec,
        base: Image::open(spec.base.clone(), files, pulls)?,
        secrets,
        agent: &flags.agent,
        layer: layer_files(spec, flags)?,
    })
}

fn layer_files(spec: &RunSpec, flags: &RunFlags) -> Result<Option<LayerFiles>, Usage> {
    let files = flags.tar.clone().zip(flags.description.clone());
    match (&spec.collect, files) {
        (CollectSpec::Layer(_), None) => Err(Usage::NoLayerFiles),
        (CollectSpec::Layer(_), Some((tar, description))) => {
            Ok(Some(LayerFiles { tar, description }))
        }
        _ => Ok(None),
    }
}

/// Runs the commands in a container of an engine, and leaves nothing of it, whatever comes.
async fn in_engine(
    run: Run<'_>,
    flags: &RunFlags,
    progress: &Progress,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let spec = run.spec;
    let candidates = connect::candidates(flags.host.as_deref())?;
    let engine = OnceCell::<Connection>::new();
    let daemon = OnceCell::<Daemon<'_>>::new();
    let manner = Manner {
        narrate: false,
        observer: progress.observer(),
        locks: LockPlaces::of_machine(|name| env::var_os(name)),
        purpose: Purpose::Use,
    };
    let mut log = Log::new(Box::new(io::stderr()));
    let attempt = async {
        let found = connect::to_first(candidates, &Traffic::default(), progress).await?;
        let engine = engine.get_or_init(|| found);
        let made = Daemon::new(engine, spec)?;
        let daemon = daemon.get_or_init(|| made);
        Ok(run.in_engine(engine, daemon, &manner, &mut log).await?)
    };
    let ran = tokio::select! {
        ran = attempt => ran,
        signal = signals.next() => Err(Interrupted(signal).into()),
    };
    if let Some(daemon) = daemon.get() {
        clean_up(daemon).await;
    }
    ran
}

/// Runs the commands in a sandbox, and leaves nothing of it, whatever comes.
async fn in_sandbox(run: Run<'_>, signals: &mut Signals) -> anyhow::Result<()> {
    let sandbox = Sandbox::new(run.spec);
    let mut log = Log::new(Box::new(io::stderr()));
    let ran = tokio::select! {
        ran = run.in_sandbox(&sandbox, &mut log) => ran.map_err(Into::into),
        signal = signals.next() => Err(Interrupted(signal).into()),
    };
    clean_up_sandbox(&sandbox).await;
    ran
}

/// Ends a sandbox, or says that the next one will remove what it has left.
pub(crate) async fn clean_up_sandbox(sandbox: &Sandbox<'_>) {
    if let Err(error) = sandbox.clean_up().await {
        eprintln!("warning: failed to end the sandbox, the next run will remove what it has left: {error}");
    }
}

/// Removes what a run has made in an engine, or says that the next one will.
pub(crate) async fn clean_up(daemon: &Daemon<'_>) {
    match tokio::time::timeout(CLEAN_UP, daemon.clean_up()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("warning: failed to clean up, the next run will: {error}"),
        Err(_) => {
            eprintln!("warning: failed to clean up, the next run will: the engine does not answer")
        }
    }
}
