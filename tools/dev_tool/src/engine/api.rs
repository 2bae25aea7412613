//! As much of the engines' HTTP API as is needed to see that a daemon answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{bail, Context, Result};

/// How long a daemon may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks `GET target` of the daemon behind `socket` and returns the body of its answer, which must be a 200.
pub(crate) fn get(socket: &Path, target: &str) -> Result<String> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("failed to connect to `{}`", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the daemon neither chunks its answer nor keeps the connection open.
    write!(stream, "GET {target} HTTP/1.0\r\nHost: engine\r\n\r\n")
        .with_context(|| format!("failed to ask `{}`", socket.display()))?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .with_context(|| format!("failed to read the answer of `{}`", socket.display()))?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!(
            "`{}` answered without an HTTP head: `{answer}`",
            socket.display()
        );
    };
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!(
            "`{}` answered `{status}` to `GET {target}`: {body}",
            socket.display()
        );
    }
    Ok(body.to_owned())
}
