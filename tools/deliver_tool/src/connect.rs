//! The engine: found, and connected to.

use std::env;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::pin::pin;
use std::time::Duration;

use stevedore_engine::discovery::{self, Candidate, Origin, Surroundings};
use stevedore_engine::{Address, Connection, Error as EngineError};
use stevedore_wire::Traffic;

use crate::exit_code::Usage;
use crate::progress::Progress;

/// How long an engine that nobody has named may take to answer, and until it is told that a named one is waited for.
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
        match open(&candidate, traffic, progress).await {
            Ok(engine) => {
                warn_of_forbidden(&tried, &candidate);
                progress.explain(&taken(&candidate, &engine));
                return Ok(engine);
            }
            Err(Some(error)) if candidate.origin.is_named() => {
                return Err(blame(&candidate.origin, error))
            }
            Err(error) => tried.push(Tried::new(candidate, error)),
        }
    }
    Err(NoEngine { tried }.into())
}

/// Connects to one. The error is `None` if it does not answer in time; one that is named has all the time it wants.
async fn open(
    candidate: &Candidate,
    traffic: &Traffic,
    progress: &Progress,
) -> Result<Connection, Option<EngineError>> {
    let address = &candidate.address;
    let mut opening = pin!(Connection::open(address.clone(), traffic.clone()));
    match tokio::time::timeout(PATIENCE, &mut opening).await {
        Ok(opened) => opened.map_err(Some),
        Err(_) if candidate.origin.is_named() => {
            progress.print(&format!("waiting for `{address}` to answer"));
            opening.await.map_err(Some)
        }
        Err(_) => Err(None),
    }
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

impl NoEngine {
    /// Whether one is there that this user may not use.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.tried.iter().any(|tried| tried.forbidden)
    }
}

impl Tried {
    fn new(candidate: Candidate, error: Option<EngineError>) -> Self {
        let forbidden = matches!(error, Some(EngineError::NoPermission { .. }));
        let reason = match error {
            Some(error) => reason(&candidate.address, &error),
            None => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        Self {
            candidate,
            reason,
            forbidden,
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
