//! What Docker with the containerd image store keeps, and what it says to an archive.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{json, Value};
use stevedore_image::digest::Digest;

use crate::docker_store::read_members;

/// Images by the digests of their manifests, blobs, and names. An image that lacks blobs is kept, and named, all the
/// same, as containerd does it.
#[derive(Clone, Debug, Default)]
pub struct OciStore {
    blobs: BTreeMap<Digest, Vec<u8>>,
    images: BTreeSet<Digest>,
    names: BTreeMap<String, Digest>,
}

impl OciStore {
    /// The number of images.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// The ID that `name` stands for.
    pub fn name(&self, name: &str) -> Option<Digest> {
        self.names.get(name).copied()
    }

    /// Gives the image a name; `false` if there is no such image.
    pub(crate) fn tag(&mut self, image: &Digest, name: &str) -> bool {
        let exists = self.images.contains(image);
        if exists {
            self.names.insert(name.to_owned(), *image);
        }
        exists
    }

    /// Removes an image with its names.
    pub(crate) fn remove(&mut self, image: &Digest) -> bool {
        self.names.retain(|_, id| id != image);
        self.images.remove(image)
    }

    /// The answer to an inspection; `tells_manifests` if the engine is new enough to tell what is available.
    pub(crate) fn inspect(&self, name: &str, tells_manifests: bool) -> Option<Value> {
        let id = match name.parse() {
            Ok(id) => id,
            Err(_) => self.name(name)?,
        };
        self.images.get(&id)?;
        let names = self.names.iter().filter(|(_, image)| **image == id);
        let names: Vec<&String> = names.map(|(name, _)| name).collect();
        let is_available = self.missing(&id).is_none();
        let mut answer = json!({"Id": id, "RepoTags": names, "GraphDriver": {"Name": "overlayfs", "Data": null},
            "RootFS": {}});
        if is_available {
            answer["RootFS"] = json!({"Type": "layers", "Layers": self.diff_ids(&id)});
        }
        if tells_manifests {
            answer["Descriptor"] = json!({ "digest": id });
            answer["Manifests"] = json!([{ "Available": is_available }]);
        }
        Some(answer)
    }

    /// Loads an archive without a name; gives the lines that the engine prints.
    pub(crate) fn load(&mut self, archive: &[u8]) -> Result<Vec<String>, String> {
        let members = read_members(archive).map_err(|error| error.to_string())?;
        let index = members.get("index.json").ok_or("no index.json")?;
        let index: Value = serde_json::from_slice(index).map_err(|error| error.to_string())?;
        let id = digest(&index["manifests"][0]).ok_or("no manifest")?;
        let blobs = members.into_iter();
        let blobs = blobs.filter(|(name, _)| name.starts_with("blobs/"));
        self.blobs
            .extend(blobs.map(|(_, blob)| (Digest::of(&blob), blob)));
        self.images.insert(id);
        let mut lines = vec![format!("Loaded image ID: {id}")];
        if let Some(missing) = self.missing(&id) {
            lines.push(format!(
                "Error unpacking image {id}: content digest {missing}: not found"
            ));
        }
        Ok(lines)
    }

    fn json(&self, blob: &Digest) -> Value {
        let bytes = self.blobs.get(blob).map(Vec::as_slice);
        serde_json::from_slice(bytes.unwrap_or_default()).unwrap_or_default()
    }

    fn missing(&self, image: &Digest) -> Option<Digest> {
        let manifest = self.json(image);
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        let blobs = [&manifest["config"]].into_iter().chain(&layers);
        let mut blobs = blobs.map(|blob| digest(blob).unwrap_or(*image));
        blobs.find(|blob| !self.blobs.contains_key(blob))
    }

    fn diff_ids(&self, image: &Digest) -> Value {
        let config = digest(&self.json(image)["config"]);
        config.map_or(Value::Null, |config| {
            self.json(&config)["rootfs"]["diff_ids"].clone()
        })
    }
}

fn digest(descriptor: &Value) -> Option<Digest> {
    descriptor["digest"].as_str()?.parse().ok()
}
