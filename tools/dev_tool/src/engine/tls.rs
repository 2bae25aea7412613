//! A TCP port with TLS on a Docker daemon, for clients that `DOCKER_TLS_VERIFY` tells to be strict.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::place::Place;
use crate::command::run;

/// The folder of the certificates. The client's have the names that `DOCKER_CERT_PATH` expects.
const FOLDER: &str = "tls";

/// The file with the port's number.
const PORT: &str = "tls/port";

/// Where the port is, and who may use it.
pub(crate) fn variables(place: &Place) -> Result<Vec<(&'static str, OsString)>> {
    Ok(vec![
        ("DOCKER_HOST", address(place)?.into()),
        ("DOCKER_TLS_VERIFY", "1".into()),
        ("DOCKER_CERT_PATH", place.file(FOLDER).into()),
    ])
}

/// The port as `DOCKER_HOST` names it.
pub(crate) fn address(place: &Place) -> Result<String> {
    let file = place.file(PORT);
    let port = std::fs::read_to_string(&file).with_context(|| {
        format!(
            "failed to read `{}`: the engine has not run",
            file.display()
        )
    })?;
    Ok(format!("tcp://127.0.0.1:{}", port.trim()))
}

/// Chooses a port, and makes the certificates of an authority, the daemon and a client.
pub(crate) fn prepare(place: &Place) -> Result<()> {
    let folder = place.create_folder(FOLDER)?;
    place.write(PORT, &format!("{}\n", free_port()?))?;
    // Not the root's own settings, which make every certificate one of an authority.
    place.write(
        "tls/openssl.cnf",
        "[req]\ndistinguished_name = name\n[name]\n",
    )?;
    let authority = "basicConstraints=critical,CA:TRUE";
    certificate(&folder, ["ca", "authority"], &[authority], None)?;
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    let member = "basicConstraints=critical,CA:FALSE";
    let server = [member, names, "extendedKeyUsage=serverAuth"];
    certificate(&folder, ["server-cert", "127.0.0.1"], &server, Some("ca"))?;
    let client = [member, "extendedKeyUsage=clientAuth"];
    certificate(&folder, ["cert", "client"], &client, Some("ca"))
}

/// What the daemon is told, if [`prepare`] was called for it.
pub(crate) fn daemon_flags(place: &Place) -> Result<Vec<OsString>> {
    if !place.file(PORT).exists() {
        return Ok(Vec::new());
    }
    let mut flags = vec![
        format!("--host={}", address(place)?).into(),
        "--tlsverify".into(),
    ];
    for (name, file) in [
        ("--tlscacert=", "ca.pem"),
        ("--tlscert=", "server-cert.pem"),
        ("--tlskey=", "server-cert-key.pem"),
    ] {
        let mut flag = OsString::from(name);
        flag.push(place.file(FOLDER).join(file));
        flags.push(flag);
    }
    Ok(flags)
}

/// A port of the loopback interface that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Writes `FILE.pem`, for a subject with this name, and its key: `FILE-key.pem`, or `key.pem` for `cert.pem`.
fn certificate(
    folder: &Path,
    [file, subject]: [&str; 2],
    extensions: &[&str],
    signer: Option<&str>,
) -> Result<()> {
    let key = match file {
        "cert" => "key.pem".to_owned(),
        file => format!("{file}-key.pem"),
    };
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-noenc", "-days", "30"])
        .args(["-config", "openssl.cnf", "-subj", &format!("/CN={subject}")])
        .args(["-out", &format!("{file}.pem"), "-keyout", &key])
        .current_dir(folder);
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    if let Some(signer) = signer {
        command
            .args(["-CA", &format!("{signer}.pem")])
            .args(["-CAkey", &format!("{signer}-key.pem")]);
    }
    run(&mut command)
}
