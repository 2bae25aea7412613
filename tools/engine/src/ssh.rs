//! Engines on other machines, reached through ssh.

use std::fmt;
use std::path::PathBuf;

use crate::address::parse_host_and_port;

/// Where ssh goes, and what it runs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    /// The user there; `None` leaves it to ssh's configuration.
    pub user: Option<String>,
    /// A host name, an alias of ssh's configuration, or an IP address without brackets.
    pub host: String,
    /// The port; `None` leaves it to ssh's configuration.
    pub port: Option<u16>,
    /// The engine's socket there; `None` leaves it to the command.
    pub socket: Option<PathBuf>,
    /// The command there that passes on what is said to it.
    pub command: RemoteCommand,
    /// The private key with which to log in; `None` leaves it to ssh's configuration.
    pub identity: Option<PathBuf>,
}

/// The command line client whose `system dial-stdio` connects ssh's streams with the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteCommand {
    /// `docker system dial-stdio`
    #[default]
    Docker,
    /// `podman system dial-stdio`
    Podman,
}

impl SshAddress {
    /// Reads what stands behind `ssh://`. The error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (login, socket) = match text.split_once('/') {
            Some((login, socket)) => (login, Some(socket).filter(|socket| !socket.is_empty())),
            None => (text, None),
        };
        if text.contains(['?', '#']) {
            return Err("an ssh address has no query and no fragment");
        }
        let (user, host) = match login.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, login),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password in an address is not supported; use a key");
        }
        let (host, port) =
            parse_host_and_port(host).ok_or("there is no host, or its port is no number")?;
        // ssh would take them for flags, and some flags run commands.
        if host.starts_with('-')
            || user.is_some_and(|user| user.starts_with('-') || user.is_empty())
        {
            return Err("that is no user or host");
        }
        Ok(Self {
            user: user.map(ToOwned::to_owned),
            host: host.to_owned(),
            port,
            socket: socket.map(|socket| PathBuf::from(format!("/{socket}"))),
            command: RemoteCommand::default(),
            identity: None,
        })
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &self.socket {
            Some(socket) => write!(f, "{}", socket.display()),
            None => Ok(()),
        }
    }
}
