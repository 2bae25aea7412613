//! What a proxy does to the bytes that pass, so that a client meets it at a moment that a test has chosen.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Disturbance {
    /// Nothing.
    None,
    /// Every piece, in both directions, comes so much later.
    Slow(Duration),
    /// Every piece, in both directions, is so long under way, together with others.
    Distance(Duration),
    /// Once so many bytes have come from clients, no more are passed on until [`Gate::open`].
    StopAfter(u64),
    /// Once so many bytes have come from clients, each connection breaks as soon as a client sends more.
    BreakAfter(u64),
}

/// Holds the bytes from clients back, as a [`Disturbance`] says.
#[derive(Debug)]
pub(crate) struct Gate {
    disturbance: Disturbance,
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct State {
    passed: u64,
    holds: bool,
    open: bool,
}

impl Gate {
    pub(crate) fn new(disturbance: Disturbance) -> Self {
        Self {
            disturbance,
            state: Mutex::default(),
            opened: Condvar::new(),
        }
    }

    /// Returns when so many bytes from a client may go on; `false` if they never may.
    pub(crate) fn up(&self, bytes: u64) -> bool {
        match self.disturbance {
            Disturbance::None | Disturbance::Distance(_) => {}
            Disturbance::Slow(pause) => thread::sleep(pause),
            Disturbance::BreakAfter(limit) => {
                let mut state = self.lock();
                state.passed += bytes;
                return state.passed <= limit;
            }
            Disturbance::StopAfter(limit) => {
                let mut state = self.lock();
                state.passed += bytes;
                while state.passed > limit && !state.open {
                    state.holds = true;
                    state = self
                        .opened
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        true
    }

    /// Returns when bytes from the server may go on.
    pub(crate) fn down(&self) {
        if let Disturbance::Slow(pause) = self.disturbance {
            thread::sleep(pause);
        }
    }

    /// How long each piece is under way, if that is the disturbance.
    pub(crate) fn distance(&self) -> Option<Duration> {
        match self.disturbance {
            Disturbance::Distance(way) => Some(way),
            _ => None,
        }
    }

    /// Whether bytes are held back.
    pub(crate) fn holds(&self) -> bool {
        let state = self.lock();
        state.holds && !state.open
    }

    /// Holds nothing back from now on.
    pub(crate) fn open(&self) {
        self.lock().open = true;
        self.opened.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn bytes_are_held_back_until_the_gate_is_opened() {
        let gate = Arc::new(Gate::new(Disturbance::StopAfter(10)));
        assert!(gate.up(10));
        assert!(!gate.holds());
        let held = Arc::clone(&gate);
        let client = thread::spawn(move || held.up(1));
        while !gate.holds() {
            thread::sleep(Duration::from_millis(1));
        }
        gate.open();
        assert!(client.join().is_ok_and(|goes_on| goes_on));
        assert!(!gate.holds());
        assert!(gate.up(100));
    }

    #[test]
    fn a_connection_breaks_with_the_first_byte_beyond_the_limit() {
        let gate = Gate::new(Disturbance::BreakAfter(10));
        assert!(gate.up(10));
        assert!(!gate.up(1));
        assert!(!gate.up(1));
    }
}
