//! A config as JSON that is edited in place.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::description::LayerDescription;
use crate::digest::Digest;
use crate::error::Error;
use crate::json;

const SETTINGS: &str = "config";

/// A config, and the file that it came from.
pub(super) struct Document {
    path: PathBuf,
    root: Map<String, Value>,
    settings: Map<String, Value>,
}

impl Document {
    /// A config with nothing in it.
    pub(super) fn empty() -> Self {
        Self {
            path: PathBuf::new(),
            root: Map::new(),
            settings: Map::new(),
        }
    }

    /// Parses the content of a file.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let mut root: Map<String, Value> = json::parse(path, bytes)?;
        let settings = match root.get_mut(SETTINGS).map(Value::take) {
            Some(Value::Object(settings)) => settings,
            None | Some(Value::Null) => Map::new(),
            Some(other) => return Err(wrong(path, SETTINGS, &other, "an object")),
        };
        Ok(Self {
            path: path.to_owned(),
            root,
            settings,
        })
    }

    /// A field.
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.root.get(field)
    }

    /// Sets a field, in its place if it is there.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        self.root.insert(field.to_owned(), value);
    }

    /// Removes a field; the others keep their order.
    pub(super) fn remove(&mut self, field: &str) {
        self.root.shift_remove(field);
    }

    /// Sets a field below `config`.
    pub(super) fn set_setting(&mut self, field: &str, value: Value) {
        self.settings.insert(field.to_owned(), value);
    }

    /// Removes a field below `config`; the others keep their order.
    pub(super) fn remove_setting(&mut self, field: &str) {
        self.settings.shift_remove(field);
    }

    /// The object at a field below `config`, which is made if it is not there.
    pub(super) fn setting_object(
        &mut self,
        field: &'static str,
    ) -> Result<&mut Map<String, Value>, Error> {
        let value = self
            .settings
            .entry(field)
            .or_insert_with(|| Value::Object(Map::new()));
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        match value {
            Value::Object(object) => Ok(object),
            other => Err(wrong(&self.path, field, other, "an object")),
        }
    }

    /// The strings at a field below `config`.
    pub(super) fn strings(&self, field: &'static str) -> Result<Vec<String>, Error> {
        let wrong = |value| wrong(&self.path, field, value, "an array of strings");
        match self.settings.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| {
                    value
                        .as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| wrong(value))
                })
                .collect(),
            Some(other) => Err(wrong(other)),
        }
    }

    /// The array at a field of the config itself; none is an empty one.
    pub(super) fn array(&self, field: &'static str) -> Result<Vec<Value>, Error> {
        match self.root.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values.clone()),
            Some(other) => Err(wrong(&self.path, field, other, "an array")),
        }
    }

    /// The digests of the layers.
    pub(super) fn diff_ids(&self) -> Result<Vec<Digest>, Error> {
        const FIELD: &str = "rootfs.diff_ids";
        let wrong = |value| wrong(&self.path, FIELD, value, "an array of digests");
        let rootfs = match self.root.get("rootfs") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(rootfs) => rootfs,
        };
        match rootfs.get("diff_ids") {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| {
                    value
                        .as_str()
                        .and_then(|text| text.parse().ok())
                        .ok_or_else(|| wrong(value))
                })
                .collect(),
            Some(other) => Err(wrong(other)),
        }
    }

    /// Puts layers on top.
    pub(super) fn append_layers(&mut self, layers: &[LayerDescription]) -> Result<(), Error> {
        let mut diff_ids = self.diff_ids()?;
        diff_ids.extend(layers.iter().map(|layer| layer.diff_id));
        self.set_diff_ids(diff_ids)
    }

    /// Replaces the layers.
    pub(super) fn set_diff_ids(
        &mut self,
        digests: impl IntoIterator<Item = Digest>,
    ) -> Result<(), Error> {
        let diff_ids: Vec<Value> = digests
            .into_iter()
            .map(|digest| digest.to_string().into())
            .collect();
        let rootfs = self
            .root
            .entry("rootfs")
            .or_insert_with(|| Value::Object(Map::new()));
        match rootfs {
            Value::Object(rootfs) => {
                rootfs.insert("type".to_owned(), "layers".into());
                rootfs.insert("diff_ids".to_owned(), diff_ids.into());
                Ok(())
            }
            other => Err(wrong(&self.path, "rootfs", other, "an object")),
        }
    }

    /// Gives `config` its place: before `rootfs` in a config that had none.
    pub(super) fn keep_settings(&mut self) {
        if !self.settings.is_empty() || self.root.contains_key(SETTINGS) {
            let settings = std::mem::take(&mut self.settings);
            self.root
                .insert(SETTINGS.to_owned(), Value::Object(settings));
        }
    }

    /// The edited JSON.
    pub(super) fn into_root(self) -> Map<String, Value> {
        self.root
    }
}

fn wrong(path: &Path, field: &'static str, found: &Value, expected: &'static str) -> Error {
    Error::WrongConfigField {
        path: path.to_owned(),
        field,
        found: match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array with other elements",
            Value::Object(_) => "an object",
        },
        expected,
    }
}
