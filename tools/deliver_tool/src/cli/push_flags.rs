//! The flags of a push.

use clap::Args;
use stevedore_image::repository::Repository;
use stevedore_image::tag::Tag;

use super::{ProgressStyle, RegistryFlags, ReportFlag};
use crate::exit_code::Usage;

/// The flags of a push.
#[derive(Args, Debug)]
pub(crate) struct PushFlags {
    /// The repository to push to, in place of the target's, such as `ghcr.io/team/app`.
    #[arg(long, short, value_name = "REPOSITORY")]
    pub(crate) repository: Option<Repository>,
    /// One more tag; may be repeated.
    #[arg(long, short, value_name = "TAG")]
    pub(crate) tag: Vec<Tag>,
    /// Leave the target's own tags out.
    #[arg(long)]
    pub(crate) no_remote_tags: bool,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
    /// How many blobs are sent at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,
    /// How progress is shown on standard error.
    #[arg(long, value_enum, default_value_t = ProgressStyle::Auto)]
    pub(crate) progress: ProgressStyle,
    /// Show what is asked and found out.
    #[arg(long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) registries: RegistryFlags,
}

impl PushFlags {
    /// Refuses what is for one image only, if there are several.
    pub(super) fn check(&self, images: usize) -> Result<(), Usage> {
        let given = [
            ("--repository", self.repository.is_some()),
            ("--tag", !self.tag.is_empty()),
            ("--no-remote-tags", self.no_remote_tags),
        ];
        let refused = given.into_iter().find(|(_, is_given)| *is_given);
        match refused.filter(|_| images > 1) {
            Some((flag, _)) => Err(Usage::SeveralImages { flag, images }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// Only the flags.
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: PushFlags,
    }

    fn parse(arguments: &[&str]) -> Result<PushFlags, clap::Error> {
        let arguments = ["push"].iter().chain(arguments);
        Line::try_parse_from(arguments).map(|parsed| parsed.flags)
    }

    #[test]
    fn what_is_for_one_image_is_refused_for_several() -> Result<(), clap::Error> {
        for (arguments, images, refused) in [
            (&["--tag=a"][..], 1, false),
            (&["--tag=a"], 2, true),
            (&["--repository=a"], 2, true),
            (&["--no-remote-tags"], 2, true),
            (&["--insecure"], 2, false),
        ] {
            let checked = parse(arguments)?.check(images);
            assert_eq!(checked.is_err(), refused, "{arguments:?}");
        }
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let long = format!("--tag={}", "x".repeat(129));
        for argument in [
            "--repository=UPPER",
            "--repository=a:tag",
            "--tag=a:b",
            long.as_str(),
            "--mirror=x",
            "--jobs=0",
            "--timeout=0",
            "stray",
        ] {
            assert!(parse(&[argument]).is_err(), "{argument}");
        }
    }
}
