//! Image configs: what an image is run with, made from attributes and, perhaps, a base.
//!
//! A config is edited as the JSON that it is, so that what this project does not know of a base's config stays in it.
//! See <https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md>.

mod document;
mod environment;
mod flatten;
mod health_check;
mod history;
mod port;
mod rebase;
mod spec;
mod stamp;
mod time;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::description::{BlobDescription, ImageDescription, LayerDescription, Platform};
use crate::digest::Content;
use crate::error::Error;
use crate::json;
use crate::media_type;

use document::Document;

pub use flatten::flatten;
pub use rebase::rebase;
pub use spec::{ConfigSpec, HealthCheckSpec};
use time::EPOCH;

/// A base: its config and its description.
pub struct Base {
    config: Document,
    description: ImageDescription,
}

impl Base {
    /// Reads the two files of a base.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be, or they are not of one image.
    pub fn load(config: &Path, description: &Path) -> Result<Self, Error> {
        let bytes = fs::read(config).map_err(|source| Error::io("read", config, source))?;
        let parsed = Document::parse(config, &bytes)?;
        let base = Self {
            description: ImageDescription::load(description)?,
            config: parsed,
        };
        let described = base.description.config.content();
        let found = Content::of(&bytes);
        if described != found {
            return Err(Error::WrongContent {
                path: config.to_owned(),
                what: format!("the config of the base, by `{}`", description.display()),
                expected: described.digest,
                expected_size: described.size,
                found: found.digest,
                found_size: found.size,
            });
        }
        let diff_ids = base.config.diff_ids()?.len();
        if diff_ids != base.description.layers.len() {
            return Err(Error::LayerCount {
                first: format!("`{}`", config.display()),
                first_count: diff_ids,
                second: format!("`{}`", description.display()),
                second_count: base.description.layers.len(),
            });
        }
        Ok(base)
    }
}

/// Makes the config of an image, and its description. `layers` are those above the base, from the bottom up.
///
/// # Errors
/// If an attribute has a value that it cannot have, the platform is not the base's, or the base's config does not have
/// the shape that the specification demands.
pub fn assemble(
    spec: &ConfigSpec,
    base: Option<Base>,
    layers: Vec<LayerDescription>,
) -> Result<(Vec<u8>, ImageDescription), Error> {
    let platform = platform(spec, base.as_ref().map(|base| &base.description.platform))?;
    let (mut config, described, media_type) = match base {
        Some(base) => (
            base.config,
            base.description.layers,
            base.description.config.media_type,
        ),
        None => (
            Document::empty(),
            Vec::new(),
            media_type::OCI_CONFIG.to_owned(),
        ),
    };
    let created = time::checked(spec)?;
    config.set("created", created.clone().into());
    if let Some(author) = &spec.author {
        config.set("author", author.clone().into());
    }
    config.set("architecture", platform.architecture.clone().into());
    config.set("os", platform.os.clone().into());
    if let Some(variant) = &platform.variant {
        config.set("variant", variant.clone().into());
    }
    if let Some(version) = &spec.os_version {
        config.set("os.version", version.clone().into());
    }
    if !spec.os_features.is_empty() {
        config.set("os.features", spec.os_features.clone().into());
    }
    edit_settings(&mut config, spec)?;
    config.append_layers(&layers)?;
    history::append(&mut config, spec, &created, described.len(), layers.len())?;
    let bytes = json::to_bytes(&config.into_root())?;
    let description = ImageDescription {
        config: BlobDescription::new(&media_type, Content::of(&bytes)),
        platform,
        layers: described.into_iter().chain(layers).collect(),
    };
    Ok((bytes, description))
}

/// The platform: what the attributes say, which must be what the base has; or what the target platform is.
fn platform(spec: &ConfigSpec, base: Option<&Platform>) -> Result<Platform, Error> {
    let agree = |attribute, wanted: &Option<String>, base: &str| match wanted {
        Some(wanted) if wanted != base => Err(Error::PlatformConflict {
            label: spec.label.clone(),
            attribute,
            found: wanted.clone(),
            base: base.to_owned(),
        }),
        _ => Ok(base.to_owned()),
    };
    let Some(base) = base else {
        let is_target = spec.architecture.is_none();
        return Ok(Platform {
            os: spec.os.as_ref().unwrap_or(&spec.target_os).clone(),
            architecture: spec
                .architecture
                .as_ref()
                .unwrap_or(&spec.target_architecture)
                .clone(),
            variant: spec
                .variant
                .clone()
                .or_else(|| spec.target_variant.clone().filter(|_| is_target)),
        });
    };
    Ok(Platform {
        os: agree("os", &spec.os, &base.os)?,
        architecture: agree("architecture", &spec.architecture, &base.architecture)?,
        variant: match &base.variant {
            Some(variant) => Some(agree("variant", &spec.variant, variant)?),
            None => spec.variant.clone(),
        },
    })
}

/// Edits what is below `config`.
fn edit_settings(config: &mut Document, spec: &ConfigSpec) -> Result<(), Error> {
    for attribute in &spec.reset {
        let field = spec.field_of(attribute)?;
        config.remove_setting(field);
    }
    if let Some(user) = spec.checked_user()? {
        config.set_setting("User", user.into());
    }
    add_keys(config, "ExposedPorts", port::checked(spec)?)?;
    if !spec.env.is_empty() {
        let mut env = environment::Environment::parse(config.strings("Env")?);
        for (key, value) in &spec.env {
            env.set(spec, key, value)?;
        }
        config.set_setting("Env", env.into_value());
    }
    if let Some(entrypoint) = &spec.entrypoint {
        config.set_setting("Entrypoint", entrypoint.clone().into());
        // As Docker's builder has it: the base's arguments were for the base's entrypoint.
        if spec.cmd.is_none() {
            config.remove_setting("Cmd");
        }
    }
    if let Some(cmd) = &spec.cmd {
        config.set_setting("Cmd", cmd.clone().into());
    }
    add_keys(config, "Volumes", spec.checked_volumes()?)?;
    if let Some(directory) = spec.checked_workdir()? {
        config.set_setting("WorkingDir", directory.into());
    }
    if !spec.labels.is_empty() {
        let labels = config.setting_object("Labels")?;
        for (key, value) in &spec.labels {
            labels.insert(key.clone(), value.clone().into());
        }
    }
    if let Some(signal) = spec.checked_stop_signal()? {
        config.set_setting("StopSignal", signal.into());
    }
    if let Some(check) = &spec.healthcheck {
        config.set_setting("Healthcheck", health_check::to_value(spec, check)?);
    }
    config.keep_settings();
    Ok(())
}

/// Adds keys to a set, which the specification writes as an object with empty objects in it.
fn add_keys(config: &mut Document, field: &'static str, keys: Vec<String>) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let set = config.setting_object(field)?;
    for key in keys {
        set.insert(key, Value::Object(Map::new()));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
