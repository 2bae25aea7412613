//! Tokens, and the servers that give them.
//!
//! See <https://distribution.github.io/distribution/spec/auth/token/> and, for identity tokens,
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::time::{Duration, Instant};

use bytes::Bytes;
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use serde::Deserialize;

/// How long a token lives if the server does not say it; the specification's default.
const DEFAULT_LIFE: u64 = 60;

/// What this program calls itself.
pub(crate) const CLIENT: &str = "rules_stevedore";

/// The answer of a token server.
#[derive(Deserialize)]
struct TokenBody {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// A token, and when it is to be replaced.
pub(crate) struct Token {
    pub(crate) value: String,
    pub(crate) renew_at: Instant,
}

impl Token {
    /// The token in a body; its life began at `asked`.
    pub(crate) fn parse(body: &[u8], asked: Instant) -> Option<Self> {
        let body: TokenBody = serde_json::from_slice(body).ok()?;
        let value = body.token.filter(|token| !token.is_empty());
        let value = value.or(body.access_token)?;
        let life = Duration::from_secs(
            body.expires_in
                .filter(|life| *life > 0)
                .unwrap_or(DEFAULT_LIFE),
        );
        // A request that is under way when its token ends has been let in.
        let margin = (life / 5).min(Duration::from_secs(10));
        Some(Self {
            value,
            renew_at: asked + (life - margin),
        })
    }
}

/// The query of a request for a token.
pub(crate) fn query(service: Option<&str>, scopes: &[String], account: Option<&str>) -> String {
    let account = account.map(|account| ("account", account));
    let client = account.map(|_| ("client_id", CLIENT));
    let service = service.map(|service| ("service", service));
    let scopes = scopes.iter().map(|scope| ("scope", scope.as_str()));
    form(
        account
            .into_iter()
            .chain(client)
            .chain(service)
            .chain(scopes),
    )
}

/// The body of a request with an identity token.
pub(crate) fn refresh_form(service: Option<&str>, scopes: &[String], token: &str) -> Bytes {
    let scope = scopes.join(" ");
    let fields = [
        ("grant_type", "refresh_token"),
        ("service", service.unwrap_or_default()),
        ("client_id", CLIENT),
        ("scope", &scope),
        ("refresh_token", token),
    ];
    form(fields.into_iter()).into()
}

fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let fields = fields.map(|(name, value)| format!("{name}={}", encode(value)));
    fields.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now = Instant::now();
        for (body, value, seconds) in [
            (r#"{"token":"a","expires_in":300}"#, "a", 290),
            (r#"{"access_token":"b","expires_in":10}"#, "b", 8),
            (r#"{"token":"","access_token":"c"}"#, "c", 50),
            (r#"{"token":"d","expires_in":0,"issued_at":"x"}"#, "d", 50),
        ] {
            let token = Token::parse(body.as_bytes(), now);
            let found = token.map(|token| (token.value, token.renew_at - now));
            assert_eq!(
                found,
                Some((value.to_owned(), Duration::from_secs(seconds))),
                "{body}"
            );
        }
        assert!(Token::parse(b"{}", now).is_none());
        assert!(Token::parse(b"<html>", now).is_none());
    }

    #[test]
    fn a_query_names_every_scope() {
        let scopes = [
            "repository:a/b:pull,push".to_owned(),
            "repository:c:pull".to_owned(),
        ];
        assert_eq!(
            query(Some("reg.io"), &scopes, Some("me")),
            "account=me&client_id=rules%5Fstevedore&service=reg%2Eio&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%3Apull"
        );
        assert_eq!(query(None, &[], None), "");
    }
}
