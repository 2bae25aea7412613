//! Who may use a registry, and how: what its settings say about it, and what clients have to know.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{json, Map, Value};
use stevedore_testing::{Account, Authority, TokenLife, TokenServer};

use super::name::Variant;
use crate::scratch::Scratch;

/// The user whom registries know. The password has what breaks a client that does not take it as it is.
const USER: &str = "stevedore";
const PASSWORD: &str = "horse:battery%21staple";
const IDENTITY_TOKEN: &str = "identity-of-stevedore";

/// [`PASSWORD`] as bcrypt has it, the only form that the registry reads.
const HASHED_PASSWORD: &str = "$2y$05$stevedoreStevedoreSte.1lF91Y4IK0eSyCowUoqs7/50WQtw7f2";

/// How long a token is good for, unless another time is chosen.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// A registry's way of access, with what it needs.
pub(super) enum Access {
    /// Plain http, by anybody.
    Open,
    /// A name and a password, in a file of Apache's `htpasswd`.
    Password(PathBuf),
    /// Tokens of this server; the file has its root certificate.
    Token(TokenServer, PathBuf),
    /// TLS.
    Tls {
        /// The authority's certificate.
        authority: PathBuf,
        /// The registry's own.
        server: Pair,
        /// What a client shows, if it has to.
        client: Option<Pair>,
    },
}

/// The files of a certificate and its key.
pub(super) struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Access {
    /// Makes what a variant needs, with its files in `scratch`.
    pub(super) fn prepare(variant: &Variant, scratch: &Scratch) -> Result<Self> {
        Ok(match variant {
            Variant::Plain => Self::Open,
            Variant::Htpasswd => {
                let line = format!("{USER}:{HASHED_PASSWORD}\n");
                Self::Password(write(scratch, "htpasswd", &line)?)
            }
            Variant::Token(life) => {
                let life = TokenLife {
                    real: life.unwrap_or(TOKEN_LIFE),
                    told: life.is_none(),
                };
                let server = TokenServer::start(account(), life)
                    .context("failed to start a token server")?;
                let root = write(scratch, "tokens.pem", server.root_certificate())?;
                Self::Token(server, root)
            }
            Variant::Tls => tls(scratch, false)?,
            Variant::MutualTls => tls(scratch, true)?,
        })
    }

    /// Adds it to the settings of distribution.
    pub(super) fn configure(&self, settings: &mut Value) {
        match self {
            Self::Open => {}
            Self::Password(file) => {
                settings["auth"] = json!({"htpasswd": {"realm": "stevedore", "path": file}});
            }
            Self::Token(server, root) => {
                let token: Map<_, _> = server
                    .registry_settings(&root.to_string_lossy())
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value.into()))
                    .collect();
                settings["auth"] = json!({ "token": token });
            }
            Self::Tls {
                authority,
                server,
                client,
            } => {
                let mut tls = json!({"certificate": server.certificate, "key": server.key});
                if client.is_some() {
                    tls["clientcas"] = json!([authority]);
                }
                settings["http"]["tls"] = tls;
            }
        }
    }

    /// What a client has to know, by the keys of `STEVEDORE_TEST_REGISTRIES`.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let shown = |path: &Path| path.display().to_string();
        let mut facts = Vec::new();
        if let Some((user, password)) = self.login() {
            facts.push(("user", user));
            facts.push(("password", password));
        }
        if let Self::Token(server, _) = self {
            facts.push(("identity", IDENTITY_TOKEN.to_owned()));
            facts.push(("tokens", server.url()));
        }
        if let Self::Tls {
            authority, client, ..
        } = self
        {
            facts.push(("ca", shown(authority)));
            if let Some(client) = client {
                facts.push(("cert", shown(&client.certificate)));
                facts.push(("key", shown(&client.key)));
            }
        }
        facts
    }

    /// The user whom it knows, and the password.
    pub(super) fn login(&self) -> Option<(String, String)> {
        match self {
            Self::Password(_) | Self::Token(..) => Some((USER.to_owned(), PASSWORD.to_owned())),
            Self::Open | Self::Tls { .. } => None,
        }
    }

    /// How many tokens were asked for.
    pub(super) fn token_requests(&self) -> usize {
        match self {
            Self::Token(server, _) => server.requests().len(),
            _ => 0,
        }
    }
}

fn account() -> Account {
    Account {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        identity_token: IDENTITY_TOKEN.to_owned(),
    }
}

fn tls(scratch: &Scratch, mutual: bool) -> Result<Access> {
    let authority = Authority::new("stevedore registries")?;
    let pair = |name: &str, hosts: &[&str]| -> Result<Pair> {
        let certificate = authority.certify(hosts)?;
        Ok(Pair {
            certificate: write(scratch, &format!("{name}.pem"), &certificate.pem)?,
            key: write(scratch, &format!("{name}-key.pem"), &certificate.key)?,
        })
    };
    Ok(Access::Tls {
        server: pair("server", &["127.0.0.1", "localhost"])?,
        client: match mutual {
            true => Some(pair("client", &[])?),
            false => None,
        },
        authority: write(scratch, "ca.pem", &authority.pem())?,
    })
}

fn write(scratch: &Scratch, name: &str, text: &str) -> Result<PathBuf> {
    let file = scratch.file(name);
    fs::write(&file, text).with_context(|| format!("failed to write `{}`", file.display()))?;
    Ok(file)
}
