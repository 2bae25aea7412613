//! The layers of an image that is imported, several at once.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::files::Files;
use super::passage::{Passage, Passed};
use super::LayerFile;
use crate::compression::Compression;
use crate::description::{BlobDescription, LayerDescription};
use crate::digest::Digest;
use crate::error::Error;
use crate::layout::{blob_name, check_content};
use crate::media_type;
use crate::output::OutputDirectory;

/// Bounds the memory, which is about 3 MiB a layer that is read.
const MAX_THREADS: usize = 4;

/// What is done with layers beside checking them.
pub(super) struct Pass<'a> {
    output: Option<&'a OutputDirectory>,
    compression: Compression,
}

/// A layer whose bytes are read.
struct Job<'a> {
    /// The layer's number, the lowest if it is there twice.
    index: usize,
    file: &'a LayerFile,
    diff_id: Digest,
}

impl<'a> Pass<'a> {
    /// Nothing.
    pub(super) fn check_only() -> Self {
        Self {
            output: None,
            compression: Compression::None,
        }
    }

    /// Their blobs are written to the layout `output`, and compressed if they are not.
    pub(super) fn copy_to(output: &'a OutputDirectory, compression: Compression) -> Self {
        Self {
            output: Some(output),
            compression,
        }
    }

    /// Reads the layers. The error is that of the lowest layer with one, whatever came first.
    pub(super) fn layers(
        &self,
        files: &impl Files,
        layers: &[LayerFile],
        diff_ids: &[Digest],
    ) -> Result<Vec<LayerDescription>, Error> {
        let mut jobs: Vec<Job<'_>> = Vec::new();
        let mut places = HashMap::new();
        let mut job_of = Vec::with_capacity(layers.len());
        for (index, (file, diff_id)) in layers.iter().zip(diff_ids).enumerate() {
            job_of.push(*places.entry((&file.name, *diff_id)).or_insert_with(|| {
                jobs.push(Job {
                    index,
                    file,
                    diff_id: *diff_id,
                });
                jobs.len() - 1
            }));
        }
        let results = self.run(files, &jobs)?;
        Ok(job_of.into_iter().map(|job| results[job].clone()).collect())
    }

    fn run(&self, files: &impl Files, jobs: &[Job<'_>]) -> Result<Vec<LayerDescription>, Error> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<LayerDescription, Error>>>> =
            jobs.iter().map(|_| Mutex::new(None)).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads.min(MAX_THREADS).min(jobs.len()) {
                scope.spawn(|| loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else {
                        return;
                    };
                    let result = self.layer(files, job);
                    *results[index]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Some(result);
                });
            }
        });
        results
            .into_iter()
            .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }

    fn layer(&self, files: &impl Files, job: &Job<'_>) -> Result<LayerDescription, Error> {
        let what = format!("layer {}", job.index);
        let passage = Passage {
            files,
            name: &job.file.name,
            what: &what,
            expected: job.file.blob.as_ref().map(BlobDescription::content),
            compression: self.compression,
        };
        let partial = format!("blobs/sha256/{}.partial", job.index);
        let writer = self
            .output
            .map(|output| output.writer(&partial))
            .transpose()?;
        let passed = passage.run(writer)?;
        let path = files.path(&job.file.name);
        if let Some(expected) = passage.expected {
            check_content(&path, &what, expected, passed.read)?;
        }
        if passed.tar.digest != job.diff_id {
            return Err(Error::WrongDiffId {
                path,
                index: job.index,
                expected: job.diff_id,
                found: passed.tar.digest,
            });
        }
        if let Some(outside) = passed.outside {
            return Err(Error::OutsideRoot {
                path,
                index: job.index,
                member: outside.member,
                reason: outside.reason,
            });
        }
        if let Some(output) = self.output {
            let from = output.file(&partial)?;
            let to = output.file(&blob_name(passed.blob.digest))?;
            fs::rename(&from, &to).map_err(|source| Error::io("rename to", &to, source))?;
        }
        Ok(describe(&passed, job.file.blob.as_ref()))
    }
}

/// Describes a layer. Its blob has the media type that the manifest tells, unless it is another blob now.
fn describe(passed: &Passed, blob: Option<&BlobDescription>) -> LayerDescription {
    let blob = match blob {
        Some(blob) if blob.content() == passed.blob => blob.clone(),
        _ => BlobDescription::new(media_type::oci_layer(passed.compression), passed.blob),
    };
    LayerDescription {
        blob: Some(blob),
        ..LayerDescription::new(passed.tar)
    }
}
