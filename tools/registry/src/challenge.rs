//! What a registry asks for: the header `WWW-Authenticate`.
//!
//! See <https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1> and
//! <https://distribution.github.io/distribution/spec/auth/token/>.

/// The credentials that a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token of a token server.
    Bearer {
        /// The token server's URL.
        realm: String,
        /// What the token is for.
        service: Option<String>,
    },
}

/// The challenge in the values of `WWW-Authenticate`; a token is preferred to a password.
pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for value in values {
        let (scheme, parameters) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let parameters = parse_parameters(parameters);
            let find = |name: &str| {
                let found = parameters
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            if let Some(realm) = find("realm") {
                return Some(Challenge::Bearer {
                    realm,
                    service: find("service"),
                });
            }
        }
    }
    basic
}

/// `key=value` or `key="value"`, separated by commas; a backslash escapes within quotes.
fn parse_parameters(mut text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    while let Some((key, rest)) = text.split_once('=') {
        let key = key.trim_matches([',', ' ', '\t']).to_owned();
        let (value, rest) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => parse_quoted(quoted),
            None => {
                let (value, rest) = rest.split_once(',').unwrap_or((rest, ""));
                (value.trim().to_owned(), rest)
            }
        };
        parameters.push((key, value));
        text = rest;
    }
    parameters
}

fn parse_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &text[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(ToOwned::to_owned),
        })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let cases = [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a:pull,push\"",
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (
                "bearer service=x , REALM = \"https://a/\\\"b\", error=\"invalid_token\"",
                bearer("https://a/\"b", Some("x")),
            ),
            ("Bearer service=x", None),
            ("Negotiate", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(parse([value].into_iter()), expected, "{value}");
        }
    }

    #[test]
    fn a_token_is_preferred() {
        let values = ["Basic realm=x", "Bearer realm=\"https://a\""];
        assert_eq!(parse(values.into_iter()), bearer("https://a", None));
    }
}
