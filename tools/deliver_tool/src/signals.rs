//! Signals that end a delivery, or that are passed on to a container.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{self, SignalKind};

/// A signal that this program was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    name: &'static str,
    number: i32,
}

impl Signal {
    /// Its name, such as `SIGTERM`.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Its number, such as 15.
    pub(crate) fn number(self) -> i32 {
        self.number
    }
}

/// Listens for signals; while it lives, and after, they have no effect of their own.
pub(crate) struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Listens for those that ask a program to end.
    pub(crate) fn that_end() -> io::Result<Self> {
        Self::listen(&[
            ("SIGHUP", SignalKind::hangup()),
            ("SIGINT", SignalKind::interrupt()),
            ("SIGQUIT", SignalKind::quit()),
            ("SIGTERM", SignalKind::terminate()),
        ])
    }

    /// Listens for those that a program may use as it likes.
    pub(crate) fn for_programs() -> io::Result<Self> {
        Self::listen(&[
            ("SIGUSR1", SignalKind::user_defined1()),
            ("SIGUSR2", SignalKind::user_defined2()),
        ])
    }

    /// Listens for the one that tells that the terminal's size has changed.
    pub(crate) fn of_the_terminal() -> io::Result<Self> {
        Self::listen(&[("SIGWINCH", SignalKind::window_change())])
    }

    fn listen(kinds: &[(&'static str, SignalKind)]) -> io::Result<Self> {
        let streams = kinds.iter().map(|(name, kind)| {
            let number = kind.as_raw_value();
            Ok((Signal { name, number }, unix::signal(*kind)?))
        });
        Ok(Self {
            streams: streams.collect::<io::Result<_>>()?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.streams {
                if stream.poll_recv(context) == Poll::Ready(Some(())) {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}
