//! Ports that a container listens on.

use super::ConfigSpec;
use crate::error::Error;

/// The ports of a spec as a config has them: `8080` becomes `8080/tcp`.
pub(super) fn checked(spec: &ConfigSpec) -> Result<Vec<String>, Error> {
    spec.exposed_ports
        .iter()
        .map(|port| {
            normalized(port).ok_or_else(|| {
                spec.invalid("exposed_ports", port, "ports such as `8080` or `53/udp`")
            })
        })
        .collect()
}

fn normalized(text: &str) -> Option<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u16 = number.parse().ok().filter(|port| is_number && *port > 0)?;
    let protocol = protocol.to_ascii_lowercase();
    matches!(protocol.as_str(), "tcp" | "udp" | "sctp").then(|| format!("{number}/{protocol}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_protocol() {
        let cases = [
            ("8080", Some("8080/tcp")),
            ("53/udp", Some("53/udp")),
            ("53/UDP", Some("53/udp")),
            ("0", None),
            ("65536", None),
            ("+80", None),
            ("80/http", None),
            ("http", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(normalized(text).as_deref(), expected, "{text}");
        }
    }
}
