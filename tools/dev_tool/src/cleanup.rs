//! What must be undone when a command ends, also when a signal ends it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use tokio::signal::unix::{signal, SignalKind};

type Action = Box<dyn FnOnce() -> Result<()> + Send>;

/// The actions that are still to run, by the order in which they were registered.
struct Pending {
    actions: BTreeMap<u64, Action>,
    next: u64,
    interrupted: bool,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending {
    actions: BTreeMap::new(),
    next: 0,
    interrupted: false,
});

fn pending() -> MutexGuard<'static, Pending> {
    // A poisoned lock holds a complete table all the same: no action runs under it.
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An action that runs once: when this value is dropped, or when the process is interrupted, whichever comes first.
#[must_use = "the action runs as soon as this value is dropped"]
pub(crate) struct Cleanup {
    id: u64,
}

impl Cleanup {
    /// Registers `action`. If the process was already interrupted, runs it at once and does not return.
    pub(crate) fn new(action: impl FnOnce() -> Result<()> + Send + 'static) -> Self {
        let mut pending = pending();
        if pending.interrupted {
            drop(pending);
            report(action());
            wait_for_exit();
        }
        let id = pending.next;
        pending.next += 1;
        pending.actions.insert(id, Box::new(action));
        Self { id }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Some(action) = take(self.id) {
            report(action());
        }
    }
}

/// Starts the thread that answers SIGINT, SIGTERM and SIGHUP: it runs what is registered, last first, and exits with 128 + signal.
pub(crate) fn handle_signals() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("failed to start the signal handler")?;
    let mut streams = {
        let _inside = runtime.enter();
        [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let [interrupt, terminate, hangup] = &mut streams;
            let number = runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hangup.recv() => SignalKind::hangup(),
                }
            });
            pending().interrupted = true;
            while let Some((_, action)) = take_last() {
                report(action());
            }
            std::process::exit(128 + number.as_raw_value());
        })
        .context("failed to start the signal handler")?;
    Ok(())
}

/// Blocks for ever if a signal is being answered, so that `main` does not end the process under the clean-up.
pub(crate) fn finish() {
    if pending().interrupted {
        wait_for_exit();
    }
}

fn take(id: u64) -> Option<Action> {
    pending().actions.remove(&id)
}

fn take_last() -> Option<(u64, Action)> {
    pending().actions.pop_last()
}

fn report(result: Result<()>) {
    if let Err(error) = result {
        eprintln!("warning: clean-up failed: {error:#}");
    }
}

fn wait_for_exit() -> ! {
    loop {
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Arc;

    use super::*;

    fn counting(counter: &Arc<AtomicU32>) -> Cleanup {
        let counter = Arc::clone(counter);
        Cleanup::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    }

    #[test]
    fn runs_once_when_dropped() {
        let counter = Arc::new(AtomicU32::new(0));
        drop(counting(&counter));
        assert_eq!(counter.load(Ordering::SeqCst), 1);
    }
}
