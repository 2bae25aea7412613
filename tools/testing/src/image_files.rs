//! Images made for a test, as the files that a delivery reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{json, Value};
use stevedore_image::compression::{Compression, Compressor};
use stevedore_image::digest::Digest;
use stevedore_image::media_type;

/// A layer of an image that is made for a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerFile {
    /// An upper layer: a tar of its own.
    Tar(Vec<u8>),
    /// A lower layer: a blob in the layout of the base, compressed so.
    Blob(Vec<u8>, Compression),
    /// A layer of a pulled base: the tar, and the repository that has it as a gzip.
    Pulled(Vec<u8>, String),
}

impl LayerFile {
    fn tar(&self) -> &[u8] {
        match self {
            Self::Tar(tar) | Self::Blob(tar, _) | Self::Pulled(tar, _) => tar,
        }
    }
}

/// The blob that a registry has of a tar.
///
/// # Errors
/// None that a caller can cause.
pub fn gzipped(tar: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(Compression::Gzip, Vec::new())?;
    io::Write::write_all(&mut compressor, tar)?;
    compressor.finish()
}

/// What a description says of a layer that is in no file.
pub(crate) fn describe_pulled(tar: &[u8], repository: &str) -> io::Result<Value> {
    let blob = gzipped(tar)?;
    Ok(json!({"diff_id": Digest::of(tar),
        "blob": {"mediaType": media_type::oci_layer(Compression::Gzip), "digest": Digest::of(&blob), "size": blob.len()},
        "repository": repository, "remote": {"insecure": false, "mirrors": []}}))
}

/// One image of several that are made for a test.
#[derive(Clone, Copy, Debug)]
pub struct ImageDraft<'a> {
    /// Its target is `//app:<name>`, and its files are below a directory of this name.
    pub name: &'a str,
    /// Its layers, the bottom one first.
    pub layers: &'a [LayerFile],
    /// A part of the config, so that it alone can change.
    pub environment: &'a str,
    /// What its tags file has.
    pub names: &'a [&'a str],
}

/// An image's files, with the delivery file and the runfiles of a load, in a directory.
#[derive(Clone, Debug)]
pub struct ImageFiles {
    directory: PathBuf,
    /// The image's directory below the runfiles' `_main`; empty if it is the only image.
    folder: String,
    /// The image's ID.
    pub id: Digest,
    /// The `diff_id`s of its layers, bottom first.
    pub diff_ids: Vec<Digest>,
}

impl ImageFiles {
    /// Writes the files of an image below `directory`.
    ///
    /// `environment` becomes part of the config, so that it alone can change; `names` is what the tags file has.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(
        directory: &Path,
        layers: &[LayerFile],
        environment: &str,
        names: &[&str],
    ) -> io::Result<Self> {
        let draft = ImageDraft {
            name: "image",
            layers,
            environment,
            names,
        };
        let (image, spec) = Self::write_image(directory, "", &draft)?;
        write_delivery(directory, &[spec])?;
        Ok(image)
    }

    /// Writes the files of several images, which one call loads, below `directory`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_all(directory: &Path, drafts: &[ImageDraft<'_>]) -> io::Result<Vec<Self>> {
        let mut images = Vec::new();
        let mut specs = Vec::new();
        for draft in drafts {
            let (image, spec) = Self::write_image(directory, &format!("{}/", draft.name), draft)?;
            images.push(image);
            specs.push(spec);
        }
        write_delivery(directory, &specs)?;
        Ok(images)
    }

    /// Gives the image, and what the delivery file says of it.
    fn write_image(
        directory: &Path,
        folder: &str,
        draft: &ImageDraft<'_>,
    ) -> io::Result<(Self, Value)> {
        let root = directory.join("load.runfiles/_main").join(folder);
        fs::create_dir_all(root.join("base/blobs/sha256"))?;
        let mut described = Vec::new();
        let mut files = Vec::new();
        for (index, layer) in draft.layers.iter().enumerate() {
            described.push(write_layer(&root, index, layer)?);
            match layer {
                LayerFile::Tar(_) => {
                    files.push(json!({"tar": format!("_main/{folder}{}", tar_name(index))}));
                }
                LayerFile::Blob(..) => {}
                LayerFile::Pulled(..) => files.push(Value::Null),
            }
        }
        let diff_ids: Vec<Digest> = draft
            .layers
            .iter()
            .map(|layer| Digest::of(layer.tar()))
            .collect();
        let config =
            json!({"architecture": "amd64", "os": "linux", "config": {"Env": [draft.environment]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}})
            .to_string();
        let id = Digest::of(config.as_bytes());
        fs::write(root.join("config.json"), &config)?;
        let description = json!({
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": id, "size": config.len()},
            "platform": {"os": "linux", "architecture": "amd64"}, "layers": described});
        fs::write(root.join("description.json"), description.to_string())?;
        fs::write(root.join("tags"), draft.names.join("\n"))?;
        let path = |name| format!("_main/{folder}{name}");
        let spec = json!({"content": {"image": {"label": format!("//app:{}", draft.name),
            "config": path("config.json"), "description": path("description.json"), "layers": files,
            "base_layout": path("base")}}, "tags": path("tags")});
        let image = Self {
            directory: directory.to_owned(),
            folder: folder.to_owned(),
            id,
            diff_ids,
        };
        Ok((image, spec))
    }

    /// Where an executable has to lie (or a symlink to one), so that it finds these files.
    pub fn executable(&self) -> PathBuf {
        self.directory.join("load")
    }

    /// The file with the runfiles path `_main/NAME`; if there are several images, in the image's own directory.
    pub fn file(&self, name: &str) -> PathBuf {
        let root = self.directory.join("load.runfiles/_main");
        root.join(&self.folder).join(name)
    }

    /// The file of the layer at `index`, if it is a tar of its own.
    pub fn tar(&self, index: usize) -> PathBuf {
        self.file(&tar_name(index))
    }
}

fn tar_name(index: usize) -> String {
    format!("{index}.tar")
}

fn write_delivery(directory: &Path, images: &[Value]) -> io::Result<()> {
    let delivery = json!({"kind": "load", "label": "//app:load", "images": images});
    fs::write(directory.join("load.delivery.json"), delivery.to_string())
}

fn write_layer(root: &Path, index: usize, layer: &LayerFile) -> io::Result<Value> {
    let mut described = json!({"diff_id": Digest::of(layer.tar()), "size": layer.tar().len()});
    match layer {
        LayerFile::Tar(tar) => {
            fs::write(root.join(tar_name(index)), tar)?;
        }
        LayerFile::Blob(tar, compression) => {
            let mut compressor = Compressor::new(*compression, Vec::new())?;
            io::Write::write_all(&mut compressor, tar)?;
            let blob = compressor.finish()?;
            let digest = Digest::of(&blob);
            fs::write(root.join("base/blobs/sha256").join(digest.hex()), &blob)?;
            described["blob"] = json!({"mediaType": media_type::oci_layer(*compression),
                "digest": digest, "size": blob.len()});
        }
        LayerFile::Pulled(tar, repository) => return describe_pulled(tar, repository),
    }
    Ok(described)
}

/// A tar with one file of `size` bytes, whose name and content follow from `name`.
///
/// # Errors
/// None that a caller can cause.
pub fn layer_tar(name: &str, size: usize) -> io::Result<Vec<u8>> {
    let mut seed = Digest::of(name.as_bytes())
        .hex()
        .bytes()
        .fold(1_u64, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
    let content: Vec<u8> = (0..size)
        .map(|_| {
            // Knuth's MMIX generator: nothing that compresses away.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        })
        .collect();
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, format!("stevedore-test/{name}"), &content[..])?;
    archive.into_inner()
}
