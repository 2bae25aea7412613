//! Locks, so that many processes which load the same image into the same engine cause one upload.
//!
//! Engines do not share work in flight: eight loads of one image at once cost eight times the time, and on disk more. So
//! whoever loads an image holds a lock on a file that is named after the engine and the image; the others wait until
//! it is released, and find the image there. The kernel releases the lock of a process that ends, however it ends.
//!
//! A lock saves work, and nothing depends on it: where none can be had, a load goes on without.

mod file;
mod key;
mod place;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::event::{Event, Observer};
use file::{LockFile, Tried};

pub(crate) use key::LockKey;
pub use place::LockPlaces;

/// How long people and processes wait.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Between two looks at a lock that somebody else holds.
    poll: Duration,
    /// Before it is told who is waited for.
    tell: Duration,
    /// Between two signs of life of who holds a lock.
    beat: Duration,
    /// Without a sign of life, before a load goes on without the lock.
    stall: Duration,
}

impl Patience {
    /// A look costs three system calls, far less than a thousandth of the poll.
    const USUAL: Self = Self {
        poll: Duration::from_millis(20),
        tell: Duration::from_secs(1),
        beat: Duration::from_secs(1),
        stall: Duration::from_secs(10),
    };
}

/// The lock for one image, or several, and one engine, or for a blob, as one process sees it.
pub(crate) struct Lock<'a> {
    /// For each image, the paths that its file may have.
    images: Vec<Vec<PathBuf>>,
    observer: &'a Observer,
    patience: Patience,
    has_told: bool,
}

/// Whose turn it is to load the images.
pub(crate) enum Turn {
    /// This process's. Where a lock can be had, the others wait until this is dropped.
    Mine(Held),
    /// Somebody else had one of them, and has finished. What is there now?
    LookAgain,
}

/// The locks that this process holds.
pub(crate) struct Held {
    files: Vec<LockFile>,
    patience: Patience,
}

impl<'a> Lock<'a> {
    /// The lock for what `keys` stand for.
    pub(crate) fn new(
        places: &LockPlaces,
        keys: impl IntoIterator<Item = LockKey>,
        observer: &'a Observer,
    ) -> Self {
        let keys: BTreeSet<LockKey> = keys.into_iter().collect();
        let paths = |key: LockKey| {
            let places = places.directories().iter();
            places.map(|place| place.join(key.file_name())).collect()
        };
        Self {
            images: keys.into_iter().map(paths).collect(),
            observer,
            patience: Patience::USUAL,
            has_told: false,
        }
    }

    /// Takes the lock, or waits until who holds it has finished. Nothing is held meanwhile, so that nobody waits for
    /// an image that only waits for another one.
    pub(crate) async fn turn(&mut self) -> Turn {
        let mut files = Vec::new();
        for image in 0..self.images.len() {
            let Some(file) = self.open(image) else {
                continue;
            };
            match file.try_lock() {
                Ok(Tried::Locked) => files.push(file),
                Ok(Tried::Busy) => {
                    files.clear();
                    if self.wait(file).await == Waited::InVain {
                        self.images[image].clear();
                    }
                    return Turn::LookAgain;
                }
                Ok(Tried::Replaced) => return Turn::LookAgain,
                Err(error) => self.tell_no_lock(error.to_string()),
            }
        }
        if let Some(file) = files.first() {
            file.sweep();
        }
        Turn::Mine(Held {
            files,
            patience: self.patience,
        })
    }

    /// Opens the file of an image at the first place where that can be done.
    fn open(&self, image: usize) -> Option<LockFile> {
        let mut reasons = Vec::new();
        for path in &self.images[image] {
            match LockFile::open(path) {
                Ok(file) => return Some(file),
                Err(error) => reasons.push(format!("`{}`: {error}", path.display())),
            }
        }
        if !reasons.is_empty() {
            self.tell_no_lock(reasons.join("; "));
        }
        None
    }

    fn tell_no_lock(&self, reason: String) {
        (self.observer)(Event::NoLock { reason });
    }

    /// Waits while somebody else holds `file`. This sleeps between looks instead of in the kernel, so that a signal
    /// ends it at once.
    async fn wait(&mut self, file: LockFile) -> Waited {
        let started = Instant::now();
        let mut seen = (file.last_sign_of_life(), started);
        loop {
            tokio::time::sleep(self.patience.poll).await;
            match file.try_lock() {
                Ok(Tried::Busy) => {}
                // Nobody holds it, but it is there: its holder was killed. Dropping the file removes it.
                Ok(Tried::Locked | Tried::Replaced) => return Waited::ForTheEnd,
                Err(_) => return Waited::InVain,
            }
            let sign = file.last_sign_of_life();
            if sign != seen.0 {
                seen = (sign, Instant::now());
            }
            if seen.1.elapsed() >= self.patience.stall {
                (self.observer)(Event::FellBack {
                    reason: stalled(&file, self.patience.stall),
                });
                return Waited::InVain;
            }
            if !self.has_told && started.elapsed() >= self.patience.tell {
                self.has_told = true;
                (self.observer)(Event::Waiting {
                    process: file.holder(),
                    path: file.path().to_owned(),
                });
            }
        }
    }
}

/// How a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    /// Who held the lock has released it, or is no more.
    ForTheEnd,
    /// Who holds it has stopped: this process goes on without that lock.
    InVain,
}

fn stalled(file: &LockFile, stall: Duration) -> String {
    let process = match file.holder() {
        Some(process) => format!("process {process}"),
        None => "the process".to_owned(),
    };
    format!(
        "{process} that holds `{}` has shown no sign of life for {} s: going on without waiting",
        file.path().display(),
        stall.as_secs()
    )
}

impl Held {
    /// Does `work` and shows signs of life meanwhile.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            result = work => result,
            never = self.live() => match never {},
        }
    }

    async fn live(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.patience.beat).await;
            self.files.iter().for_each(LockFile::show_life);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
