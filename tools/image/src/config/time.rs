//! The time at which an image is said to have been made.

use super::ConfigSpec;
use crate::error::Error;

/// What every image has that is not told otherwise, so that the same inputs give the same image.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// The time of a spec, which must be of the form that RFC 3339 demands.
pub(super) fn checked(spec: &ConfigSpec) -> Result<String, Error> {
    let created = spec.created.as_deref().unwrap_or(EPOCH);
    match is_rfc3339(created) {
        true => Ok(created.to_owned()),
        false => Err(spec.invalid("created", created, "a time such as `2026-01-31T12:00:00Z`")),
    }
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
