//! A way that takes time, and has room for many pieces at once.

use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// How many pieces are under way at most: what arrives later than it should then holds up the sender, as elsewhere.
const PIECES: usize = 1024;

/// Pieces, each with the moment at which it arrives.
pub(super) struct Way {
    takes: Duration,
    opens: Instant,
    pieces: SyncSender<(Instant, Vec<u8>)>,
}

/// Where they arrive.
pub(super) struct Arrival(Receiver<(Instant, Vec<u8>)>);

/// A way that takes so long, and that nothing sets out on before `opens`.
pub(super) fn way(takes: Duration, opens: Instant) -> (Way, Arrival) {
    let (pieces, arriving) = sync_channel(PIECES);
    let way = Way {
        takes,
        opens,
        pieces,
    };
    (way, Arrival(arriving))
}

impl Way {
    /// Sends a piece on its way; false if nobody is at its end any more.
    pub(super) fn send(&self, piece: &[u8]) -> bool {
        let arrives = Instant::now().max(self.opens) + self.takes;
        self.pieces.send((arrives, piece.to_vec())).is_ok()
    }
}

impl Arrival {
    /// The next piece, when it arrives; none after the last.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let (arrives, piece) = self.0.recv().ok()?;
        thread::sleep(arrives.saturating_duration_since(Instant::now()));
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_arrive_later_but_not_one_after_the_other() {
        let takes = Duration::from_millis(50);
        let start = Instant::now();
        let (way, arrival) = way(takes, start);
        for _ in 0..100 {
            assert!(way.send(b"piece"));
        }
        drop(way);
        let mut arrived = 0;
        while arrival.next().is_some() {
            assert!(start.elapsed() >= takes);
            arrived += 1;
        }
        assert_eq!(arrived, 100);
        assert!(start.elapsed() < takes * 20, "{:?}", start.elapsed());
    }
}
