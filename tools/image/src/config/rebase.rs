//! The config of an image that gets another base under its layers.

use serde_json::Value;

use super::{history, Base, EPOCH};
use crate::description::{BlobDescription, ImageDescription};
use crate::digest::Content;
use crate::error::Error;
use crate::json;

/// What of a platform only the config tells. It is of the base.
const OF_PLATFORM: [&str; 5] = ["architecture", "os", "variant", "os.version", "os.features"];

/// Makes the config of `image`, which was made of `old_base`, on `new_base`: the settings of `image`, and the layers and the
/// history of `new_base` followed by those that `image` has above `old_base`. Errors name `image` as `label`.
///
/// What `image` has inherited from the config of `old_base` stays, as with `crane rebase`
/// (<https://github.com/google/go-containerregistry/blob/v0.20.7/pkg/v1/mutate/rebase.go>).
///
/// # Errors
/// If the lowest layers of `image` are not those of `old_base`, `new_base` is for another platform, or a config does not
/// have the shape that the specification demands.
pub fn rebase(
    label: &str,
    image: Base,
    old_base: &Base,
    new_base: Base,
) -> Result<(Vec<u8>, ImageDescription), Error> {
    check_layers(label, &image.description, &old_base.description)?;
    check_platform(label, &image.description, &new_base.description)?;
    let upper = image.description.layers[old_base.description.layers.len()..].to_vec();
    let created = match image.config.get("created") {
        Some(Value::String(created)) => created.clone(),
        _ => EPOCH.to_owned(),
    };
    let mut entries = new_base.config.array(history::FIELD)?;
    history::fill_up(&mut entries, new_base.description.layers.len(), &created);
    entries.extend(own_history(&image, old_base)?);
    let layers: Vec<_> = new_base
        .description
        .layers
        .into_iter()
        .chain(upper)
        .collect();
    history::fill_up(&mut entries, layers.len(), &created);

    let mut config = image.config;
    for field in OF_PLATFORM {
        match new_base.config.get(field) {
            Some(value) => config.set(field, value.clone()),
            None => config.remove(field),
        }
    }
    config.set_diff_ids(layers.iter().map(|layer| layer.diff_id))?;
    config.set(history::FIELD, entries.into());
    config.keep_settings();
    let bytes = json::to_bytes(&config.into_root())?;
    let media_type = &new_base.description.config.media_type;
    let description = ImageDescription {
        config: BlobDescription::new(media_type, Content::of(&bytes)),
        platform: new_base.description.platform,
        layers,
    };
    Ok((bytes, description))
}

fn check_layers(
    label: &str,
    image: &ImageDescription,
    old_base: &ImageDescription,
) -> Result<(), Error> {
    for (index, expected) in old_base.layers.iter().enumerate() {
        let found = image.layers.get(index);
        if found.is_none_or(|found| found.diff_id != expected.diff_id) {
            return Err(Error::NotOfBase {
                label: label.to_owned(),
                index,
                expected: expected.diff_id,
                found: match found {
                    Some(found) => format!("the layer `{}`", found.diff_id),
                    None => "no layer".to_owned(),
                },
            });
        }
    }
    Ok(())
}

fn check_platform(
    label: &str,
    image: &ImageDescription,
    new_base: &ImageDescription,
) -> Result<(), Error> {
    match image.platform.normalized() == new_base.platform.normalized() {
        true => Ok(()),
        false => Err(Error::PlatformConflict {
            label: label.to_owned(),
            attribute: "platform",
            found: image.platform.to_string(),
            base: new_base.platform.to_string(),
        }),
    }
}

/// The entries that an image has above those of its base. A base may have fewer of them than layers.
fn own_history(image: &Base, old_base: &Base) -> Result<Vec<Value>, Error> {
    let entries = image.config.array(history::FIELD)?;
    let of_base = old_base.config.array(history::FIELD)?.len();
    let layers = old_base.description.layers.len();
    let is_below =
        |length: &usize| *length < of_base || history::count(&entries[..*length]) < layers;
    let below = (0..entries.len()).take_while(is_below).count();
    Ok(entries[below..].to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
