//! A connection whose ends are the standard streams of a running ssh.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{ready, Context, Poll};
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader, ReadBuf,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::{SshAddress, SshError};

/// How many lines of what ssh prints are kept, and how many bytes of each.
const KEPT_LINES: usize = 6;
const KEPT_BYTES: u64 = 500;

/// How long an ssh that has closed its output may take to end.
const END: Duration = Duration::from_secs(5);

/// How long what an ended ssh has printed may take to arrive. A master connection that ssh leaves behind
/// (`ControlPersist`) holds the other end of the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// One ssh, and what is said to and by the engine behind it. It is killed when this is dropped.
pub(crate) struct SshStream {
    /// `None` when no more will be written.
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Whether the engine has said anything.
    answered: bool,
    state: State,
}

enum State {
    Running(Process),
    Ending(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>),
    Ended,
}

struct Process {
    child: Child,
    command: String,
    words: LastWords,
}

impl SshStream {
    /// Starts ssh; whether it gets anywhere is told by the first read.
    pub(crate) fn start(address: &SshAddress) -> Result<Self, SshError> {
        let failed = |source: io::Error| SshError::Start {
            source: Arc::new(source),
        };
        let mut child = Command::new("ssh")
            .args(address.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C at the terminal is for this program, which may have to pass it on through ssh.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let missing = || failed(io::ErrorKind::BrokenPipe.into());
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let words = LastWords::listen(child.stderr.take().ok_or_else(missing)?);
        Ok(Self {
            input: Some(input),
            output,
            answered: false,
            state: State::Running(Process {
                child,
                command: address.remote_command(),
                words,
            }),
        })
    }
}

impl Process {
    /// Waits for the end of an ssh that has closed its output; a good end comes after an answer.
    async fn end(mut self, answered: bool) -> io::Result<()> {
        let status = tokio::time::timeout(END, self.child.wait()).await;
        let status = status.ok().transpose()?;
        if answered && status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let words = self.words.finish().await;
        Err(match answered {
            true => SshError::BrokeOff { status, words },
            false => SshError::Ended {
                command: self.command,
                status,
                words,
            },
        }
        .into())
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Running(_)) {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                self.answered = true;
                return Poll::Ready(Ok(()));
            }
            if let State::Running(process) = mem::replace(&mut self.state, State::Ended) {
                self.state = State::Ending(Box::pin(process.end(self.answered)));
            }
        }
        let result = match &mut self.state {
            State::Ending(end) => ready!(end.as_mut().poll(cx)),
            _ => Ok(()),
        };
        self.state = State::Ended;
        Poll::Ready(result)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

/// The last lines that ssh prints, for an error message.
struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    listening: JoinHandle<()>,
}

impl LastWords {
    fn listen(stderr: ChildStderr) -> Self {
        let lines = Arc::default();
        let listening = tokio::spawn(keep_last(stderr, Arc::clone(&lines)));
        Self { lines, listening }
    }

    /// What was said until the end, each line after a line feed.
    async fn finish(self) -> String {
        // Too late, or never: then what there is until now has to do.
        let _ = tokio::time::timeout(LAST_WORDS, self.listening).await;
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("\n  {line}")).collect()
    }
}

async fn keep_last(stderr: ChildStderr, kept: Arc<Mutex<VecDeque<String>>>) {
    let mut stderr = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        let mut start = (&mut stderr).take(KEPT_BYTES);
        let read = start.read_until(b'\n', &mut line).await;
        if read.map_or(true, |bytes| bytes == 0) {
            return;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.is_empty() {
            continue;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(line);
        if kept.len() > KEPT_LINES {
            kept.pop_front();
        }
    }
}
