//! Archives as `docker save` writes them and `docker load` reads them.
//!
//! An archive is planned first: the plan knows its length and every byte of it but the layers' own, so it can be
//! written to a file or streamed to an engine. A layer may be left out of the archive and still be part of the image:
//! an engine that has it already never opens it. See
//! <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;

use crate::archive::{end_of_archive, header, padding, Kind, Member};
use crate::description::LayerDescription;
use crate::digest::Digest;
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::json;
use crate::output::OutputFile;
use crate::reference::Reference;

/// Writes an archive with the whole image to a file. Every layer is checked while it is copied.
///
/// # Errors
/// If a layer is missing or is not what the description tells, or the file cannot be written. It is not there then.
pub fn write(files: &ImageFiles, references: &[Reference], path: &Path) -> Result<(), Error> {
    let archive = DockerArchive::plan(files.config_bytes(), references, files.layers(), |_| true)?;
    let output = OutputFile::create(path)?;
    let mut writer = output.writer()?;
    for segment in archive.segments() {
        match segment {
            Segment::Bytes(bytes) => writer
                .write_all(bytes)
                .map_err(|source| Error::io("write", path, source))?,
            Segment::Layer { index, .. } => files.copy_tar(*index, path, &mut writer)?,
        }
    }
    output.commit()
}

/// The path of a layer in the archive. Its index is part of it because a layer may occur twice in an image.
pub fn layer_path(index: usize, diff_id: Digest) -> String {
    format!("layer-{index:03}-{}.tar", diff_id.hex())
}

/// Finds a path that [`layer_path`] made in a text, such as an engine's error message.
pub fn find_layer_path(text: &str) -> Option<(usize, Digest)> {
    text.match_indices("layer-").find_map(|(start, prefix)| {
        let rest = &text[start + prefix.len()..];
        let (index, rest) = rest.split_once('-')?;
        let (hex, _) = rest.split_once(".tar")?;
        Some((index.parse().ok()?, Digest::from_hex(hex).ok()?))
    })
}

/// The plan of an archive with one image.
#[derive(Clone, Debug)]
pub struct DockerArchive {
    segments: Vec<Segment>,
    length: u64,
}

/// A piece of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The uncompressed tar of a layer, exactly `size` bytes.
    Layer {
        /// The place of the layer in the image, the bottom one being 0.
        index: usize,
        /// The number of bytes.
        size: u64,
    },
}

/// One element of `manifest.json`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl DockerArchive {
    /// Plans an archive: `config` is the config's bytes, `layers` are all layers of the image from the bottom up, and
    /// `is_included` tells of each whether the archive holds its bytes. Those of a layer that occurs twice come once.
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn plan(
        config: &[u8],
        references: &[Reference],
        layers: &[LayerDescription],
        is_included: impl Fn(usize) -> bool,
    ) -> Result<Self, Error> {
        Self::plan_items(config, references, layers, is_included, false)
    }

    /// Plans an archive whose load makes the engine print the image's ID, however many names it gets.
    ///
    /// moby prints `Loaded image ID: sha256:…` only if the last element of `manifest.json` has no name
    /// (`imageRefCount` in <https://github.com/moby/moby/blob/v28.5.2/image/tarexport/load.go>), so the image comes
    /// a second time, without names; its layers are there by then, and nothing is read twice.
    ///
    /// # Errors
    /// None that input can cause: only if the manifest has no JSON form.
    pub fn plan_upload(
        config: &[u8],
        references: &[Reference],
        layers: &[LayerDescription],
        is_included: impl Fn(usize) -> bool,
    ) -> Result<Self, Error> {
        Self::plan_items(
            config,
            references,
            layers,
            is_included,
            !references.is_empty(),
        )
    }

    fn plan_items(
        config: &[u8],
        references: &[Reference],
        layers: &[LayerDescription],
        is_included: impl Fn(usize) -> bool,
        again_without_name: bool,
    ) -> Result<Self, Error> {
        let places = places(layers, is_included);
        let config_path = format!("{}.json", Digest::of(config).hex());
        let item = Item {
            config: config_path.clone(),
            repo_tags: references.iter().map(Reference::familiar).collect(),
            layers: places
                .iter()
                .map(|place| layer_path(place.source, layers[place.source].diff_id))
                .collect(),
        };
        let mut items = vec![item.clone()];
        if again_without_name {
            items.push(Item {
                repo_tags: Vec::new(),
                ..item
            });
        }
        let mut plan = Planner::default();
        // The small files come first, so that an engine which refuses them has read little.
        plan.file("manifest.json", &json::to_bytes(&items)?);
        plan.file(&config_path, config);
        for (index, place) in places.iter().enumerate() {
            if place.is_included && place.source == index {
                plan.layer(&items[0].layers[index], index, layers[index].size);
            }
        }
        Ok(plan.finish())
    }

    /// The number of bytes of the whole archive.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The pieces of the archive, one after the other.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The archive as a reader, for layers that can be opened one at a time.
    pub fn reader<R: Read, F: FnMut(usize) -> io::Result<R>>(self, open: F) -> ArchiveReader<R, F> {
        ArchiveReader {
            segments: self.segments.into_iter(),
            open,
            current: Current::Bytes(io::Cursor::new(Vec::new())),
        }
    }
}

/// Where an archive has the bytes of a layer.
struct Place {
    /// The layer's own index, or that of the same layer further down, if the archive holds that one.
    source: usize,
    is_included: bool,
}

fn places(layers: &[LayerDescription], is_included: impl Fn(usize) -> bool) -> Vec<Place> {
    let mut first = HashMap::new();
    let place = |(index, layer): (usize, &LayerDescription)| match is_included(index) {
        true => Place {
            source: *first.entry(layer.diff_id).or_insert(index),
            is_included: true,
        },
        false => Place {
            source: index,
            is_included: false,
        },
    };
    layers.iter().enumerate().map(place).collect()
}

/// A [`DockerArchive`] as a stream of bytes.
pub struct ArchiveReader<R, F> {
    segments: std::vec::IntoIter<Segment>,
    open: F,
    current: Current<R>,
}

enum Current<R> {
    Bytes(io::Cursor<Vec<u8>>),
    Layer { reader: R, index: usize, left: u64 },
}

impl<R: Read, F: FnMut(usize) -> io::Result<R>> Read for ArchiveReader<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.current {
                Current::Bytes(bytes) => {
                    let count = bytes.read(buffer)?;
                    if count > 0 {
                        return Ok(count);
                    }
                }
                Current::Layer { left: 0, .. } => {}
                Current::Layer {
                    reader,
                    index,
                    left,
                } => {
                    let wanted =
                        usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
                    let count = reader.read(&mut buffer[..wanted])?;
                    if count == 0 {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            format!("layer {index} is {left} bytes shorter than described"),
                        ));
                    }
                    *left -= count as u64;
                    return Ok(count);
                }
            }
            self.current = match self.segments.next() {
                None => return Ok(0),
                Some(Segment::Bytes(bytes)) => Current::Bytes(io::Cursor::new(bytes)),
                Some(Segment::Layer { index, size }) => Current::Layer {
                    reader: (self.open)(index)?,
                    index,
                    left: size,
                },
            };
        }
    }
}

#[derive(Default)]
struct Planner {
    segments: Vec<Segment>,
    pending: Vec<u8>,
    length: u64,
}

impl Planner {
    fn header(&mut self, name: &str, size: u64) {
        self.pending.extend(header(&Member {
            name: name.as_bytes().to_vec(),
            kind: Kind::File { size },
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        }));
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        let size = bytes.len() as u64;
        self.header(name, size);
        self.pending.extend_from_slice(bytes);
        self.pending.extend_from_slice(padding(size));
    }

    fn layer(&mut self, name: &str, index: usize, size: u64) {
        self.header(name, size);
        self.flush();
        self.segments.push(Segment::Layer { index, size });
        self.length += size;
        self.pending.extend_from_slice(padding(size));
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.pending);
        self.length += bytes.len() as u64;
        self.segments.push(Segment::Bytes(bytes));
    }

    fn finish(mut self) -> DockerArchive {
        self.pending.extend_from_slice(end_of_archive());
        self.flush();
        DockerArchive {
            segments: self.segments,
            length: self.length,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
