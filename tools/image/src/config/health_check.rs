//! Health checks, whose times are nanoseconds in a config.
//!
//! See <https://github.com/moby/docker-image-spec/blob/v1.3.1/specs-go/v1/image.go>.

use serde_json::{Map, Value};

use super::{ConfigSpec, HealthCheckSpec};
use crate::error::Error;

/// The JSON of a health check.
pub(super) fn to_value(spec: &ConfigSpec, check: &HealthCheckSpec) -> Result<Value, Error> {
    let kind = check.test.first().map(String::as_str);
    let is_valid = match kind {
        Some("NONE") => check.test.len() == 1,
        Some("CMD") => check.test.len() > 1,
        Some("CMD-SHELL") => check.test.len() == 2,
        _ => false,
    };
    if !is_valid {
        let expected = "a `test` of `NONE`, or `CMD` and a command with its arguments, or `CMD-SHELL` and one command";
        return Err(spec.invalid("healthcheck", &check.test.join(" "), expected));
    }
    let mut value = Map::new();
    value.insert("Test".to_owned(), check.test.clone().into());
    let times = [
        ("Interval", &check.interval),
        ("Timeout", &check.timeout),
        ("StartPeriod", &check.start_period),
        ("StartInterval", &check.start_interval),
    ];
    for (field, text) in times {
        if let Some(text) = text {
            let nanoseconds = nanoseconds(text)
                .filter(|nanoseconds| *nanoseconds == 0 || *nanoseconds >= MILLISECOND)
                .ok_or_else(|| {
                    let expected =
                        "times such as `30s`, `1m30s` or `500ms`, of a millisecond or more";
                    spec.invalid("healthcheck", text, expected)
                })?;
            value.insert(field.to_owned(), nanoseconds.into());
        }
    }
    if let Some(retries) = check.retries {
        value.insert("Retries".to_owned(), retries.into());
    }
    Ok(value.into())
}

const MILLISECOND: u64 = 1_000_000;

/// Parses a duration as Go's `time.ParseDuration` does, without a sign.
fn nanoseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", MILLISECOND),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(end);
        let length = after
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(number, *unit)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// A decimal number of units, rounded down.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = match whole {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let mut total = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(u64::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let cases = [
            ("30s", Some(30_000_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            ("500ms", Some(500_000_000)),
            ("0", Some(0)),
            (".5s", Some(500_000_000)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1x", None),
            ("-1s", None),
            ("9999999999h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }
}
