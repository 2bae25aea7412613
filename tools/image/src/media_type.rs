//! The media types that say what a blob is.
//!
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md> and
//! <https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-2.md#media-types>.

use std::path::Path;

use crate::compression::Compression;
use crate::error::Error;

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A Docker image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker does not write it, but containerd reads it:
/// <https://github.com/containerd/containerd/blob/v2.0.0/core/images/mediatypes.go>.
const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/// The OCI media type of a layer blob.
pub fn oci_layer(compression: Compression) -> &'static str {
    match compression {
        Compression::None => OCI_LAYER,
        Compression::Gzip => OCI_LAYER_GZIP,
        Compression::Zstd => OCI_LAYER_ZSTD,
    }
}

/// The media type that an OCI layer has in a Docker manifest. Docker has none for zstd, and engines that read zstd
/// take the OCI type there.
pub fn docker_layer(oci: &str) -> &str {
    match oci {
        OCI_LAYER => DOCKER_LAYER,
        OCI_LAYER_GZIP => DOCKER_LAYER_GZIP,
        other => other,
    }
}

/// The OCI media type of a layer whose type is of either family.
pub fn oci_from_docker_layer(media_type: &str) -> &str {
    match media_type {
        DOCKER_LAYER => OCI_LAYER,
        DOCKER_LAYER_GZIP => OCI_LAYER_GZIP,
        other => other,
    }
}

/// Whether a media type is one of an image manifest, of either family.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST)
}

/// Whether a media type is one of a layer that is not to be given to others: it stays where its `urls` say.
pub fn is_foreign(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}

/// Checks that a layer, the number `index` of the manifest `path`, is of a media type that is known.
///
/// # Errors
/// If it is encrypted or of another kind: nobody could tell what its tar is.
pub fn check_layer(path: &Path, index: usize, media_type: &str) -> Result<(), Error> {
    let (path, found) = (path.to_owned(), media_type.to_owned());
    let base = media_type.strip_suffix("+encrypted").unwrap_or(media_type);
    if base != media_type {
        return Err(Error::EncryptedLayer { path, index, found });
    }
    let is_known = matches!(
        media_type,
        OCI_LAYER
            | OCI_LAYER_GZIP
            | OCI_LAYER_ZSTD
            | DOCKER_LAYER
            | DOCKER_LAYER_GZIP
            | DOCKER_LAYER_ZSTD
    );
    match is_known || is_foreign(media_type) {
        true => Ok(()),
        false => Err(Error::UnknownLayer { path, index, found }),
    }
}

/// Whether a media type is one of an index of manifests, of either family.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_INDEX)
}
