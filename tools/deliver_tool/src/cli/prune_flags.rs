//! The flags of the verb `prune`.

use std::time::Duration;

use clap::Args;

use super::ReportFlag;

/// The flags of the verb `prune`.
#[derive(Args, Debug)]
pub(crate) struct PruneFlags {
    /// How long ago a test must have used an image for the last time, to a day: `7d`, `12h`, `30m`, `90s`.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    pub(crate) older_than: Duration,
    /// Remove nothing, and tell what would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The engine, as for a load [default: `DOCKER_HOST`, the Docker CLI's context, `CONTAINER_HOST`, else the first that answers
    /// where one usually is].
    #[arg(long, value_name = "ADDR")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
    /// Show which engine is used.
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// Reads a number and its unit.
fn age(text: &str) -> Result<Duration, String> {
    let expected =
        || "expected a number and a unit, such as `7d`, `12h`, `30m` or `90s`".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        Some('w') => 7 * 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let number: Option<u64> = text[..text.len() - 1].parse().ok();
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        for (text, seconds) in [
            ("7d", Some(7 * 86_400)),
            ("2w", Some(14 * 86_400)),
            ("12h", Some(43_200)),
            ("30m", Some(1_800)),
            ("0s", Some(0)),
            ("7", None),
            ("d", None),
            ("", None),
            ("-1d", None),
            ("1.5h", None),
            ("7 days", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(age(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
