//! A helper while it runs.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{kill_process_group, Pid, Signal};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::HelperError;

/// The longest answer, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;
/// What is kept of a helper's standard error, in bytes, and how many lines and characters a line are shown.
const KEPT_BYTES: usize = 4 << 10;
const SHOWN_LINES: usize = 5;
const SHOWN_CHARACTERS: usize = 200;
/// How long a helper's output is waited for when it has ended: something that it has started may have it open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A question to a helper: the program, and what it reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    /// Its path.
    pub(super) program: PathBuf,
    /// What it reads.
    pub(super) input: String,
    /// The folder in which it runs; `None` is this process's.
    pub(super) folder: Option<PathBuf>,
}

/// How a helper has ended.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    /// What it wrote to its standard output: not for others' eyes.
    pub(super) output: Vec<u8>,
    errors: Vec<u8>,
}

impl Finished {
    /// The answer, if it is a JSON object of this form. serde would take a JSON array for one too.
    pub(super) fn object<T: DeserializeOwned>(&self) -> Option<T> {
        let answer = self.output.trim_ascii();
        let object = answer.starts_with(b"{").then_some(answer)?;
        serde_json::from_slice(object).ok()
    }

    pub(super) fn failed(&self) -> HelperError {
        let words = match words(&self.errors) {
            words if words.is_empty() => {
                // Docker's helpers say what is wrong on their standard output.
                " and wrote nothing to its standard error; run it by hand to see what it says"
                    .to_owned()
            }
            words => words,
        };
        HelperError::Failed {
            status: self.status,
            words,
        }
    }

    pub(super) fn nonsense(&self, reason: &'static str) -> HelperError {
        HelperError::Nonsense {
            reason,
            words: words(&self.errors),
        }
    }
}

impl Call {
    /// Runs the helper, and kills it with all that it has started if it takes longer than `patience`.
    pub(super) async fn run(&self, patience: Duration) -> Result<Finished, HelperError> {
        let mut command = Command::new(&self.program);
        command.arg("get").process_group(0).kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command
            .spawn()
            .map_err(|source| HelperError::Start { source })?;
        let mut group = Group::of(&child);
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let talking = talk(&mut child, &self.input, &mut output, &mut errors);
        match timeout(patience, talking).await {
            Err(_) => {
                drop(group);
                // The process itself is dead; this takes it out of the system's table.
                let _ = child.wait().await;
                Err(HelperError::Hangs {
                    seconds: patience.as_secs(),
                    words: words(&errors),
                })
            }
            Ok(status) => {
                let status = status.map_err(|source| HelperError::Start { source })?;
                group.let_live();
                let finished = Finished {
                    status,
                    output,
                    errors,
                };
                match finished.output.len() as u64 > LONGEST_ANSWER {
                    true => Err(finished.nonsense("it is longer than 1 MiB")),
                    false => Ok(finished),
                }
            }
        }
    }
}

/// Says `input`, and hears everything until the end.
async fn talk(
    child: &mut Child,
    input: &str,
    output: &mut Vec<u8>,
    errors: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let streams = async {
        tokio::join!(
            async {
                if let Some(mut stdin) = stdin {
                    // A helper that has one answer for everything need not read.
                    let _ = stdin.write_all(input.as_bytes()).await;
                }
            },
            async {
                if let Some(stdout) = stdout {
                    let _ = stdout.take(LONGEST_ANSWER + 1).read_to_end(output).await;
                }
            },
            async {
                if let Some(stderr) = stderr {
                    keep_last(stderr, errors).await;
                }
            },
        )
    };
    let mut streams = pin!(streams);
    let early = tokio::select! {
        _ = &mut streams => None,
        status = child.wait() => Some(status),
    };
    match early {
        None => child.wait().await,
        Some(status) => {
            let _ = timeout(LAST_WORDS, streams).await;
            status
        }
    }
}

async fn keep_last(mut stream: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..count]);
        let excess = kept.len().saturating_sub(KEPT_BYTES);
        kept.drain(..excess);
    }
}

/// The last lines of `text`, each after a line feed, for an error message.
fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES));
    let shown = last.map(|line| {
        let printable = line.chars().filter(|character| !character.is_control());
        let line: String = printable.take(SHOWN_CHARACTERS).collect();
        format!("\n  {line}")
    });
    shown.collect()
}

/// A helper and all that it starts; whatever is left is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    /// The group that `child` leads.
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// It has ended by itself; what it has left behind, such as an agent, is meant to stay.
    fn let_live(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // They may have ended just now.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
