//! The time at which an image is said to have been made.

use super::ConfigSpec;
use crate::error::Error;

/// What every image has that is not told otherwise, so that the same inputs give the same image.
pub(super) const EPOCH: &str = "1970-01-01T00:00:00Z";

const EXPECTED: &str = "a time such as `2026-01-31T12:00:00Z`, or the seconds since 1970";
/// The end of the year 9999, the last that RFC 3339 can write.
const MAX_SECONDS: u64 = 253_402_300_799;
const DAY: u64 = 24 * 60 * 60;

/// The time of a spec: of the form that RFC 3339 demands, or seconds since the epoch.
pub(super) fn checked(spec: &ConfigSpec) -> Result<String, Error> {
    let created = spec.created.as_deref().unwrap_or(EPOCH);
    if is_rfc3339(created) {
        return Ok(created.to_owned());
    }
    created
        .parse()
        .ok()
        .filter(|seconds| *seconds <= MAX_SECONDS)
        .map(of_seconds)
        .ok_or_else(|| spec.invalid("created", created, EXPECTED))
}

/// Writes seconds since the epoch as RFC 3339 has it.
fn of_seconds(seconds: u64) -> String {
    let (year, month, day) = date(seconds / DAY);
    let second = seconds % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day since the epoch.
/// See <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>: years begin in March, so that a leap day
/// is a year's last.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = match month {
        0..10 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (era * 400 + year + next_year, month, day)
}

/// Checks the form, and that each number is one that a clock or calendar can show.
fn is_rfc3339(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else {
        return false;
    };
    let Some((clock, rest)) = rest
        .strip_prefix('T')
        .and_then(|rest| rest.split_at_checked(8))
    else {
        return false;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => rest,
    };
    let has_fraction = rest.len() != zone.len();
    if has_fraction && rest.len() - zone.len() < 2 {
        return false;
    }
    let is_zone = zone == "Z"
        || zone
            .strip_prefix(['+', '-'])
            .is_some_and(|offset| numbers(offset, ':', &[(0, 23), (0, 59)]));
    // A year has four digits; the other numbers two.
    let Some((year, month_and_day)) = date.split_once('-') else {
        return false;
    };
    year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && numbers(month_and_day, '-', &[(1, 12), (1, 31)])
        && numbers(clock, ':', &[(0, 23), (0, 59), (0, 60)])
        && is_zone
}

fn numbers(text: &str, separator: char, ranges: &[(u8, u8)]) -> bool {
    let parts: Vec<&str> = text.split(separator).collect();
    parts.len() == ranges.len()
        && parts.iter().zip(ranges).all(|(part, (least, most))| {
            part.len() == 2
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part
                    .parse()
                    .is_ok_and(|number: u8| (*least..=*most).contains(&number))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_as_a_time() {
        let cases = [
            (0, EPOCH),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (MAX_SECONDS, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(of_seconds(seconds), expected);
            assert!(is_rfc3339(expected));
        }
    }

    #[test]
    fn times_have_the_form_of_rfc_3339() {
        let cases = [
            (EPOCH, true),
            ("2026-01-31T12:00:00.123456789Z", true),
            ("2026-01-31T12:00:00+02:00", true),
            ("2026-01-31T12:00:00", false),
            ("2026-01-31T12:00:00.Z", false),
            ("2026-13-31T12:00:00Z", false),
            ("2026-01-31 12:00:00Z", false),
            ("0", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_rfc3339(text), expected, "{text}");
        }
    }
}
