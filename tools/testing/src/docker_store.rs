//! What Docker with graphdriver storage keeps, and what it says to an archive.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};

use serde::Deserialize;
use stevedore_image::digest::Digest;

/// Images, layers and names, with the rules of moby's `image/tarexport/load.go`.
#[derive(Clone, Debug, Default)]
pub struct DockerStore {
    /// Every chain of `diff_id`s that is there, from the bottom layer up.
    chains: BTreeSet<Vec<Digest>>,
    /// The `diff_id`s of each image, by its ID.
    images: BTreeMap<Digest, Vec<Digest>>,
    /// The ID that each name stands for.
    names: BTreeMap<String, Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestItem {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

/// What a load printed, or why it failed.
pub(crate) type LoadResult = Result<Vec<String>, String>;

impl DockerStore {
    /// The `diff_id`s of the image whose ID is `image`.
    pub fn image(&self, image: &Digest) -> Option<&[Digest]> {
        self.images.get(image).map(Vec::as_slice)
    }

    /// The number of images.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// The ID that `name` stands for.
    pub fn name(&self, name: &str) -> Option<Digest> {
        self.names.get(name).copied()
    }

    /// The names that stand for `image`.
    pub fn names_of(&self, image: &Digest) -> Vec<&str> {
        let names = self.names.iter().filter(|(_, id)| *id == image);
        names.map(|(name, _)| name.as_str()).collect()
    }

    /// Lets `name` stand for `image`, whether that exists or not.
    pub fn set_name(&mut self, name: &str, image: Digest) {
        self.names.insert(name.to_owned(), image);
    }

    /// Gives the image a name; `false` if there is no such image.
    pub(crate) fn tag(&mut self, image: &Digest, name: &str) -> bool {
        let exists = self.images.contains_key(image);
        if exists {
            self.set_name(name, *image);
        }
        exists
    }

    /// Takes a name away, and the image if that was its last one; `false` if no image has it.
    pub fn remove_name(&mut self, name: &str) -> bool {
        let Some(image) = self.names.remove(name) else {
            return false;
        };
        if self.names_of(&image).is_empty() {
            self.images.remove(&image);
        }
        true
    }

    /// Removes the images with their names; the layers stay, as if containers held them.
    pub fn remove_images(&mut self) {
        let images = std::mem::take(&mut self.images);
        self.names.retain(|_, image| !images.contains_key(image));
    }

    /// Removes all images, and the layers above the first `keep` of each chain.
    pub fn prune(&mut self, keep: usize) {
        self.remove_images();
        self.chains.retain(|chain| chain.len() <= keep);
    }

    /// Loads an archive.
    pub(crate) fn load(&mut self, archive: &[u8]) -> LoadResult {
        let members = read_members(archive).map_err(|error| error.to_string())?;
        let manifest = members
            .get("manifest.json")
            .ok_or("open manifest.json: no such file")?;
        let items: Vec<ManifestItem> =
            serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        let mut ids = Vec::new();
        let mut last_is_named = false;
        for item in items {
            let (id, names) = self.load_image(&item, &members)?;
            last_is_named = !names.is_empty();
            lines.extend(names.iter().map(|name| format!("Loaded image: {name}")));
            ids.push(format!("Loaded image ID: {id}"));
        }
        if !last_is_named {
            lines.extend(ids);
        }
        Ok(lines)
    }

    fn load_image(
        &mut self,
        item: &ManifestItem,
        members: &HashMap<String, Vec<u8>>,
    ) -> Result<(Digest, Vec<String>), String> {
        let config = members
            .get(&item.config)
            .ok_or_else(|| no_such_file(&item.config))?;
        let parsed: Config = serde_json::from_slice(config).map_err(|error| error.to_string())?;
        let diff_ids = parsed.rootfs.diff_ids;
        if diff_ids.len() != item.layers.len() {
            return Err("invalid manifest, layers length mismatch".to_owned());
        }
        let new = self.missing_chains(&diff_ids, &item.layers, members)?;
        self.chains.extend(new);
        let id = Digest::of(config);
        self.images.insert(id, diff_ids);
        let names = item.repo_tags.clone().unwrap_or_default();
        for name in &names {
            self.set_name(name, id);
        }
        Ok((id, names))
    }

    fn missing_chains(
        &self,
        diff_ids: &[Digest],
        paths: &[String],
        members: &HashMap<String, Vec<u8>>,
    ) -> Result<Vec<Vec<Digest>>, String> {
        let mut new = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let chain = diff_ids[..=index].to_vec();
            if self.chains.contains(&chain) {
                continue;
            }
            let layer = members.get(path).ok_or_else(|| no_such_file(path))?;
            let (expected, actual) = (diff_ids[index], Digest::of(layer));
            if expected != actual {
                return Err(format!(
                    "invalid diffID for layer {index}: expected \"{expected}\", got \"{actual}\""
                ));
            }
            new.push(chain);
        }
        Ok(new)
    }
}

fn no_such_file(path: &str) -> String {
    format!("open /var/lib/docker/tmp/docker-import-123456789/{path}: no such file or directory")
}

/// The files of a tar.
pub(crate) fn read_members(archive: &[u8]) -> io::Result<HashMap<String, Vec<u8>>> {
    let mut members = HashMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        members.insert(name, content);
    }
    Ok(members)
}
