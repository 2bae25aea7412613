//! What is said between this tool and the agent in a container.

use std::future::Future;
use std::io;

use bytes::{Bytes, BytesMut};
use stevedore_agent::{Job, Verdict};
use stevedore_engine::Output;
use tokio::sync::mpsc::Sender;

use crate::log::Log;

/// A verdict is a few hundred bytes.
const MAX_VERDICT: usize = 1 << 20;

/// The standard streams of an agent that was started.
pub(crate) trait Streams {
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
    /// What the agent says is not understood.
    #[error("the agent in the container says `{found}`; were it and this tool built from the same version of rules_stevedore?")]
    Verdict {
        /// What it says.
        found: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Gives the agent its job and waits until it has ended. What the commands print goes to `log`, and what follows the verdict
/// to `tar`, whose receiver may end before that.
pub(crate) async fn hold(
    streams: &mut impl Streams,
    job: &Job,
    log: &mut Log,
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
    let mut begun = BytesMut::new();
    let broken = ConversationError::Broken;
    while let Some(output) = streams.next().await.map_err(broken)? {
        match output {
            Output::Stderr(bytes) => log.take(&bytes).map_err(broken)?,
            Output::Stdout(bytes) if verdict.is_some() => drop(tar.send(bytes).await),
            Output::Stdout(bytes) => {
                begun.extend_from_slice(&bytes);
                if let Some((read, rest)) = read_verdict(&mut begun)? {
                    verdict = Some(read);
                    drop(tar.send(rest).await);
                }
            }
        }
    }
    log.finish().map_err(broken)?;
    verdict.ok_or(ConversationError::Ended)
}

/// The verdict, and what has come of the tar behind it; `None` if it is not complete yet.
fn read_verdict(begun: &mut BytesMut) -> Result<Option<(Verdict, Bytes)>, ConversationError> {
    let Some(end) = begun.iter().position(|byte| *byte == b'\n') else {
        // What never ends is no verdict.
        let excess = begun.len().saturating_sub(MAX_VERDICT);
        drop(begun.split_to(excess));
        return Ok(None);
    };
    let line = begun.split_to(end + 1);
    let verdict = serde_json::from_slice(&line).map_err(|source| ConversationError::Verdict {
        found: String::from_utf8_lossy(&line).trim().to_owned(),
        source,
    })?;
    Ok(Some((verdict, begun.split().freeze())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use stevedore_agent::Collect;

    use super::*;

    struct Script(VecDeque<Output>);

    impl Streams for Script {
        async fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        async fn next(&mut self) -> io::Result<Option<Output>> {
            Ok(self.0.pop_front())
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
        let verdict = hold(&mut script, &job, &mut log, sender).await;
        let mut tar = Vec::new();
        while let Some(bytes) = receiver.recv().await {
            tar.extend_from_slice(&bytes);
        }
        (verdict, tar, log.last_lines())
    }

    #[tokio::test]
    async fn what_follows_the_verdict_is_the_tar_however_it_is_cut() {
        let text = b"{\"verdict\":\"done\"}\ntar\ntar";
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
    async fn an_end_without_a_verdict_is_an_error() {
        let (verdict, ..) = hold_script(&[Output::Stdout("{\"verd".into())]).await;
        assert!(matches!(verdict, Err(ConversationError::Ended)));
        let (verdict, ..) = hold_script(&[Output::Stdout("hello\n".into())]).await;
        let error = verdict.unwrap_err().to_string();
        assert!(error.contains("`hello`"), "{error}");
    }
}
