//! Images whose config and layers are files of their own.

use std::path::Path;

use super::files::{read_json, Directory};
use super::{Config, ConfigPlatform};
use crate::description::{BlobDescription, ImageDescription, LayerDescription};
use crate::digest::Content;
use crate::error::Error;
use crate::json;
use crate::media_type;
use crate::output::directory_of;

/// Describes the image that has the config `path`, and these layers, from the bottom up.
///
/// # Errors
/// If the file is no config, or is one of other layers.
pub fn describe_loose(
    path: &Path,
    layers: Vec<LayerDescription>,
) -> Result<ImageDescription, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_json(
        &Directory::new(directory_of(path)),
        &name,
        "the image config",
    )?;
    let platform: ConfigPlatform = json::parse(path, &bytes)?;
    let config: Config = json::parse(path, &bytes)?;
    let diff_ids = config.rootfs.diff_ids;
    if diff_ids.len() != layers.len() {
        return Err(Error::LayerCount {
            first: format!("the config `{}`", path.display()),
            first_count: diff_ids.len(),
            second: "what was given".to_owned(),
            second_count: layers.len(),
        });
    }
    for (index, (layer, expected)) in layers.iter().zip(diff_ids).enumerate() {
        if layer.diff_id != expected {
            return Err(Error::OtherLayer {
                path: path.to_owned(),
                index,
                expected,
                found: layer.diff_id,
            });
        }
    }
    Ok(ImageDescription {
        config: BlobDescription::new(media_type::OCI_CONFIG, Content::of(&bytes)),
        platform: platform.into(),
        layers,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::digest::Digest;

    #[test]
    fn layers_must_be_those_of_the_config() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let tars = [Content::of(b"one"), Content::of(b"two")];
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [tars[0].digest, tars[1].digest]},
        });
        fs::write(&path, config.to_string()).unwrap();
        let layers: Vec<_> = tars.iter().map(|tar| LayerDescription::new(*tar)).collect();
        let description = describe_loose(&path, layers.clone()).unwrap();
        assert_eq!(
            description.config.digest,
            Digest::of(config.to_string().as_bytes())
        );
        assert_eq!(description.layers, layers);

        let error = describe_loose(&path, layers[..1].to_vec()).unwrap_err();
        assert!(error.to_string().contains("has 2 layers"), "{error}");
        let swapped = layers.into_iter().rev().collect();
        let error = describe_loose(&path, swapped).unwrap_err().to_string();
        assert!(error.contains("layer 0 to be"), "{error}");
        assert!(error.contains(&tars[1].digest.to_string()), "{error}");
    }
}
