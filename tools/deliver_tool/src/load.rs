//! The verb `load`.

use std::time::Instant;

use anyhow::Context as _;
use stevedore_delivery::{Consignment, LoadSpec, Runfiles};
use stevedore_engine::{Connection, ContainerRequest};

use crate::asynchronous;
use crate::attempt::Attempt;
use crate::cli::LoadFlags;
use crate::loading::{self, Request};
use crate::signals::Signals;
use crate::{foreground, print, terminal};

/// Loads what `spec` says, reports, runs a container if that was asked for, and gives the exit code.
pub(crate) fn run(
    spec: &LoadSpec,
    runfiles: Runfiles,
    flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    let request = Request::new(spec, runfiles, flags);
    asynchronous::run(load_and_run(request, &spec.label, flags, started))
}

async fn load_and_run(
    request: Request<'_>,
    label: &str,
    flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    let mut signals = Signals::that_end().context("failed to listen for signals")?;
    let attempt = Attempt::new(started);
    loading::load(&attempt, &request, &mut signals).await?;
    let loaded = attempt.consignments().iter().find_map(Consignment::loaded);
    let (Some(arguments), Some(engine), Some(loaded)) =
        (flags.container_arguments(), attempt.engine.get(), loaded)
    else {
        print!(
            "{}",
            print::text(flags.print, label, attempt.consignments())?
        );
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
