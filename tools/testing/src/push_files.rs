//! Images made for a test, as the files that a push reads.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{json, Value};
use stevedore_image::compression::{Compression, Compressor};
use stevedore_image::digest::{Content, Digest};
use stevedore_image::media_type;

use crate::image_files::{describe_pulled, LayerFile};

/// One image that is made for a test.
#[derive(Clone, Copy, Debug)]
pub struct PushedDraft<'a> {
    /// Its target is `//app:<name>`, and its files are below a folder of this name.
    pub name: &'a str,
    /// Its layers, the bottom one first. [`LayerFile::Tar`] becomes a gzip of its own.
    pub layers: &'a [LayerFile],
    /// A part of the config, so that it alone can change.
    pub environment: &'a str,
    /// The repository from which the layers of the base were pulled.
    pub base_repository: Option<&'a str>,
    /// Whether its media types are Docker's.
    pub is_docker: bool,
}

/// What is pushed to the same places: one image, or several below an index.
#[derive(Clone, Copy, Debug)]
pub struct Consignment<'a> {
    /// The images.
    pub images: &'a [PushedDraft<'a>],
    /// The index's target is `//app:<name>`; `None`: there is one image and no index.
    pub index: Option<&'a str>,
    /// Repositories, and the tags in each.
    pub destinations: &'a [(&'a str, &'a [&'a str])],
}

/// The delivery file and the runfiles of a push, in a folder.
#[derive(Clone, Debug)]
pub struct PushFiles {
    folder: PathBuf,
    /// The images, in the order in which they were given.
    pub images: Vec<PushedImage>,
    /// The digests of the indexes.
    pub indexes: Vec<Digest>,
}

/// What a pushed image is made of.
#[derive(Clone, Debug)]
pub struct PushedImage {
    /// The manifest, whose digest is what a tag stands for.
    pub manifest: Content,
    /// The config.
    pub config: Content,
    /// The blobs of the layers, the bottom one first.
    pub blobs: Vec<Content>,
    /// Where the blobs of the layers are.
    pub files: Vec<PathBuf>,
}

impl<'a> PushedDraft<'a> {
    /// The image of this name with these layers.
    pub fn new(name: &'a str, layers: &'a [LayerFile]) -> Self {
        Self {
            name,
            layers,
            environment: "A=1",
            base_repository: None,
            is_docker: false,
        }
    }
}

impl PushFiles {
    /// Writes the files of one image with one destination below `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(
        folder: &Path,
        layers: &[LayerFile],
        repository: &str,
        tags: &[&str],
    ) -> io::Result<Self> {
        let consignment = Consignment {
            images: &[PushedDraft::new("image", layers)],
            index: None,
            destinations: &[(repository, tags)],
        };
        Self::write_all(folder, &[consignment])
    }

    /// Writes the files of all that one call pushes below `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_all(folder: &Path, consignments: &[Consignment<'_>]) -> io::Result<Self> {
        let root = folder.join("push.runfiles/_main");
        let mut files = Self {
            folder: folder.to_owned(),
            images: Vec::new(),
            indexes: Vec::new(),
        };
        let mut specs = Vec::new();
        for (number, consignment) in consignments.iter().enumerate() {
            let content = files.write_content(&root, consignment)?;
            let destinations: Vec<Value> = consignment
                .destinations
                .iter()
                .map(|(repository, tags)| json!({"repository": repository, "tags": tags}))
                .collect();
            let name = format!("{number}.destinations.json");
            fs::write(root.join(&name), json!(destinations).to_string())?;
            specs.push(json!({"destinations": format!("_main/{name}"), "content": content}));
        }
        let delivery = json!({"kind": "push", "label": "//app:push", "images": specs});
        fs::write(folder.join("push.delivery.json"), delivery.to_string())?;
        Ok(files)
    }

    /// Where an executable has to lie (or a symlink to one), so that it finds these files.
    pub fn executable(&self) -> PathBuf {
        self.folder.join("push")
    }

    /// A home folder in which nothing is but what a test puts there.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn write_content(&mut self, root: &Path, consignment: &Consignment<'_>) -> io::Result<Value> {
        let mut specs = Vec::new();
        let mut children = Vec::new();
        for draft in consignment.images {
            let (image, spec) = write_image(root, draft)?;
            let manifest = manifest_type(draft);
            children.push(
                json!({"mediaType": manifest, "digest": image.manifest.digest,
                "size": image.manifest.size, "platform": {"os": "linux", "architecture": "amd64"}}),
            );
            self.images.push(image);
            specs.push(spec);
        }
        let Some(name) = consignment.index else {
            let image = specs.pop();
            let image = image.ok_or_else(|| io::Error::other("an image without an index"))?;
            return Ok(json!({ "image": image }));
        };
        let index =
            json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children});
        let index = index.to_string();
        self.indexes.push(Digest::of(index.as_bytes()));
        let file = format!("{name}.index.json");
        fs::write(root.join(&file), index)?;
        Ok(
            json!({"index": {"label": format!("//app:{name}"), "manifest": format!("_main/{file}"),
            "images": specs}}),
        )
    }
}

/// Gives the image, and what the delivery file says of it.
fn write_image(root: &Path, draft: &PushedDraft<'_>) -> io::Result<(PushedImage, Value)> {
    let folder = root.join(draft.name);
    fs::create_dir_all(folder.join("base/blobs/sha256"))?;
    let mut layers = Layers::default();
    for layer in draft.layers {
        layers.write(&folder, layer, draft)?;
    }
    let config =
        json!({"architecture": "amd64", "os": "linux", "config": {"Env": [draft.environment]},
        "rootfs": {"type": "layers", "diff_ids": layers.diff_ids}})
        .to_string();
    let config = write(&folder.join("config.json"), config.as_bytes())?;
    let config_type = match draft.is_docker {
        true => media_type::DOCKER_CONFIG,
        false => media_type::OCI_CONFIG,
    };
    let described = json!({"mediaType": config_type, "digest": config.digest, "size": config.size});
    let manifest = json!({"schemaVersion": 2, "mediaType": manifest_type(draft), "config": described,
        "layers": layers.descriptors});
    let manifest = write(
        &folder.join("manifest.json"),
        manifest.to_string().as_bytes(),
    )?;
    let description = json!({"config": described, "platform": {"os": "linux", "architecture": "amd64"},
        "layers": layers.described});
    write(
        &folder.join("description.json"),
        description.to_string().as_bytes(),
    )?;
    let path = |name: &str| format!("_main/{}/{name}", draft.name);
    let own = layers.own.iter();
    let blobs: Vec<_> = own.map(|name| name.as_deref().map(path)).collect();
    let spec = json!({"label": format!("//app:{}", draft.name), "manifest": path("manifest.json"),
        "config": path("config.json"), "description": path("description.json"), "blobs": blobs,
        "base_layout": path("base")});
    let image = PushedImage {
        manifest,
        config,
        blobs: layers.blobs,
        files: layers.files,
    };
    Ok((image, spec))
}

fn manifest_type(draft: &PushedDraft<'_>) -> &'static str {
    match draft.is_docker {
        true => media_type::DOCKER_MANIFEST,
        false => media_type::OCI_MANIFEST,
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<Content> {
    fs::write(path, content)?;
    Ok(Content::of(content))
}

/// The layers of one image, as far as they are written.
#[derive(Default)]
struct Layers {
    diff_ids: Vec<Digest>,
    blobs: Vec<Content>,
    files: Vec<PathBuf>,
    /// The names of the files of the upper layers; `None` for one that is in no file.
    own: Vec<Option<String>>,
    /// As the manifest has them.
    descriptors: Vec<Value>,
    /// As the description has them.
    described: Vec<Value>,
}

impl Layers {
    fn write(
        &mut self,
        folder: &Path,
        layer: &LayerFile,
        draft: &PushedDraft<'_>,
    ) -> io::Result<()> {
        let (tar, compression, is_own) = match layer {
            LayerFile::Tar(tar) => (tar, Compression::Gzip, true),
            LayerFile::Blob(tar, compression) => (tar, *compression, false),
            LayerFile::Pulled(tar, _) => (tar, Compression::Gzip, false),
        };
        let mut compressor = Compressor::new(compression, Vec::new())?;
        compressor.write_all(tar)?;
        let bytes = compressor.finish()?;
        let blob = Content::of(&bytes);
        let oci_type = media_type::oci_layer(compression);
        let media_type = match draft.is_docker {
            true => media_type::docker_layer(oci_type),
            false => oci_type,
        };
        let descriptor = json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size});
        let mut described = json!({"diff_id": Digest::of(tar), "size": tar.len()});
        let file = match is_own {
            true => {
                let name = format!("{}.tar.gz", self.blobs.len());
                self.own.push(Some(name.clone()));
                folder.join(name)
            }
            false => {
                described["blob"] = descriptor.clone();
                if let Some(repository) = draft.base_repository {
                    described["repository"] = repository.into();
                }
                folder.join("base/blobs/sha256").join(blob.digest.hex())
            }
        };
        if let LayerFile::Pulled(tar, repository) = layer {
            described = describe_pulled(tar, repository)?;
            self.own.push(None);
        } else {
            fs::write(&file, bytes)?;
        }
        self.diff_ids.push(Digest::of(tar));
        self.blobs.push(blob);
        self.files.push(file);
        self.descriptors.push(descriptor);
        self.described.push(described);
        Ok(())
    }
}
