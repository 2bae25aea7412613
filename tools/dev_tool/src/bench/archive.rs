//! Archives written by hand, in the two forms that engines read; what has no content is named and left out.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{json, Value};
use stevedore_image::digest::Digest;

/// An image in an archive.
#[derive(Clone, Debug)]
pub(crate) struct ArchivedImage {
    /// Its full name, such as `docker.io/bench/image:latest`.
    pub(crate) name: String,
    /// Its config.
    pub(crate) config: Vec<u8>,
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<ArchivedLayer>,
}

/// An uncompressed layer in an archive.
#[derive(Clone, Debug)]
pub(crate) struct ArchivedLayer {
    /// The digest of its tar.
    pub(crate) digest: Digest,
    /// The bytes of its tar.
    pub(crate) size: u64,
    /// Its tar, unless the archive is to lack it.
    pub(crate) tar: Option<Content>,
}

/// What is in a file.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The same as in another file.
    File(PathBuf),
}

/// The files of an archive.
type Files = BTreeMap<String, Content>;

impl ArchivedImage {
    /// Its ID where that is the config's digest.
    pub(crate) fn id(&self) -> Digest {
        Digest::of(&self.config)
    }

    /// The image without those of its layers that `is_present` says the engine has.
    pub(crate) fn without(&self, is_present: impl Fn(usize) -> bool) -> Self {
        let mut image = self.clone();
        for (index, layer) in image.layers.iter_mut().enumerate() {
            if is_present(index) {
                layer.tar = None;
            }
        }
        image
    }

    fn manifest(&self) -> Vec<u8> {
        let layers: Vec<_> = self.layers.iter().map(ArchivedLayer::descriptor).collect();
        let config = descriptor(
            "application/vnd.oci.image.config.v1+json",
            Digest::of(&self.config),
            self.config.len() as u64,
        );
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers,
        })
        .to_string()
        .into_bytes()
    }
}

impl ArchivedLayer {
    fn descriptor(&self) -> Value {
        descriptor(
            "application/vnd.oci.image.layer.v1.tar",
            self.digest,
            self.size,
        )
    }
}

/// Writes what `docker save` would: Docker's own form.
pub(crate) fn write_docker_archive(images: &[ArchivedImage], file: &Path) -> Result<()> {
    let mut files = Files::new();
    let mut items = Vec::new();
    for image in images {
        let config = format!("{}.json", Digest::of(&image.config).hex());
        let layer_path = |layer: &ArchivedLayer| format!("{}.tar", layer.digest.hex());
        items.push(json!({
            "Config": config,
            "RepoTags": [image.name],
            "Layers": image.layers.iter().map(layer_path).collect::<Vec<_>>(),
        }));
        files.insert(config, Content::Bytes(image.config.clone()));
        for layer in &image.layers {
            if let Some(tar) = &layer.tar {
                files.insert(layer_path(layer), tar.clone());
            }
        }
    }
    let manifest = Content::Bytes(Value::from(items).to_string().into_bytes());
    files.insert("manifest.json".to_owned(), manifest);
    write_tar(&files, file)
}

/// Writes an OCI layout as a tar.
pub(crate) fn write_oci_archive(images: &[ArchivedImage], file: &Path) -> Result<()> {
    write_tar(&layout(images), file)
}

/// Writes an OCI layout as a folder, whose layers are links to their files.
pub(crate) fn write_oci_folder(images: &[ArchivedImage], folder: &Path) -> Result<()> {
    for (name, content) in layout(images) {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .with_context(|| format!("failed to create `{}`", parent.display()))?;
        match content {
            Content::Bytes(bytes) => fs::write(&path, bytes),
            Content::File(file) => symlink(file, &path),
        }
        .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

/// The files of an OCI layout (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md).
fn layout(images: &[ArchivedImage]) -> Files {
    let mut files = Files::new();
    let mut manifests = Vec::new();
    for image in images {
        let manifest = image.manifest();
        let digest = Digest::of(&manifest);
        let mut entry = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            digest,
            manifest.len() as u64,
        );
        // containerd and Docker read the first, podman the second.
        entry["annotations"] = json!({
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name,
        });
        manifests.push(entry);
        files.insert(blob(digest), Content::Bytes(manifest));
        let config = Content::Bytes(image.config.clone());
        files.insert(blob(Digest::of(&image.config)), config);
        for layer in &image.layers {
            if let Some(tar) = &layer.tar {
                files.insert(blob(layer.digest), tar.clone());
            }
        }
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    let layout = json!({"imageLayoutVersion": "1.0.0"});
    for (name, value) in [("index.json", index), ("oci-layout", layout)] {
        files.insert(
            name.to_owned(),
            Content::Bytes(value.to_string().into_bytes()),
        );
    }
    files
}

fn blob(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
}

fn write_tar(files: &Files, path: &Path) -> Result<()> {
    let failed = || format!("failed to write `{}`", path.display());
    let file = File::create(path).with_context(failed)?;
    let mut tar = tar::Builder::new(BufWriter::new(file));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match content {
            Content::Bytes(bytes) => {
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, name, bytes.as_slice())
            }
            Content::File(file) => File::open(file).and_then(|content| {
                header.set_size(content.metadata()?.len());
                tar.append_data(&mut header, name, content)
            }),
        }
        .with_context(failed)?;
    }
    tar.into_inner()
        .and_then(|file| {
            file.into_inner()
                .map_err(std::io::IntoInnerError::into_error)
        })
        .map(drop)
        .with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> ArchivedImage {
        let layer = |text: &str| ArchivedLayer {
            digest: Digest::of(text.as_bytes()),
            size: text.len() as u64,
            tar: Some(Content::Bytes(text.into())),
        };
        ArchivedImage {
            name: "docker.io/a/b:c".to_owned(),
            config: b"{}".to_vec(),
            layers: vec![layer("lower"), layer("upper")],
        }
    }

    fn names(archive: &Path) -> Result<Vec<String>> {
        let mut tar = tar::Archive::new(File::open(archive)?);
        let mut names = Vec::new();
        for entry in tar.entries()? {
            names.push(entry?.path()?.display().to_string());
        }
        Ok(names)
    }

    #[test]
    fn a_layer_that_is_present_is_named_and_left_out() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("archive");
        let delta = image().without(|index| index == 0);
        write_docker_archive(std::slice::from_ref(&delta), &file)?;
        let (config, upper) = (Digest::of(b"{}"), Digest::of(b"upper"));
        let mut expected = [
            format!("{}.json", config.hex()),
            format!("{}.tar", upper.hex()),
            "manifest.json".to_owned(),
        ];
        expected.sort();
        assert_eq!(names(&file)?, expected);
        write_oci_archive(std::slice::from_ref(&delta), &file)?;
        let mut expected = [
            blob(config),
            blob(upper),
            blob(Digest::of(&delta.manifest())),
            "index.json".to_owned(),
            "oci-layout".to_owned(),
        ];
        expected.sort();
        assert_eq!(names(&file)?, expected);
        Ok(())
    }

    #[test]
    fn a_folder_links_to_the_layers() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("layer");
        fs::write(&file, "upper")?;
        let mut image = image();
        image.layers[1].tar = Some(Content::File(file.clone()));
        let layout = folder.path().join("layout");
        write_oci_folder(&[image], &layout)?;
        let link = layout.join(blob(Digest::of(b"upper")));
        assert_eq!(fs::read_link(link)?, file);
        Ok(())
    }
}
