//! The flags of a test of an image.

use clap::Args;

/// The flags of a test of an image.
#[derive(Args, Debug)]
pub(crate) struct ImageTestFlags {
    /// Only the cases whose names have a match of this regular expression, such as `^file /etc/`; the others are left out
    /// [default: the value of Bazel's `--test_filter`, which is looked for as it stands if it is no regular expression].
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<String>,
}
