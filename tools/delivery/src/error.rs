//! Why a delivery failed.

use std::path::PathBuf;

use stevedore_engine::Refusal;
use stevedore_image::digest::Digest;

use crate::runfiles::RunfilesError;
use crate::source::SourceError;

/// Why a delivery failed. The destination is then as it was, or complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the image is not among the executable's runfiles.
    #[error("a file of `{label}` is missing")]
    Runfiles {
        /// The image's target.
        label: String,
        /// Which, and where it was looked for.
        source: RunfilesError,
    },
    /// A metadata file of the image cannot be used.
    #[error("the description of `{label}` cannot be used")]
    Description {
        /// The image's target.
        label: String,
        /// Which file, and why.
        source: Box<stevedore_image::Error>,
    },
    /// The config file cannot be read.
    #[error("failed to read the config `{path}` of `{label}`; build the target again")]
    ReadConfig {
        /// The image's target.
        label: String,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The config file is not the one that the description names.
    #[error("the config `{path}` of `{label}` has the digest `{found}`, expected `{expected}`; build the target again")]
    ConfigDigest {
        /// The image's target.
        label: String,
        /// The file.
        path: PathBuf,
        /// The digest that it must have.
        expected: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// The manifest file cannot be read.
    #[error("failed to read the manifest `{path}` of `{label}`; build the target again")]
    ReadManifest {
        /// The target of the image or index.
        label: String,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An index does not have one of its images.
    #[error("the index `{index}` does not name the manifest `{digest}` of `{image}`; build the target again")]
    NotInIndex {
        /// The index's target.
        index: String,
        /// The image's target.
        image: String,
        /// The digest of the image's manifest.
        digest: Digest,
    },
    /// The description has layers for which no file was given.
    #[error("`{label}` has {described} layers in its description, {files} layer files and no layout that holds the rest; build the target again")]
    LayerCount {
        /// The image's target.
        label: String,
        /// The number of layers in the description.
        described: usize,
        /// The number of files.
        files: usize,
    },
    /// A layer comes from a layout, but the description does not say which blob it is.
    #[error("layer {index} of `{label}` (`{diff_id}`) has no file, and its description names no blob in the base's layout; build the target again")]
    NoBlob {
        /// The image's target.
        label: String,
        /// The layer's place in the image, the bottom one being 0.
        index: usize,
        /// The layer's `diff_id`.
        diff_id: Digest,
    },
    /// The bytes of a layer cannot be had.
    #[error("a layer of `{label}` cannot be sent")]
    Source {
        /// The image's target.
        label: String,
        /// Which, and why.
        source: Box<SourceError>,
    },
    /// The operating system gave no thread for reading the layers.
    #[error("failed to start reading the layers of `{label}`")]
    Thread {
        /// The image's target.
        label: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A registry failed, could not be reached, or does not take what is pushed.
    #[error("`{label}` cannot be pushed")]
    Registry {
        /// The target of the image or index.
        label: String,
        /// Why.
        source: Box<stevedore_registry::Error>,
    },
    /// A layer that is in no file cannot be fetched.
    #[error("failed to fetch a layer of `{label}` from `{repository}`")]
    Fetch {
        /// The image's target.
        label: String,
        /// The repository.
        repository: String,
        /// Why.
        source: Box<stevedore_registry::Error>,
    },
    /// A mirror that a pulled image names is none.
    #[error("`{label}` names a mirror that cannot be used; correct `mirrors` of its `oci.pull`")]
    Mirror {
        /// The image's target.
        label: String,
        /// What is wrong with it.
        source: stevedore_registry::MirrorError,
    },
    /// A registry gave other bytes than it was asked for.
    #[error("`{repository}` gave wrong bytes for a layer of `{label}`: their digest is `{found}`, expected `{expected}`; the registry, or a proxy before it, is at fault")]
    FetchedDigest {
        /// The image's target.
        label: String,
        /// The repository.
        repository: String,
        /// The digest of the layer's blob.
        expected: Digest,
        /// That of what came.
        found: Digest,
    },
    /// The bytes of a layer are wanted that registries do not keep.
    #[error("the layer `{digest}` of `{label}` is a foreign one (`{media_type}`): registries do not have its bytes, and they are needed here; use a base without such layers")]
    ForeignLayer {
        /// The image's target.
        label: String,
        /// The layer's blob.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
    /// An index has no image for the engine's platform, or the one that was asked for.
    #[error("`{label}` has no image that can be loaded; build one for that platform, or name another one with `--platform`")]
    NoPlatform {
        /// The index's target.
        label: String,
        /// Which platform, and those that there are.
        source: Box<stevedore_image::Error>,
    },
    /// The engine failed, or could not be reached.
    #[error(transparent)]
    Engine(#[from] stevedore_engine::Error),
    /// The engine does not load the image.
    #[error("the engine refused `{label}`{}", advice(.source))]
    Refused {
        /// The image's target.
        label: String,
        /// The engine's words.
        source: Refusal,
    },
    /// Layers vanish from the engine as fast as they are sent.
    #[error(
        "the engine lost layers of `{label}` {attempts} times while the image was being sent; \
         is something removing images from it (`docker image prune`)?"
    )]
    KeepsLosingLayers {
        /// The image's target.
        label: String,
        /// The number of uploads.
        attempts: usize,
    },
    /// The engine keeps only images that have a name, and this one gets none.
    #[error("`{label}` has no name, and containerd keeps only images that have one; set `repo_tags`, or use `--tag`")]
    NoName {
        /// The image's target.
        label: String,
    },
    /// The engine says that it succeeded, but the image is another one.
    #[error("the engine loaded `{label}` as `{found}`, expected `{expected}`; remove that image and report this")]
    WrongImage {
        /// The image's target.
        label: String,
        /// The image ID that was computed when the image was built.
        expected: String,
        /// What the engine has.
        found: String,
    },
    /// The engine says that it succeeded, but has no such image.
    #[error("the engine reported success but has no image `{expected}` of `{label}`; it may have been removed again")]
    NotThere {
        /// The image's target.
        label: String,
        /// The image ID that was computed when the image was built.
        expected: Digest,
    },
}

impl Error {
    /// The failure of a registry while something was being done for `label`.
    pub(crate) fn registry(label: &str, source: stevedore_registry::Error) -> Self {
        Self::Registry {
            label: label.to_owned(),
            source: Box::new(source),
        }
    }

    /// The message, and those of its causes.
    pub(crate) fn causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// Whether the files of the image are to blame.
    pub fn is_about_image(&self) -> bool {
        if let Self::Registry { source, .. } = self {
            return source.is_about_source();
        }
        matches!(
            self,
            Self::Runfiles { .. }
                | Self::Description { .. }
                | Self::ReadConfig { .. }
                | Self::ReadManifest { .. }
                | Self::NotInIndex { .. }
                | Self::ConfigDigest { .. }
                | Self::LayerCount { .. }
                | Self::NoBlob { .. }
                | Self::Source { .. }
                | Self::Mirror { .. }
                | Self::ForeignLayer { .. }
        )
    }

    /// Whether no engine, or no registry, was reached.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_unreachable(),
            Self::Registry { source, .. } | Self::Fetch { source, .. } => source.is_unreachable(),
            _ => false,
        }
    }
}

fn advice(refusal: &Refusal) -> &'static str {
    if refusal.is_disk_full() {
        ": its disk is full; free some space (`docker system df`, `docker image prune`)"
    } else if refusal.is_wrong_diff_id() {
        ": a layer's file has changed since it was built; build the target again"
    } else {
        ""
    }
}
