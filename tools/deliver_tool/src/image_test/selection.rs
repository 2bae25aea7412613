//! Which of the cases of a test are compared.

use std::env;

use anyhow::{ensure, Context as _};
use stevedore_image_check::Checks;

use crate::exit_code::Usage;

/// How many cases are not compared, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) by_filter: usize,
    pub(super) to_other_shards: usize,
}

/// One of several runs of a test, of which each has some of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard {
    index: usize,
    total: usize,
}

/// Drops the checks that are not wanted, of which `filter` is a flag's value.
///
/// # Errors
/// If the flag's value is no regular expression, or the shard is none.
pub(super) fn select(checks: &mut Checks, filter: Option<&str>) -> anyhow::Result<LeftOut> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let all = checks.len();
    match filter {
        Some("") => {}
        Some(filter) => {
            checks.keep(stevedore_image_check::filter(filter).map_err(Usage::Expectation)?);
        }
        None => {
            if let Some(filter) = variable("TESTBRIDGE_TEST_ONLY") {
                keep_as_bazel_says(checks, &filter);
            }
        }
    }
    let filtered = checks.len();
    if let Some(shard) = Shard::of_bazel(variable)? {
        let mut numbers = 0..;
        checks.keep(|_| numbers.next().is_some_and(|number| shard.has(number)));
    }
    Ok(LeftOut {
        by_filter: all - filtered,
        to_other_shards: filtered - checks.len(),
    })
}

/// `--test_filter` is for all tests of a build, those of other languages too, whose filters need not be regular expressions.
fn keep_as_bazel_says(checks: &mut Checks, filter: &str) {
    match stevedore_image_check::filter(filter) {
        Ok(is_wanted) => checks.keep(is_wanted),
        Err(_) => {
            eprintln!("note: the filter `{filter}` is no regular expression, and is looked for as it stands");
            checks.keep(|name| name.contains(filter));
        }
    }
}

impl Shard {
    /// The one that Bazel wants this to be. See <https://bazel.build/reference/test-encyclopedia#test-sharding>.
    fn of_bazel(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let number = |name| {
            let value = variable(name);
            let number = value.as_deref().map(str::parse).transpose();
            number.with_context(|| {
                format!(
                    "`{name}` is `{}`: expected a number",
                    value.unwrap_or_default()
                )
            })
        };
        let (total, index) = (number("TEST_TOTAL_SHARDS")?, number("TEST_SHARD_INDEX")?);
        let (total, index) = (total.unwrap_or(0), index.unwrap_or(0));
        if total == 0 {
            return Ok(None);
        }
        ensure!(
            index < total,
            "`TEST_SHARD_INDEX` is `{index}`: expected less than `TEST_TOTAL_SHARDS`, which is `{total}`"
        );
        Ok(Some(Self { index, total }))
    }

    fn has(self, number: usize) -> bool {
        number % self.total == self.index
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shard(index: Option<&str>, total: Option<&str>) -> anyhow::Result<Option<Shard>> {
        Shard::of_bazel(|name| {
            let value = match name {
                "TEST_SHARD_INDEX" => index,
                _ => total,
            };
            value.map(str::to_owned)
        })
    }

    #[test]
    fn a_test_has_shards_if_bazel_says_so() {
        assert_eq!(shard(None, None).unwrap(), None);
        assert_eq!(shard(Some("0"), Some("0")).unwrap(), None);
        let second = Shard { index: 1, total: 3 };
        assert_eq!(shard(Some("1"), Some("3")).unwrap(), Some(second));
        for (index, total) in [("3", "3"), ("x", "3"), ("0", "-1")] {
            assert!(shard(Some(index), Some(total)).is_err(), "{index} {total}");
        }
    }

    #[test]
    fn each_case_is_in_one_shard() {
        let shards = [0, 1, 2].map(|index| Shard { index, total: 3 });
        for number in 0..7 {
            let having = shards.iter().filter(|shard| shard.has(number));
            assert_eq!(having.count(), 1, "{number}");
        }
    }
}
