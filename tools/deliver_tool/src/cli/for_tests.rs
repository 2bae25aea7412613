//! Whether a load is for a test.

use std::ffi::OsString;

use clap::ValueEnum;
use stevedore_delivery::Purpose;

/// Variables that Bazel sets for each test: the first alone, or all of the others, as `bazel run` of a test does.
const OF_TESTS: [&[&str]; 2] = [&["BAZEL_TEST"], &["TEST_TARGET", "TEST_SRCDIR"]];

/// What `--for-tests` says.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForTests {
    /// If it runs in a test of Bazel's.
    Auto,
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl ForTests {
    /// What the images are loaded for; `variable` looks at the environment.
    pub(crate) fn purpose(self, variable: impl Fn(&str) -> Option<OsString>) -> Purpose {
        let is_for_tests = match self {
            Self::Auto => OF_TESTS
                .iter()
                .any(|names| names.iter().all(|name| variable(name).is_some())),
            Self::Yes => true,
            Self::No => false,
        };
        match is_for_tests {
            true => Purpose::Test,
            false => Purpose::Use,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_in_a_test_is_for_it() {
        for (set, flag, expected) in [
            (&["BAZEL_TEST"][..], ForTests::Auto, Purpose::Test),
            (
                &["TEST_TARGET", "TEST_SRCDIR"],
                ForTests::Auto,
                Purpose::Test,
            ),
            // Others use that name, too.
            (&["TEST_TARGET"], ForTests::Auto, Purpose::Use),
            (&["HOME"], ForTests::Auto, Purpose::Use),
            (&["BAZEL_TEST"], ForTests::No, Purpose::Use),
            (&["HOME"], ForTests::Yes, Purpose::Test),
        ] {
            let variable = |name: &str| set.contains(&name).then(OsString::new);
            assert_eq!(flag.purpose(variable), expected, "{set:?} {flag:?}");
        }
    }
}
