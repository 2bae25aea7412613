//! An ssh server on the loopback interface, behind which an engine is.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::place::{search, Place};
use super::tls::free_port;
use crate::command::run;

/// The folder of keys and settings.
const FOLDER: &str = "ssh";

/// The file with the port's number.
const PORT: &str = "ssh/port";

/// The server as `DOCKER_HOST` names it, and a `PATH` on which the first `ssh` knows the keys.
pub(crate) fn variables(place: &Place) -> Result<Vec<(&'static str, OsString)>> {
    let own = [place.file("ssh/bin")];
    Ok(vec![
        ("DOCKER_HOST", address(place)?.into()),
        ("PATH", search("PATH", &own)),
    ])
}

/// The server as `DOCKER_HOST` names it.
pub(crate) fn address(place: &Place) -> Result<String> {
    let file = place.file(PORT);
    let port = fs::read_to_string(&file).with_context(|| {
        format!(
            "failed to read `{}`: the engine has not run",
            file.display()
        )
    })?;
    Ok(format!("ssh://root@127.0.0.1:{}", port.trim()))
}

/// Chooses a port, and makes the keys, the settings of both sides, and an `ssh` that uses them.
pub(crate) fn prepare(place: &Place, host: &str) -> Result<()> {
    let folder = place.create_folder(FOLDER)?;
    place.create_folder("ssh/bin")?;
    let port = free_port()?;
    place.write(PORT, &format!("{port}\n"))?;
    for key in ["host_key", "user_key"] {
        place.remove(format!("{FOLDER}/{key}"))?;
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", key])
            .current_dir(&folder))?;
    }
    let host_key = fs::read_to_string(folder.join("host_key.pub"))
        .context("failed to read the ssh server's key")?;
    place.write("ssh/known_hosts", &format!("[127.0.0.1]:{port} {host_key}"))?;
    let path = |name: &str| folder.join(name).display().to_string();
    // A session finds the engine as on a machine where it is the only one.
    let server = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
         StrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
         SetEnv DOCKER_HOST={host}\n",
        path("host_key"),
        path("user_key.pub"),
    );
    place.write("ssh/sshd_config", &server)?;
    let client = format!(
        "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n",
        path("user_key"),
        path("known_hosts"),
    );
    place.write("ssh/config", &client)?;
    let wrapper = format!(
        "#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n",
        path("config")
    );
    let wrapper = place.write("ssh/bin/ssh", &wrapper)?;
    fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755))
        .with_context(|| format!("failed to make `{}` executable", wrapper.display()))
}

/// The command that runs the server, in the foreground.
pub(crate) fn command(place: &Place, prefix: &[&str]) -> Command {
    // It starts itself anew for every connection, so its name has to be a path.
    let server = "/usr/sbin/sshd";
    let mut command = match prefix {
        [] => Command::new(server),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(server);
            command
        }
    };
    let config: PathBuf = place.file("ssh/sshd_config");
    command.args(["-D", "-e", "-f"]).arg(config);
    command
}
