//! The flags of a test of an image.

use clap::Args;

/// The flags of a test of an image.
#[derive(Args, Debug)]
pub(crate) struct ImageTestFlags {
    /// Only the cases whose names have a match of this regular expression, such as `^file /etc/`; the others are left out.
    #[arg(long, value_name = "REGEX", env = "TESTBRIDGE_TEST_ONLY")]
    pub(crate) filter: Option<String>,
}
