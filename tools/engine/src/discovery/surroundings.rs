//! What a search for engines depends on.

use std::path::{Path, PathBuf};

use crate::address::Address;
use stevedore_wire::{ClientFiles, TlsFiles};

/// The environment of a program, as far as it tells where engines are.
pub struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    user_id: u32,
}

impl<'a> Surroundings<'a> {
    /// Asks `variable` for environment variables; `user_id` is this user's.
    pub fn new(variable: &'a dyn Fn(&str) -> Option<String>, user_id: u32) -> Self {
        Self { variable, user_id }
    }

    /// A variable; one that is empty counts as unset, as in the Docker CLI.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// The folders of this user's sockets. In a Bazel test the variable is not set.
    pub(super) fn runtime_folders(&self) -> Vec<PathBuf> {
        let usual = PathBuf::from(format!("/run/user/{}", self.user_id));
        let named = self.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
        let named = named.filter(|folder| *folder != usual);
        named.into_iter().chain([usual]).collect()
    }

    /// The folder of the Docker CLI's settings.
    pub(super) fn docker_config(&self) -> Option<PathBuf> {
        let named = self.variable("DOCKER_CONFIG").map(PathBuf::from);
        named.or_else(|| Some(self.home()?.join(".docker")))
    }

    /// The variable, if there is one, that makes the Docker CLI speak TLS. Any value does, `0` and `false` too.
    pub(super) fn tls_variable(&self) -> Option<&'static str> {
        let mut variables = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"].into_iter();
        variables.find(|name| self.variable(name).is_some())
    }

    /// `address` with what Docker's variables say about TLS, if it is one to which that applies.
    ///
    /// As in the Docker CLI's `cli/flags/options.go`: `DOCKER_TLS` alone checks nothing, and the client's certificate
    /// is optional.
    pub(super) fn add_tls(&self, address: Address) -> Address {
        let variable = self.tls_variable();
        let skip_verify = variable == Some("DOCKER_TLS");
        let named = self.variable("DOCKER_CERT_PATH").map(PathBuf::from);
        let folder = match (&address, variable) {
            (Address::Tcp { .. }, None) => None,
            (_, None) => named,
            (_, Some(_)) => named.or_else(|| Some(self.docker_config().unwrap_or_default())),
        };
        match folder {
            Some(folder) => address.with_tls(TlsFiles {
                ca: match skip_verify {
                    true => Vec::new(),
                    false => vec![folder.join("ca.pem")],
                },
                and_system: false,
                client: client_files(&folder),
                skip_verify,
            }),
            None => address,
        }
    }
}

/// A client's certificate and key under the names that the Docker CLI gives them, if both are there.
pub(super) fn client_files(folder: &Path) -> Option<ClientFiles> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    (certificate.exists() && key.exists()).then_some(ClientFiles { certificate, key })
}
