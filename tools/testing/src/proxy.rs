//! A proxy between a delivery and a real engine, that does something at a chosen moment.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// What a [`Proxy`] does.
pub enum Interference {
    /// Before the upload with this number (the first one is 1) is passed on.
    BeforeUpload(usize, Box<dyn Fn() + Send + Sync>),
    /// Pauses after every piece that is passed on to the engine.
    Slow(Duration),
    /// Closes both sides when so many bytes have been passed on to the engine.
    CutAfter(usize),
}

/// Passes everything on between its own socket and an engine's.
pub struct Proxy {
    socket: PathBuf,
    passed: Arc<AtomicUsize>,
    _directory: TempDir,
}

/// What all connections share.
struct Shared {
    upstream: PathBuf,
    interference: Interference,
    uploads: AtomicUsize,
    passed: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts one before the engine that listens at `upstream`. It runs until the program ends.
    ///
    /// # Errors
    /// If there is no place for its socket, or no thread.
    pub fn start(upstream: &Path, interference: Interference) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("proxy.sock");
        let listener = UnixListener::bind(&socket)?;
        let passed = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            interference,
            uploads: AtomicUsize::new(0),
            passed: Arc::clone(&passed),
        });
        thread::Builder::new().spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A connection that breaks is what this is for.
                thread::spawn(move || connect(client, &shared));
            }
        })?;
        Ok(Self {
            socket,
            passed,
            _directory: directory,
        })
    }

    /// The address for `--host`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The bytes that were passed on to the engine so far.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

fn connect(client: UnixStream, shared: &Shared) -> io::Result<()> {
    let engine = UnixStream::connect(&shared.upstream)?;
    let (mut answers, mut back) = (engine.try_clone()?, client.try_clone()?);
    let answering = thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut back);
        // The client may be gone already.
        let _ = back.shutdown(Shutdown::Write);
        copied
    });
    let passed_on = pass_on(client, engine, shared);
    let _ = answering.join();
    passed_on
}

fn pass_on(mut client: UnixStream, mut engine: UnixStream, shared: &Shared) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = client.read(&mut piece)?;
        if count == 0 {
            return engine.shutdown(Shutdown::Write);
        }
        let piece = &piece[..count];
        if is_upload(piece) {
            let upload = shared.uploads.fetch_add(1, Ordering::SeqCst) + 1;
            if let Interference::BeforeUpload(number, act) = &shared.interference {
                if *number == upload {
                    act();
                }
            }
        }
        engine.write_all(piece)?;
        let passed = shared.passed.fetch_add(count, Ordering::SeqCst) + count;
        match &shared.interference {
            Interference::Slow(pause) => thread::sleep(*pause),
            Interference::CutAfter(bytes) if passed >= *bytes => {
                client.shutdown(Shutdown::Both)?;
                return engine.shutdown(Shutdown::Both);
            }
            _ => {}
        }
    }
}

/// Whether a piece is the head of an upload; a client sends a head at once, and nothing before the last answer.
fn is_upload(piece: &[u8]) -> bool {
    let line = piece
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.starts_with("POST ") && line.contains("/images/load")
}
