//! The verb `load`.

use std::time::Instant;

use anyhow::Context as _;
use stevedore_delivery::{Consignment, LoadSpec, Runfiles};
use stevedore_engine::{Connection, ContainerRequest};

use crate::asynchronous;
use crate::attempt::{self, Attempt};
use crate::cli::LoadFlags;
use crate::loading::{self, Request};
use crate::signals::Signals;
use crate::{foreground, terminal};

/// Loads what `spec` says, reports, runs a container if that was asked for, and gives the exit code.
pub(crate) fn run(
    spec: &LoadSpec,
    runfiles: Runfiles,
    flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    asynchronous::run(load_and_run(
        Request::new(spec, runfiles, flags),
        flags,
        started,
    ))
}

async fn load_and_run(
    request: Request<'_>,
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
