//! The command line: parsed, checked, ready to be run.

mod fetch_flags;
mod for_tests;
mod image_test_flags;
mod load_flags;
mod prune_flags;
mod push_flags;
mod registry_flags;
mod report_flag;
mod run_flags;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use stevedore_delivery::{DeliverySpec, ImageTestSpec, LoadSpec, PruneSpec, PushSpec, TestSpec};

use crate::exit_code::Usage;
pub(crate) use fetch_flags::FetchFlags;
pub(crate) use for_tests::ForTests;
pub(crate) use image_test_flags::ImageTestFlags;
pub(crate) use load_flags::LoadFlags;
pub(crate) use prune_flags::PruneFlags;
pub(crate) use push_flags::PushFlags;
pub(crate) use registry_flags::RegistryFlags;
use report_flag::ReportFlag;
pub(crate) use run_flags::RunFlags;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Command {
    /// The path under which this program was called, absolute.
    pub(crate) executable: PathBuf,
    /// What is delivered, and how.
    pub(crate) delivery: Delivery,
}

/// A delivery and its flags.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has one")]
pub(crate) enum Delivery {
    /// Into a container engine.
    Load(LoadSpec, LoadFlags),
    /// Into registries.
    Push(PushSpec, PushFlags),
    /// Into a container engine, for a test that gets these arguments.
    Test(TestSpec, LoadFlags, Vec<OsString>),
    /// Out of a container engine: images that were loaded for tests.
    Prune(PruneSpec, PruneFlags),
    /// Nowhere, or into a container engine: an image is compared with what is expected of it.
    ImageTest(ImageTestSpec, ImageTestFlags, LoadFlags),
    /// From a registry into a file.
    Fetch(FetchFlags),
    /// Out of a container into files.
    Run(RunFlags),
}

/// Told at the end of `--help`.
const LOAD_EXIT_CODES: &str = "Exit codes: 0 done; 1 the engine refused or the load failed; 2 usage; 3 no engine reachable, \
or no permission; 4 the image's files are missing or corrupt; 128 + N ended by signal N; with --run, the container's \
exit code.";
const PUSH_EXIT_CODES: &str = "Exit codes: 0 done; 1 the registry refused or the push failed; 2 usage; 3 no registry reachable; \
4 the image's files are missing or corrupt; 128 + N ended by signal N.";
const PRUNE_EXIT_CODES: &str =
    "Exit codes: 0 done; 1 the engine refused; 2 usage; 3 no engine reachable, or no permission; \
128 + N ended by signal N.";
const IMAGE_TEST_EXIT_CODES: &str =
    "Exit codes: 0 all is as expected; 1 something is not, or the engine refused; 2 an expectation makes no sense; 3 no engine \
reachable, or no permission; 4 the image's files are missing or corrupt; 128 + N ended by signal N.";
const FETCH_EXIT_CODES: &str =
    "Exit codes: 0 done; 1 the registry refused, or gave wrong bytes; 2 usage; 3 no registry \
reachable; 4 no registry has such blobs; 128 + N ended by signal N.";
const RUN_EXIT_CODES: &str =
    "Exit codes: 0 done; 1 a command failed, or the engine did; 2 usage; 3 no engine reachable, or no \
permission; 4 the image's files are missing or corrupt; 128 + N ended by signal N.";

/// Delivers container images.
#[derive(Parser, Debug)]
#[command(
    name = "stevedore-deliver",
    version,
    arg_required_else_help = true,
    args_override_self = true
)]
struct WithVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Loads an image into a container engine, and sends only the layers that it lacks.
    #[command(args_override_self = true, after_help = LOAD_EXIT_CODES)]
    Load {
        /// The delivery file that the rules have written.
        #[arg(long, value_name = "FILE")]
        delivery: PathBuf,
        #[command(flatten)]
        flags: LoadFlags,
    },
    /// Pushes an image into a registry, and sends only the blobs that it lacks.
    #[command(args_override_self = true, after_help = PUSH_EXIT_CODES)]
    Push {
        /// The delivery file that the rules have written.
        #[arg(long, value_name = "FILE")]
        delivery: PathBuf,
        #[command(flatten)]
        flags: PushFlags,
    },
    /// Removes images that were loaded for tests, from a container engine: those that no test has used for long, and no container
    /// needs.
    #[command(args_override_self = true, after_help = PRUNE_EXIT_CODES)]
    Prune {
        #[command(flatten)]
        flags: PruneFlags,
    },
    /// Fetches a blob from a registry into a file, unless this machine has it; what build actions run.
    #[command(after_help = FETCH_EXIT_CODES)]
    Fetch {
        #[command(flatten)]
        flags: FetchFlags,
    },
    /// Runs commands in a container of an image, and writes what they changed as a layer, or some files; what build actions run.
    #[command(after_help = RUN_EXIT_CODES)]
    Run {
        #[command(flatten)]
        flags: RunFlags,
    },
}

/// Loads an image into a container engine, and sends only the layers that it lacks.
#[derive(Parser, Debug)]
#[command(version, args_override_self = true, after_help = LOAD_EXIT_CODES)]
struct Load {
    #[command(flatten)]
    flags: LoadFlags,
}

/// Pushes an image into a registry, and sends only the blobs that it lacks.
#[derive(Parser, Debug)]
#[command(version, args_override_self = true, after_help = PUSH_EXIT_CODES)]
struct Push {
    #[command(flatten)]
    flags: PushFlags,
}

/// Removes images that were loaded for tests, from a container engine: those that no test has used for long, and no container needs.
#[derive(Parser, Debug)]
#[command(version, args_override_self = true, after_help = PRUNE_EXIT_CODES)]
struct Prune {
    #[command(flatten)]
    flags: PruneFlags,
}

/// Compares an image with what is expected of it.
#[derive(Parser, Debug)]
#[command(version, args_override_self = true, after_help = IMAGE_TEST_EXIT_CODES)]
struct ImageTest {
    #[command(flatten)]
    flags: ImageTestFlags,
}

/// How progress is shown.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressStyle {
    /// Bars on a terminal, lines elsewhere.
    Auto,
    /// Lines.
    Plain,
    /// Nothing.
    None,
}

impl Command {
    /// Reads the command line, and the delivery file; ends the program if it asks for help, or is wrong.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let arguments: Vec<OsString> = env::args_os().collect();
        let executable = called_as(arguments.first())?;
        let delivery = match delivery_beside(&executable) {
            Some(path) => Delivery::of_target(DeliverySpec::read(&path)?, arguments, &path)?,
            None => Delivery::of_verb(WithVerb::parse_from(arguments).verb)?,
        };
        delivery.check()?;
        Ok(Self {
            executable,
            delivery,
        })
    }
}

impl Delivery {
    fn of_target(
        spec: DeliverySpec,
        arguments: Vec<OsString>,
        path: &Path,
    ) -> anyhow::Result<Self> {
        Ok(match spec {
            DeliverySpec::Load(spec) => Self::Load(spec, Load::parse_from(arguments).flags),
            DeliverySpec::Push(spec) => Self::Push(spec, Push::parse_from(arguments).flags),
            DeliverySpec::Test(spec) => {
                let mut arguments = arguments.into_iter();
                let flags = Load::parse_from(arguments.next()).flags;
                Self::Test(spec, flags, arguments.collect())
            }
            DeliverySpec::Prune(spec) => Self::Prune(spec, Prune::parse_from(arguments).flags),
            DeliverySpec::ImageTest(spec) => {
                let load_flags = Load::parse_from(arguments.first()).flags;
                let flags = ImageTest::parse_from(arguments).flags;
                Self::ImageTest(spec, flags, load_flags)
            }
            _ => anyhow::bail!("`{}` is a delivery of an unknown kind", path.display()),
        })
    }

    fn of_verb(verb: Verb) -> anyhow::Result<Self> {
        let read = |delivery| {
            let path = in_callers_directory(delivery);
            let other = format!("`{}` is no delivery of this kind", path.display());
            DeliverySpec::read(&path).map(|spec| (spec, other))
        };
        match verb {
            Verb::Load { delivery, flags } => match read(delivery)? {
                (DeliverySpec::Load(spec), _) => Ok(Self::Load(spec, flags)),
                (_, other) => anyhow::bail!(other),
            },
            Verb::Push { delivery, flags } => match read(delivery)? {
                (DeliverySpec::Push(spec), _) => Ok(Self::Push(spec, flags)),
                (_, other) => anyhow::bail!(other),
            },
            Verb::Prune { flags } => {
                let label = "stevedore-deliver prune".to_owned();
                Ok(Self::Prune(PruneSpec { label }, flags))
            }
            Verb::Fetch { flags } => Ok(Self::Fetch(flags)),
            Verb::Run { flags } => Ok(Self::Run(flags)),
        }
    }

    fn check(&self) -> Result<(), Usage> {
        match self {
            Self::Load(_, flags) => flags.check(),
            Self::Push(spec, flags) => flags.check(spec.images.len()),
            Self::Test(..)
            | Self::ImageTest(..)
            | Self::Prune(..)
            | Self::Fetch(_)
            | Self::Run(_) => Ok(()),
        }
    }
}

/// `bazel run` starts a program in its runfiles and tells where the user was.
fn in_callers_directory(path: PathBuf) -> PathBuf {
    match env::var_os("BUILD_WORKING_DIRECTORY") {
        Some(directory) => Path::new(&directory).join(path),
        None => path,
    }
}

/// The path under which this program was called, absolute, its last symlink unresolved: that file's name tells what
/// is to be delivered.
fn called_as(argument: Option<&OsString>) -> anyhow::Result<PathBuf> {
    let called = argument.map(PathBuf::from).unwrap_or_default();
    let path = match called.components().count() {
        0 => env::current_exe().context("failed to find the path of this program")?,
        1 if !called.is_absolute() => find_in_path(&called).unwrap_or(called),
        _ => called,
    };
    std::path::absolute(&path)
        .with_context(|| format!("failed to make `{}` absolute", path.display()))
}

fn find_in_path(name: &Path) -> Option<PathBuf> {
    let directories = env::var_os("PATH")?;
    env::split_paths(&directories)
        .map(|directory| directory.join(name))
        .find(|path| path.exists())
}

/// The delivery file that belongs to `executable`, if there is one.
fn delivery_beside(executable: &Path) -> Option<PathBuf> {
    let mut name = executable.as_os_str().to_owned();
    name.push(".delivery.json");
    let path = PathBuf::from(name);
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        WithVerb::command().debug_assert();
        Load::command().debug_assert();
        Push::command().debug_assert();
        Prune::command().debug_assert();
        ImageTest::command().debug_assert();
    }
}
