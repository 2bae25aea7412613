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

/// What is read, and written to the socket, at once. Larger ones gain nothing; engines read 32 KiB at once.
const CHUNK: usize = 512 << 10;

/// Chunks that are read ahead, so that reading and sending overlap.
const READ_AHEAD: usize = 3;

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
        let (chunks, received) = mpsc::channel(READ_AHEAD);
        let (failed, failure) = oneshot::channel();
        in_a_thread(move || {
            let mut reader = archive.reader(|index| open(&layers, index, form));
            let Err(error) = read_ahead(&mut reader, &chunks) else {
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
    observer: Observer,
) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    let (chunks, received) = mpsc::channel(READ_AHEAD);
    in_a_thread(move || {
        let read = layer.open(Form::Blob(checking)).map_err(io::Error::other);
        let read = read.and_then(|mut reader| {
            reader.skip_to(offset)?;
            read_ahead(&mut reader, &chunks)
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
fn read_ahead(reader: &mut impl Read, chunks: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
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
