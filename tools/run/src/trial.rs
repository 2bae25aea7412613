//! A command that is run for what it prints and how it ends, and not for what it changes.

use std::io;
use std::path::Path;

use stevedore_agent::{Ending, Verdict};
use stevedore_delivery::Image;
use stevedore_engine::Connection;
use stevedore_image::digest::Digest;
use stevedore_image::platform::Platform;

use crate::base::BaseConfig;
use crate::conversation::{self, ConversationError, Streams};
use crate::daemon::Daemon;
use crate::error::{Error, LastLines};
use crate::job::job;
use crate::log::Log;
use crate::printed::Printed;
use crate::sandbox::Sandbox;
use crate::spec::RunSpec;
use crate::stream;
use crate::verdict;

/// A command in a container of its own.
pub struct Trial<'a> {
    /// The command, and what it sees; see [`RunSpec::trial`].
    pub spec: &'a RunSpec,
    /// The image that the container is made of.
    pub image: &'a Image,
    /// The agent, a program that runs in the container.
    pub agent: &'a Path,
    /// How much of what it prints to each stream is kept, in bytes.
    pub most_printed: u64,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its exit code; 128 and the number of a signal if that ended it.
    pub code: i32,
    /// What it has printed.
    pub printed: Printed,
}

impl Trial<'_> {
    /// Runs it in a container of `engine`, to which `daemon` belongs, and which has the image under the ID `id`.
    ///
    /// What is made in the engine stays until [`Daemon::clean_up`], which is to be called in any case, also if this is dropped.
    ///
    /// # Errors
    /// If it cannot be run, or takes too long.
    pub async fn in_engine(
        &self,
        engine: &Connection,
        daemon: &Daemon<'_>,
        id: Digest,
    ) -> Result<Tried, Error> {
        let config = BaseConfig::of(self.image)?;
        let platform = config.platform.as_ref();
        // A test that was killed before its container was started has left it. What cannot be removed now is for the next command:
        // it changes nothing about this one.
        let (started, _) = tokio::join!(
            daemon.start(id, platform, self.agent),
            daemon.remove_leftovers(),
        );
        let (mut streams, _) = started?;
        let platform = async || engine.platform().await.ok();
        self.work(&mut streams, &config, platform).await
    }

    /// Runs it in `sandbox`.
    ///
    /// [`Sandbox::clean_up`] is to be called in any case afterwards, also if this is dropped.
    ///
    /// # Errors
    /// If it cannot be run, or takes too long.
    pub async fn in_sandbox(&self, sandbox: &Sandbox<'_>) -> Result<Tried, Error> {
        let config = BaseConfig::of(self.image)?;
        let mut streams = sandbox.start(self.image, self.agent).await?;
        let platform = async || Some(Platform::of_this_machine());
        self.work(&mut streams, &config, platform).await
    }

    async fn work(
        &self,
        streams: &mut impl Streams,
        config: &BaseConfig,
        platform: impl AsyncFnOnce() -> Option<Platform>,
    ) -> Result<Tried, Error> {
        let job = job(self.spec, config, &[], Vec::new());
        // What the agent itself has to say, or the runtime.
        let mut log = Log::new(Box::new(io::sink()));
        let mut printed = Printed::keeping(self.most_printed);
        let limit = self.spec.timeout();
        // No tar follows.
        let (tar, _) = stream::channel();
        let held = conversation::hold(streams, &job, limit, &mut log, &mut printed, tar).await;
        let verdict = held.map_err(|source| match source {
            ConversationError::TooLong => Error::Timeout {
                seconds: limit.as_secs(),
                lines: last_lines(&printed),
            },
            source => Error::Conversation {
                lines: LastLines(log.last_lines()),
                source,
            },
        })?;
        let code = match verdict {
            Verdict::Failed { ending, .. } => code(ending),
            verdict => {
                verdict::check(self.spec, config, verdict, &log, platform).await?;
                0
            }
        };
        Ok(Tried { code, printed })
    }
}

/// What a shell makes of it.
fn code(ending: Ending) -> i32 {
    match ending {
        Ending::Code(code) => code,
        Ending::Signal(signal) => 128 + signal,
    }
}

/// The end of what was printed.
fn last_lines(printed: &Printed) -> LastLines {
    let mut log = Log::new(Box::new(io::sink()));
    for stream in [&printed.stdout, &printed.stderr] {
        // Nothing can keep it from being written nowhere.
        let _ = log.take(&stream.bytes).and_then(|()| log.finish());
    }
    LastLines(log.last_lines())
}
