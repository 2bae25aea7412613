//! What a registry is shown, and nobody else.

use std::fmt;

/// What a registry is shown. Its [`Debug`](fmt::Debug) tells only the kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Nothing.
    None,
    /// A name and a password, for basic authentication or in exchange for a token.
    Basic {
        /// The name.
        user: String,
        /// The password, or a token that is used as one.
        password: String,
    },
    /// An OAuth 2 refresh token: the token server gives a token in exchange.
    IdentityToken(String),
    /// A token for the registry itself, with which no token server is asked.
    RegistryToken(String),
    /// Headers, by name and value, that are sent as they are. They are valid HTTP.
    Headers(Vec<(String, String)>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(…)",
            Self::IdentityToken(_) => "IdentityToken(…)",
            Self::RegistryToken(_) => "RegistryToken(…)",
            Self::Headers(_) => "Headers(…)",
        })
    }
}
