//! Reading an archive from the disk while it is being sent.

use std::io::{self, Read};
use std::thread;

use bytes::Bytes;
use futures_util::stream;
use stevedore_engine::Archive;
use stevedore_image::archive_plan::ArchivePlan;
use tokio::sync::{mpsc, oneshot};

use crate::event::{Event, Observer};
use crate::source::{Form, Layer, SourceError};

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
        let (chunks, mut received) = mpsc::channel(READ_AHEAD);
        let (failed, failure) = oneshot::channel();
        thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || read_ahead(archive, &layers, form, &chunks, failed))?;
        let bytes = stream::poll_fn(move |context| received.poll_recv(context));
        let bytes = futures_util::StreamExt::inspect(bytes, move |chunk| {
            if let Ok(chunk) = chunk {
                observer(Event::Sent {
                    bytes: Bytes::len(chunk) as u64,
                });
            }
        });
        let archive = Archive {
            size,
            bytes: Box::pin(bytes),
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

fn read_ahead(
    archive: ArchivePlan,
    layers: &[(usize, Layer)],
    form: Form,
    chunks: &mpsc::Sender<io::Result<Bytes>>,
    failed: oneshot::Sender<io::Error>,
) {
    let mut reader = archive.reader(|index| open(layers, index, form));
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        let chunk = match read {
            Ok(0) => return,
            Ok(_) => Ok(chunk.into()),
            Err(error) => {
                // The connection learns only that there is no more, and breaks; the cause is there before.
                let broken = io::Error::from(io::ErrorKind::Interrupted);
                // A receiver that is gone wants to know nothing.
                let _ = failed.send(error);
                let _ = chunks.blocking_send(Err(broken));
                return;
            }
        };
        if chunks.blocking_send(chunk).is_err() {
            return;
        }
    }
}

fn open(layers: &[(usize, Layer)], index: usize, form: Form) -> io::Result<impl Read> {
    let layer = layers.iter().find(|(place, _)| *place == index);
    let (_, layer) = layer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    layer.open(form).map_err(io::Error::other)
}
