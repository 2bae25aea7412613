//! The engine: found, and connected to.

use std::env;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use stevedore_engine::discovery::{self, Candidate, Origin, Surroundings};
use stevedore_engine::{Address, Connection, Error as EngineError, Traffic};

use crate::exit_code::Usage;
use crate::progress::Progress;

/// How long an engine that nobody has named may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// No engine was named, and none answers where one usually is.
#[derive(Debug, thiserror::Error)]
pub(crate) struct NoEngine {
    tried: Vec<Tried>,
}

/// A place where no engine could be used.
#[derive(Debug)]
struct Tried {
    candidate: Candidate,
    reason: String,
    forbidden: bool,
}

/// The places to try; `host` is the value of `--host`.
pub(crate) fn candidates(host: Option<&str>) -> Result<Vec<Candidate>, Usage> {
    let variable = |name: &str| env::var(name).ok();
    let user_id = rustix::process::getuid().as_raw();
    discovery::candidates(host, &Surroundings::new(&variable, user_id)).map_err(Usage::Engine)
}

/// Connects to the first of `candidates` that answers.
pub(crate) async fn to_first(
    candidates: Vec<Candidate>,
    traffic: &Traffic,
    progress: &Progress,
) -> anyhow::Result<Connection> {
    let mut tried = Vec::new();
    for candidate in candidates {
        let opening = Connection::open(candidate.address.clone(), traffic.clone());
        let opened = if candidate.origin.is_named() {
            opening
                .await
                .map_err(|error| blame(&candidate.origin, error))?
        } else {
            match tokio::time::timeout(PATIENCE, opening).await {
                Ok(Ok(engine)) => engine,
                Ok(Err(error)) => {
                    tried.push(Tried::failed(candidate, &error));
                    continue;
                }
                Err(_) => {
                    tried.push(Tried::timed_out(candidate));
                    continue;
                }
            }
        };
        warn_of_forbidden(&tried, &candidate);
        progress.explain(&taken(&candidate, &opened));
        return Ok(opened);
    }
    Err(NoEngine { tried }.into())
}

/// A variable or a context is easily forgotten; a flag is not.
fn blame(origin: &Origin, error: EngineError) -> anyhow::Error {
    match origin {
        Origin::Flag => error.into(),
        origin => anyhow::Error::from(error)
            .context(format!("{origin} names an engine that cannot be used")),
    }
}

/// Docker's own socket comes first: whoever may not use it may be surprised by what is used instead.
fn warn_of_forbidden(tried: &[Tried], taken: &Candidate) {
    if let Some(first) = tried.first().filter(|first| first.forbidden) {
        let (skipped, taken) = (&first.candidate, &taken.address);
        eprintln!(
            "warning: `{}` ({}) is not used: {}; using `{taken}`",
            skipped.address, skipped.origin, first.reason
        );
    }
}

fn taken(candidate: &Candidate, engine: &Connection) -> String {
    let identity = engine.identity();
    let why = match &candidate.origin {
        Origin::Usual(_) => "the first that answers; none was named".to_owned(),
        origin => format!("named by {origin}"),
    };
    let (kind, version) = (identity.kind, &identity.version);
    format!("using `{}`: {kind} {version}, {why}", candidate.address)
}

impl Tried {
    fn failed(candidate: Candidate, error: &EngineError) -> Self {
        let forbidden = matches!(error, EngineError::NoPermission { .. });
        Self {
            reason: reason(&candidate.address, error),
            forbidden,
            candidate,
        }
    }

    fn timed_out(candidate: Candidate) -> Self {
        Self {
            reason: format!("no answer within {} s", PATIENCE.as_secs()),
            forbidden: false,
            candidate,
        }
    }
}

/// Why an engine cannot be used, in a few words.
fn reason(address: &Address, error: &EngineError) -> String {
    match (error, address) {
        (EngineError::NotListening { source, .. }, Address::Unix(_)) => match source.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            _ => "nobody listens: start the engine".to_owned(),
        },
        (EngineError::NoPermission { .. }, Address::Unix(_)) => {
            "no permission: join the group that owns it (`docker` for Docker) and log in again"
                .to_owned()
        }
        _ => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            text
        }
    }
}

impl fmt::Display for NoEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no container engine answers; start one, or name it with `--host`, `DOCKER_HOST` or a context of the Docker CLI; \
             tried were",
        )?;
        for Tried {
            candidate, reason, ..
        } in &self.tried
        {
            let Candidate { address, origin } = candidate;
            write!(f, "\n  `{address}` ({origin}): {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
