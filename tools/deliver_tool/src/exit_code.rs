//! Errors that end the program, and the exit codes that they end it with.

use std::path::PathBuf;

use stevedore_delivery::{Error as DeliveryError, RunfilesError, SpecError};
use stevedore_engine::discovery::DiscoveryError;
use stevedore_engine::{Address, Error as EngineError};
use stevedore_run::Error as RunError;

use crate::connect::NoEngine;
use crate::loading::OtherPlatform;
use crate::push::DestinationsError;
use crate::signals::Signal;
use crate::tags::TagsFileError;
use crate::test::SetTwice;

/// The engine refused, or the delivery failed.
const FAILED: i32 = 1;
/// The command line makes no sense.
const USAGE: i32 = 2;
/// No engine was reached.
const UNREACHABLE: i32 = 3;
/// The image's files are missing or corrupt.
const IMAGE: i32 = 4;

/// A command line that makes no sense, although it can be parsed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    /// Arguments for a container that is not run.
    #[error("`{arguments}` after `--` are arguments for a container, but none is run; add `--run` before `--`")]
    ArgumentsWithoutRun {
        /// The arguments.
        arguments: String,
    },
    /// Two writers to one standard output.
    #[error("`--print` and `--run` both write to standard output; leave one of them out")]
    PrintWithRun,
    /// Marks are names of images, and a load gives containerd none.
    #[error("`{address}` has no images that are known to be of tests; expected Docker or podman")]
    PruneInContainerd {
        /// The engine's address.
        address: Address,
    },
    /// A flag that is for one image.
    #[error("`{flag}` is for one image, but this target delivers {images}; make a target that delivers only the one that is meant")]
    SeveralImages {
        /// The flag.
        flag: &'static str,
        /// The number of images.
        images: usize,
    },
    /// A flag that is for one repository.
    #[error("`{flag}` is for one repository, but this target pushes to {repositories}; make a target that pushes only to the one that is meant")]
    SeveralRepositories {
        /// The flag.
        flag: &'static str,
        /// The repositories.
        repositories: String,
    },
    /// What names the engine.
    #[error(transparent)]
    Engine(DiscoveryError),
    /// What is expected of an image makes no sense.
    #[error(transparent)]
    Expectation(stevedore_image_check::Error),
    /// A layer that is put nowhere.
    #[error(
        "`--spec` asks for a layer; say where it is to be put with `--tar` and `--description`"
    )]
    NoLayerFiles,
    /// Containers of containerd are run by its own tools.
    #[error(
        "`--run` does not work with `{address}`; load without it, then: \
         `ctr --address {} --namespace {namespace} run --rm {reference} NAME`", socket.display()
    )]
    RunInContainerd {
        /// The engine's address.
        address: Address,
        /// containerd's socket.
        socket: PathBuf,
        /// The namespace.
        namespace: String,
        /// A name of the image.
        reference: String,
    },
}

/// A signal ended the delivery.
#[derive(Debug, thiserror::Error)]
#[error("interrupted by {} before the image was complete; run it again", .0.name())]
pub(crate) struct Interrupted(pub(crate) Signal);

/// The exit code for an error.
pub(crate) fn of(error: &anyhow::Error) -> i32 {
    error
        .chain()
        .find_map(|cause| {
            if let Some(Interrupted(signal)) = cause.downcast_ref() {
                Some(128 + signal.number())
            } else if cause.is::<Usage>() || cause.is::<SetTwice>() || cause.is::<OtherPlatform>() {
                Some(USAGE)
            } else if cause.is::<SpecError>()
                || cause.is::<RunfilesError>()
                || cause.is::<TagsFileError>()
                || cause.is::<DestinationsError>()
                || cause.is::<stevedore_image_check::Error>()
            {
                Some(IMAGE)
            } else if cause.is::<NoEngine>() {
                Some(UNREACHABLE)
            } else if let Some(error) = cause.downcast_ref::<DeliveryError>() {
                of_delivery(error)
            } else {
                cause
                    .downcast_ref::<EngineError>()
                    .filter(|error| error.is_unreachable())
                    .map(|_| UNREACHABLE)
            }
        })
        .unwrap_or(FAILED)
}

/// Whether the reason is that there is no engine: nobody has named one and none is where one usually is, or what was named cannot be
/// reached, or what was found cannot run commands for us. One that this user may not use, or that speaks TLS and was asked without it, is there: somebody has to set that right.
pub(crate) fn is_no_engine(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        if let Some(none) = cause.downcast_ref::<NoEngine>() {
            return !none.is_forbidden();
        }
        if let Some(RunError::Unfit { .. }) = cause.downcast_ref() {
            return true;
        }
        matches!(
            cause.downcast_ref(),
            Some(EngineError::NotListening { .. } | EngineError::Connect { .. })
        )
    })
}

fn of_delivery(error: &DeliveryError) -> Option<i32> {
    if error.is_about_image() {
        Some(IMAGE)
    } else if error.is_unreachable() {
        Some(UNREACHABLE)
    } else {
        None
    }
}

/// What is printed: the error on a line, and each cause on one of its own.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut lines = format!("error: {error}");
    for cause in error.chain().skip(1) {
        lines.push_str(&format!("\ncaused by: {cause}"));
    }
    lines
}
