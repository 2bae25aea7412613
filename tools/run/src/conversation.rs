//! What is said between this tool and the agent in a container.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use stevedore_agent::{Job, Verdict};
use stevedore_engine::Output;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::log::Log;
use crate::printed::Printed;

/// A verdict is a few hundred bytes.
const MAX_VERDICT: usize = 1 << 20;

/// The standard streams of an agent that was started.
pub(crate) trait Streams {
    /// Whether [`Verdict::Begun`] is said when the commands are about to run; else they are at once.
    const TELLS_BEGIN: bool;

    /// Gives the agent `bytes` to read.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;

    /// Waits for what it writes; `None` when there will be no more.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Output>>>;
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// The agent, or the container with it, ended before it had said what became of the commands.
    #[error("the container ended before its commands had; was it removed, or killed because memory was short?")]
    Ended,
    /// The connection broke, or the terminal did.
    #[error("the connection to the container broke")]
    Broken(#[source] io::Error),
    /// The commands took too long.
    #[error("the commands took too long")]
    TooLong,
    /// What the agent says is not understood.
    #[error("the agent in the container says `{found}`; were it and this tool built from the same version of rules_stevedore?")]
    Verdict {
        /// What it says.
        found: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Gives the agent its job and waits until it has ended, but not longer than `limit` from when the commands begin. What they
/// print goes to `log`, or to `printed` if the job asks for it by itself; and what follows the verdict to `tar`, whose receiver
/// may end before that.
pub(crate) async fn hold<S: Streams>(
    streams: &mut S,
    job: &Job,
    limit: Duration,
    log: &mut Log,
    printed: &mut Printed,
    tar: Sender<Bytes>,
) -> Result<Verdict, ConversationError> {
    let mut line = serde_json::to_vec(job).map_err(|source| ConversationError::Verdict {
        found: String::new(),
        source,
    })?;
    line.push(b'\n');
    // An agent that does not read any more tells why, or ends.
    let _ = streams.write(&line).await;
    let mut verdict = None;
    let mut read = BytesMut::new();
    let mut deadline = (!S::TELLS_BEGIN).then(|| Instant::now() + limit);
    let broken = ConversationError::Broken;
    while let Some(output) = next(streams, deadline).await? {
        match output {
            Output::Stderr(bytes) => log.take(&bytes).map_err(broken)?,
            Output::Stdout(bytes) if verdict.is_some() => drop(tar.send(bytes).await),
            Output::Stdout(bytes) => read.extend_from_slice(&bytes),
        }
        while verdict.is_none() {
            match read_line(&mut read)? {
                Some(Verdict::Begun) => deadline = Some(Instant::now() + limit),
                Some(Verdict::Printed { stream, bytes }) => {
                    printed.take(stream, &bytes).map_err(broken)?;
                }
                Some(line) => {
                    verdict = Some(line);
                    drop(tar.send(read.split().freeze()).await);
                }
                None => break,
            }
        }
    }
    log.finish().map_err(broken)?;
    verdict.ok_or(ConversationError::Ended)
}

/// What the agent writes next, if it does so in time.
async fn next(
    streams: &mut impl Streams,
    deadline: Option<Instant>,
) -> Result<Option<Output>, ConversationError> {
    let next = streams.next();
    let next = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, next).await,
        None => Ok(next.await),
    };
    let next = next.map_err(|_| ConversationError::TooLong)?;
    next.map_err(ConversationError::Broken)
}

/// Takes a line off what was read; `None` if it is not complete yet.
fn read_line(read: &mut BytesMut) -> Result<Option<Verdict>, ConversationError> {
    let Some(end) = read.iter().position(|byte| *byte == b'\n') else {
        // What never ends is no verdict.
        let excess = read.len().saturating_sub(MAX_VERDICT);
        drop(read.split_to(excess));
        return Ok(None);
    };
    let line = read.split_to(end + 1);
    let verdict = serde_json::from_slice(&line).map_err(|source| ConversationError::Verdict {
        found: String::from_utf8_lossy(&line).trim().to_owned(),
        source,
    })?;
    Ok(Some(verdict))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use stevedore_agent::Collect;

    use super::*;

    struct Script(VecDeque<Output>);

    const LIMIT: Duration = Duration::from_millis(50);

    impl Streams for Script {
        const TELLS_BEGIN: bool = true;

        async fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        async fn next(&mut self) -> io::Result<Option<Output>> {
            match self.0.pop_front() {
                // One that hangs.
                Some(Output::Stderr(bytes)) if bytes == "..." => std::future::pending().await,
                output => Ok(output),
            }
        }
    }

    async fn hold_script(
        outputs: &[Output],
    ) -> (Result<Verdict, ConversationError>, Vec<u8>, Vec<String>) {
        let job = Job {
            commands: Vec::new(),
            env: BTreeMap::new(),
            user: String::new(),
            workdir: String::new(),
            secrets: Vec::new(),
            placed_inputs: Vec::new(),
            collect: Collect::Nothing,
        };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
        let mut log = Log::new(Box::new(io::sink()));
        let mut script = Script(outputs.iter().cloned().collect());
        let mut printed = Printed::default();
        let held = hold(&mut script, &job, LIMIT, &mut log, &mut printed, sender);
        let verdict = held.await;
        let mut tar = Vec::new();
        while let Some(bytes) = receiver.recv().await {
            tar.extend_from_slice(&bytes);
        }
        (verdict, tar, log.last_lines())
    }

    #[tokio::test]
    async fn what_follows_the_verdict_is_the_tar_however_it_is_cut() {
        let text = b"{\"verdict\":\"begun\"}\n{\"verdict\":\"done\"}\ntar\ntar";
        for size in 1..text.len() {
            let mut outputs: Vec<_> = text
                .chunks(size)
                .map(|piece| Output::Stdout(Bytes::copy_from_slice(piece)))
                .collect();
            outputs.insert(1, Output::Stderr("printed".into()));
            let (verdict, tar, lines) = hold_script(&outputs).await;
            assert_eq!(verdict.unwrap(), Verdict::Done);
            assert_eq!(tar, b"tar\ntar");
            assert_eq!(lines, ["printed"]);
        }
    }

    #[tokio::test]
    async fn the_time_counts_from_when_the_commands_begin() {
        let begun = Output::Stdout("{\"verdict\":\"begun\"}\n".into());
        let hangs = Output::Stderr("...".into());
        let (verdict, ..) = hold_script(&[begun, hangs.clone()]).await;
        assert!(matches!(verdict, Err(ConversationError::TooLong)));
        let outputs = [hangs];
        let before = hold_script(&outputs);
        assert!(tokio::time::timeout(4 * LIMIT, before).await.is_err());
    }

    #[tokio::test]
    async fn an_end_without_a_verdict_is_an_error() {
        let (verdict, ..) = hold_script(&[Output::Stdout("{\"verd".into())]).await;
        assert!(matches!(verdict, Err(ConversationError::Ended)));
        let (verdict, ..) = hold_script(&[Output::Stdout("hello\n".into())]).await;
        let error = verdict.unwrap_err().to_string();
        assert!(error.contains("`hello`"), "{error}");
    }
}
