//! Engines on other machines, reached through ssh.

mod error;
mod stream;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

pub use error::SshError;
pub(crate) use stream::SshStream;

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

impl RemoteCommand {
    /// The program's name.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The flag that names the engine's socket.
    fn socket_flag(self) -> &'static str {
        match self {
            Self::Docker => "--host",
            Self::Podman => "--url",
        }
    }
}

impl SshAddress {
    /// What `ssh` is called with: as the Docker CLI's `cli/connhelper` does it, and never a question to the user.
    ///
    /// The Docker CLI takes ssh's terminal away; here ssh is told that there is nobody to ask.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"]
            .map(OsString::from)
            .to_vec();
        let mut flag = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        if let Some(identity) = &self.identity {
            flag("-i", identity.into());
        }
        if let Some(user) = &self.user {
            flag("-l", user.into());
        }
        if let Some(port) = self.port {
            flag("-p", port.to_string().into());
        }
        flag("--", self.host.clone().into());
        arguments.push(self.remote_command().into());
        arguments
    }

    /// The line that the shell over there gets.
    pub(crate) fn remote_command(&self) -> String {
        let program = self.command.program();
        match &self.socket {
            Some(socket) => {
                let (flag, socket) = (self.command.socket_flag(), socket.display());
                let quoted = quoted(&format!("unix://{socket}"));
                format!("{program} {flag} {quoted} system dial-stdio")
            }
            None => format!("{program} system dial-stdio"),
        }
    }
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-".contains(&byte);
    match text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(address: &str, command: RemoteCommand, identity: Option<&str>) -> String {
        let mut address = SshAddress::parse(address).unwrap_or_else(|error| panic!("{error}"));
        address.command = command;
        address.identity = identity.map(PathBuf::from);
        let arguments = address.arguments();
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }

    #[test]
    fn ssh_is_called_as_the_docker_cli_calls_it() {
        use RemoteCommand::{Docker, Podman};
        for (address, command, identity, expected) in [
            ("there", Docker, None, "-- there docker system dial-stdio"),
            ("me@there:22", Docker, None, "-l me -p 22 -- there docker system dial-stdio"),
            ("[::1]", Docker, None, "-- ::1 docker system dial-stdio"),
            (
                "there/run/my docker's.sock",
                Docker,
                None,
                r"-- there docker --host 'unix:///run/my docker'\''s.sock' system dial-stdio",
            ),
            (
                "me@there/run/podman/podman.sock",
                Podman,
                Some("/key"),
                "-i /key -l me -- there podman --url unix:///run/podman/podman.sock system dial-stdio",
            ),
        ] {
            let expected = format!("-o ConnectTimeout=30 -o BatchMode=yes -T {expected}");
            assert_eq!(arguments(address, command, identity), expected, "{address}");
        }
    }
}
