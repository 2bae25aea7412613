//! Reading an archive, or a blob, from the disk while it is being sent.

use std::io::{self, Read};
use std::thread;

use bytes::Bytes;
use futures_util::{stream, Stream, StreamExt};
use stevedore_engine::Archive;
use stevedore_image::archive_plan::ArchivePlan;
use tokio::sync::{mpsc, oneshot};

use crate::event::{Event, Observer};
use crate::source::{Checking, Form, Layer, SourceError};

/// How a file is read while it is sent, so that the two overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    /// What is read, and written to the socket, at once, in bytes.
    size: usize,
    /// How many are read ahead.
    ahead: usize,
}

impl Pieces {
    /// For engines. Larger ones gain nothing; engines read 32 KiB at once.
    pub(crate) const LARGE: Self = Self {
        size: 512 << 10,
        ahead: 3,
    };
    /// For registries, several of which may be read at once. What is smaller is still in the processor's cache when it is
    /// sent: distribution takes a GiB in 1.4 s that way, and in 1.6 s in large pieces.
    pub(crate) const SMALL: Self = Self {
        size: 64 << 10,
        ahead: 8,
    };
}

/// An archive that is read by a thread of its own, because reading files and inflating blobs blocks.
pub(crate) struct Upload {
    failure: oneshot::Receiver<io::Error>,
}

impl Upload {
    /// Starts to read `archive`; `layers` are those that it includes, by their place in the image, and `form`
    /// is what it has of them.
    pub(crate) fn start(
        archive: ArchivePlan,
        layers: Vec<(usize, Layer)>,
        form: Form,
        narrate: bool,
        observer: Observer,
    ) -> io::Result<(Archive, Self)> {
        let size = archive.length();
        let pieces = Pieces::LARGE;
        let (chunks, received) = mpsc::channel(pieces.ahead);
        let (failed, failure) = oneshot::channel();
        in_a_thread(move || {
            let mut reader = archive.reader(|index| open(&layers, index, form));
            let Err(error) = read_ahead(&mut reader, pieces, &chunks) else {
                return;
            };
            // The connection learns only that there is no more, and breaks; the cause is there before.
            let broken = io::Error::from(io::ErrorKind::Interrupted);
            // A receiver that is gone wants to know nothing.
            let _ = failed.send(error);
            let _ = chunks.blocking_send(Err(broken));
        })?;
        let archive = Archive {
            size,
            bytes: Box::pin(observed(received, observer)),
            narrate,
        };
        Ok((archive, Self { failure }))
    }

    /// Why the archive could not be read; `None` if it could so far. It is not waited for: the engine may have answered
    /// long before it has read all, and the thread ends with the connection.
    pub(crate) fn failure(mut self) -> Option<SourceError> {
        let error = self.failure.try_recv().ok()?;
        error.downcast::<SourceError>().ok()
    }
}

/// Starts to read the blob of `layer` from `offset` on; errors are [`SourceError`]s in [`io::Error`]s.
pub(crate) fn read_blob(
    layer: Layer,
    offset: u64,
    checking: Checking,
    pieces: Pieces,
    observer: Observer,
) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    let (chunks, received) = mpsc::channel(pieces.ahead);
    in_a_thread(move || {
        let read = layer.open(Form::Blob(checking)).map_err(io::Error::other);
        let read = read.and_then(|mut reader| {
            reader.skip_to(offset)?;
            read_ahead(&mut reader, pieces, &chunks)
        });
        if let Err(error) = read {
            // A receiver that is gone wants to know nothing.
            let _ = chunks.blocking_send(Err(error));
        }
    })?;
    Ok(observed(received, observer))
}

fn in_a_thread(read: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("read".to_owned());
    thread.spawn(read).map(drop)
}

/// What was read, told to `observer` when it is taken to be sent.
fn observed(
    mut received: mpsc::Receiver<io::Result<Bytes>>,
    observer: Observer,
) -> impl Stream<Item = io::Result<Bytes>> {
    let bytes = stream::poll_fn(move |context| received.poll_recv(context));
    bytes.inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            let bytes = Bytes::len(chunk) as u64;
            observer(Event::Sent { bytes });
        }
    })
}

/// Reads to the end, or until nobody takes the chunks any more.
fn read_ahead(
    reader: &mut impl Read,
    pieces: Pieces,
    chunks: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    loop {
        let mut chunk = Vec::with_capacity(pieces.size);
        let mut piece = reader.by_ref().take(pieces.size as u64);
        piece.read_to_end(&mut chunk)?;
        if chunk.is_empty() || chunks.blocking_send(Ok(chunk.into())).is_err() {
            return Ok(());
        }
    }
}

fn open(layers: &[(usize, Layer)], index: usize, form: Form) -> io::Result<impl Read> {
    let layer = layers.iter().find(|(place, _)| *place == index);
    let (_, layer) = layer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    layer.open(form).map_err(io::Error::other)
}
