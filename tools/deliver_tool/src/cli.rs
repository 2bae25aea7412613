//! The command line: parsed, checked, ready to be run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use stevedore_image::reference::Reference;

use crate::exit_code::Usage;
use crate::tags;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Command {
    /// The path under which this program was called, absolute.
    pub(crate) executable: PathBuf,
    /// The delivery file.
    pub(crate) delivery: PathBuf,
    /// The flags of the delivery.
    pub(crate) flags: LoadFlags,
}

/// Told at the end of `--help`.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 the engine refused or the load failed; 2 usage; 3 no engine reachable, \
or no permission; 4 the image's files are missing or corrupt; 128 + N ended by signal N; with --run, the container's \
exit code.";

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
    #[command(args_override_self = true, after_help = EXIT_CODES)]
    Load {
        /// The delivery file that the rules have written.
        #[arg(long, value_name = "FILE")]
        delivery: PathBuf,
        #[command(flatten)]
        flags: LoadFlags,
    },
}

/// Loads an image into a container engine, and sends only the layers that it lacks.
#[derive(Parser, Debug)]
#[command(version, args_override_self = true, after_help = EXIT_CODES)]
struct WithoutVerb {
    #[command(flatten)]
    flags: LoadFlags,
}

/// The flags of a load.
#[derive(Args, Debug)]
pub(crate) struct LoadFlags {
    /// One more name for the image, if it is the only one; may be repeated.
    #[arg(long, value_name = "REF", value_parser = tags::parse)]
    pub(crate) tag: Vec<Reference>,
    /// Write a JSON report to this file, also on failure.
    #[arg(long, value_name = "FILE", env = "STEVEDORE_REPORT")]
    report: Option<PathBuf>,
    /// The engine: `unix:///path`, `/path`, `tcp://host:port`, `https://host:port`, `ssh://user@host`, `podman:` or
    /// `containerd:///path?namespace=NAME` [default: `DOCKER_HOST`, the Docker CLI's context, `CONTAINER_HOST`, else the
    /// first that answers where one usually is].
    #[arg(long, value_name = "ADDR")]
    pub(crate) host: Option<String>,
    /// Run a container of the image, if it is the only one, after loading it, and end with its exit code.
    #[arg(long, overrides_with = "norun")]
    run: bool,
    /// Do not run a container (the default).
    #[arg(long, overrides_with = "run")]
    norun: bool,
    /// With --run: the network of the container, such as `host` or `none`.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// How progress is shown on standard error.
    #[arg(long, value_enum, default_value_t = ProgressStyle::Auto)]
    pub(crate) progress: ProgressStyle,
    /// Show which engine is used, and what it says.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// With --run: arguments for the container, in place of the image's command.
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
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
    /// Reads the command line; ends the program if it asks for help, or is wrong.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let arguments: Vec<OsString> = env::args_os().collect();
        let executable = called_as(arguments.first())?;
        let command = match delivery_beside(&executable) {
            Some(delivery) => Self {
                executable,
                delivery,
                flags: WithoutVerb::parse_from(arguments).flags,
            },
            None => {
                let Verb::Load { delivery, flags } = WithVerb::parse_from(arguments).verb;
                Self {
                    executable,
                    delivery: in_callers_directory(delivery),
                    flags,
                }
            }
        };
        command.flags.check()?;
        Ok(command)
    }
}

impl LoadFlags {
    fn check(&self) -> Result<(), Usage> {
        if !self.run && !self.norun && !self.arguments.is_empty() {
            return Err(Usage::ArgumentsWithoutRun {
                arguments: self.arguments.join(" "),
            });
        }
        Ok(())
    }

    /// Refuses what is for one image only, if there are several.
    pub(crate) fn check_images(&self, images: usize) -> Result<(), Usage> {
        let refuse = |flag| Err(Usage::SeveralImages { flag, images });
        match self.tag.is_empty() {
            _ if images == 1 => Ok(()),
            _ if self.run => refuse("--run"),
            false => refuse("--tag"),
            true => Ok(()),
        }
    }

    /// Where the report goes.
    pub(crate) fn report(&self) -> Option<PathBuf> {
        let report = self.report.clone();
        report
            .filter(|path| !path.as_os_str().is_empty())
            .map(in_callers_directory)
    }

    /// The arguments of the container that is to be run, if one is.
    pub(crate) fn container_arguments(&self) -> Option<&[String]> {
        self.run.then_some(&self.arguments)
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

    fn parse(arguments: &[&str]) -> Result<LoadFlags, clap::Error> {
        let arguments = ["load"].iter().chain(arguments);
        WithoutVerb::try_parse_from(arguments).map(|parsed| parsed.flags)
    }

    #[test]
    fn the_definition_is_consistent() {
        WithVerb::command().debug_assert();
        WithoutVerb::command().debug_assert();
    }

    #[test]
    fn arguments_go_to_the_container() -> Result<(), clap::Error> {
        let flags = parse(&["--run", "--", "--help", "x"])?;
        assert!(flags.check().is_ok());
        assert_eq!(
            flags.container_arguments(),
            Some(&["--help".to_owned(), "x".to_owned()][..])
        );
        Ok(())
    }

    #[test]
    fn the_last_of_run_and_norun_counts() -> Result<(), clap::Error> {
        assert_eq!(parse(&["--run", "--norun"])?.container_arguments(), None);
        assert!(parse(&["--norun", "--run"])?
            .container_arguments()
            .is_some());
        Ok(())
    }

    #[test]
    fn what_is_for_one_image_is_refused_for_several() -> Result<(), clap::Error> {
        for (arguments, images, refused) in [
            (&["--tag=a"][..], 1, false),
            (&["--tag=a"], 2, true),
            (&["--run"], 2, true),
            (&["--run", "--norun"], 2, false),
        ] {
            let checked = parse(arguments)?.check_images(images);
            assert_eq!(checked.is_err(), refused, "{arguments:?}");
        }
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() -> Result<(), clap::Error> {
        assert!(parse(&["--", "x"])?.check().is_err());
        for arguments in [
            ["--tag=UPPER"],
            ["--tag=a@sha256:00"],
            ["--progress=loud"],
            ["stray"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
        Ok(())
    }
}
