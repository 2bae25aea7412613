//! Turns a layout into the files that describe its image, and checks every byte of it on the way.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde::Deserialize;

use super::{check_content, Layout};
use crate::compression::{Compression, Decompressor};
use crate::description::{BlobDescription, ImageDescription, LayerDescription, Platform};
use crate::digest::{Content, Digest, Hasher, HashingReader};
use crate::error::Error;
use crate::json;
use crate::manifest::Descriptor;
use crate::repository::Repository;
use crate::threaded_writer::{CopyError, ThreadedWriter};

/// Bounds the memory, which is about 3 MiB a layer that is read.
const MAX_THREADS: usize = 4;

/// What an imported image is.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The config, as the layout has it.
    pub config: Vec<u8>,
    /// The manifest, as the layout has it.
    pub manifest: Vec<u8>,
    /// The description. Every layer has its blob.
    pub description: ImageDescription,
}

/// The parts of a config that are needed.
#[derive(Deserialize)]
#[serde(expecting = "an image config: an object with `os`, `architecture` and `rootfs`")]
struct Config {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `diff_ids`")]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl Imported {
    /// Says that the layers were pulled from a repository.
    pub fn set_repository(&mut self, repository: &Repository) {
        for layer in &mut self.description.layers {
            layer.repository = Some(repository.clone());
        }
    }
}

/// Imports the one image of a layout: checks the digest and size of every blob, and that every layer decompresses to
/// what the config says.
///
/// # Errors
/// If anything is missing, is not what its digest tells, or does not fit together.
pub fn import(directory: &Path) -> Result<Imported, Error> {
    let layout = Layout::open(directory)?;
    let (manifest, manifest_bytes) = layout.manifest()?;
    let config_bytes = layout.read_json(manifest.config.content(), "the image config")?;
    let config_path = layout.blob_path(manifest.config.digest);
    let config: Config = json::parse(&config_path, &config_bytes)?;
    let diff_ids = config.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers.len() {
        return Err(Error::LayerCount {
            first: format!("the manifest in `{}`", directory.display()),
            first_count: manifest.layers.len(),
            second: format!("its config `{}`", config_path.display()),
            second_count: diff_ids.len(),
        });
    }
    let layers = check_layers(&layout, &manifest.layers, &diff_ids)?;
    Ok(Imported {
        description: ImageDescription {
            config: BlobDescription::from(&manifest.config),
            platform: Platform {
                os: config.os,
                architecture: config.architecture,
                variant: config.variant,
            },
            layers,
        },
        config: config_bytes,
        manifest: manifest_bytes,
    })
}

/// Checks the layers, several at once. The error is that of the lowest layer with one, whatever came first.
fn check_layers(
    layout: &Layout,
    blobs: &[Descriptor],
    diff_ids: &[Digest],
) -> Result<Vec<LayerDescription>, Error> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<LayerDescription, Error>>>> =
        blobs.iter().map(|_| Mutex::new(None)).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(MAX_THREADS).min(blobs.len()) {
            scope.spawn(|| loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let (Some(blob), Some(diff_id)) = (blobs.get(index), diff_ids.get(index)) else {
                    return;
                };
                let result = check_layer(layout, index, blob, *diff_id);
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

fn check_layer(
    layout: &Layout,
    index: usize,
    blob: &Descriptor,
    diff_id: Digest,
) -> Result<LayerDescription, Error> {
    let path = layout.blob_path(blob.digest);
    let what = format!("layer {index}");
    let failed = |source| Error::io("read", &path, source);
    let file = layout.open_blob(blob.digest, &what)?;
    let measured = measure(HashingReader::new(file), &path);
    let (stored, tar) = match measured {
        // Data that does not decompress is better told by its digest, if that is wrong too.
        Err(error) => {
            let file = layout.open_blob(blob.digest, &what)?;
            let mut hasher = Hasher::new();
            std::io::copy(&mut &file, &mut hasher).map_err(failed)?;
            check_content(&path, &what, blob.content(), hasher.finish())?;
            return Err(error);
        }
        Ok(measured) => measured,
    };
    check_content(&path, &what, blob.content(), stored)?;
    if tar.digest != diff_id {
        return Err(Error::WrongDiffId {
            path,
            index,
            expected: diff_id,
            found: tar.digest,
        });
    }
    Ok(LayerDescription {
        blob: Some(BlobDescription::from(blob)),
        ..LayerDescription::new(tar)
    })
}

/// The content of a blob, and of what it decompresses to.
fn measure<R: Read>(reader: HashingReader<R>, path: &Path) -> Result<(Content, Content), Error> {
    let failed = |source| Error::io("read", path, source);
    let mut decompressor = Decompressor::new(reader).map_err(failed)?;
    if decompressor.compression() == Compression::None {
        std::io::copy(&mut decompressor, &mut std::io::sink()).map_err(failed)?;
        let content = decompressor.into_inner().finish();
        return Ok((content, content));
    }
    let start = |source| Error::Start {
        what: "the thread that hashes a layer",
        source,
    };
    let mut writer = ThreadedWriter::new(Hasher::new()).map_err(start)?;
    match writer.copy_from(&mut decompressor, u64::MAX) {
        Ok(_) => {}
        Err(CopyError::Read(source)) => return Err(failed(source)),
        Err(CopyError::Write(source)) => return Err(start(source)),
    }
    let tar = writer.finish().map_err(start)?.finish();
    Ok((decompressor.into_inner().finish(), tar))
}
