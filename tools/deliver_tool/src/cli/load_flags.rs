//! The flags of a load.

use clap::Args;
use stevedore_image::platform::Platform;
use stevedore_image::reference::Reference;

use super::{ForTests, ProgressStyle, RegistryFlags, ReportFlag};
use crate::exit_code::Usage;
use crate::print::Print;
use crate::tags;

/// The flags of a load.
#[derive(Args, Debug)]
pub(crate) struct LoadFlags {
    /// One more name for the image, if it is the only one; may be repeated.
    #[arg(long, value_name = "REF", value_parser = tags::parse)]
    pub(crate) tag: Vec<Reference>,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
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
    /// What is printed on standard output [default: all names, a line each, and the ID of an image without one].
    #[arg(long, value_enum)]
    pub(crate) print: Option<Print>,
    /// Whether the images are marked as loaded for a test, for `@rules_stevedore//oci:prune` to remove them; `auto`: in a test of Bazel's.
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = ForTests::Auto)]
    pub(crate) for_tests: ForTests,
    /// With --run: the network of the container, such as `host` or `none`.
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// How progress is shown on standard error.
    #[arg(long, value_enum, default_value_t = ProgressStyle::Auto)]
    pub(crate) progress: ProgressStyle,
    /// Show which engine is used, and what it says.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Of an index, the image for this platform, such as `linux/arm64`, in place of the one for the engine's.
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<Platform>,
    #[command(flatten)]
    pub(crate) registries: RegistryFlags,
    /// With --run: arguments for the container, in place of the image's command.
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

impl LoadFlags {
    pub(super) fn check(&self) -> Result<(), Usage> {
        if !self.run && !self.norun && !self.arguments.is_empty() {
            return Err(Usage::ArgumentsWithoutRun {
                arguments: self.arguments.join(" "),
            });
        }
        if self.run && self.print.is_some() {
            return Err(Usage::PrintWithRun);
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

    /// The arguments of the container that is to be run, if one is.
    pub(crate) fn container_arguments(&self) -> Option<&[String]> {
        self.run.then_some(&self.arguments)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// Only the flags.
    #[derive(clap::Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        flags: LoadFlags,
    }

    fn parse(arguments: &[&str]) -> Result<LoadFlags, clap::Error> {
        let arguments = ["load"].iter().chain(arguments);
        Line::try_parse_from(arguments).map(|parsed| parsed.flags)
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
        assert!(parse(&["--run", "--print=id"])?.check().is_err());
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
