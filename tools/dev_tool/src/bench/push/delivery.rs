//! A push as Bazel has built it, and copies of it that push elsewhere or lack files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{json, Value};

use crate::bench::products::{beside, read};

/// The fields of a spec that name layers' files, and those that name others.
const LAYERS: &[&str] = &["blobs", "base_layout"];
const FILES: &[&str] = &["manifest", "config", "description", "destinations"];

/// The executable of an `oci_push` and what it reads.
pub(crate) struct Delivery {
    executable: PathBuf,
    spec: Value,
}

impl Delivery {
    /// What lies beside `executable`.
    pub(crate) fn read(executable: &Path) -> Result<Self> {
        let file = beside(executable, ".delivery.json");
        Ok(Self {
            executable: executable.to_owned(),
            spec: serde_json::from_slice(&read(&file)?)
                .with_context(|| format!("`{}` is no delivery file", file.display()))?,
        })
    }

    /// A copy in `folder`, which must not exist. `destination` tells where each image goes: the repository and the tag.
    pub(crate) fn elsewhere(
        &self,
        folder: &Path,
        destination: impl Fn(usize) -> (String, String),
    ) -> Result<PathBuf> {
        let mut spec = self.spec.clone();
        self.link(folder, &files_in(&spec, &[FILES, LAYERS].concat()))?;
        let images = spec["images"].as_array_mut().context("it has no images")?;
        for (index, image) in images.iter_mut().enumerate() {
            let (repository, tag) = destination(index);
            let name = format!("destinations-{index}.json");
            let file = folder.join("push.runfiles").join(&name);
            write(&file, &json!([{"repository": repository, "tags": [tag]}]))?;
            image["destinations"] = name.into();
        }
        write(&folder.join("push.delivery.json"), &spec)?;
        Ok(folder.join("push"))
    }

    /// A copy in `folder`, which must not exist, that has no layer.
    pub(crate) fn without_layers(&self, folder: &Path) -> Result<PathBuf> {
        self.link(folder, &files_in(&self.spec, FILES))?;
        write(&folder.join("push.delivery.json"), &self.spec)?;
        Ok(folder.join("push"))
    }

    /// The folder with the program and those of its files.
    fn link(&self, folder: &Path, paths: &[String]) -> Result<()> {
        create(folder)?;
        link(&self.executable, &folder.join("push"))?;
        let runfiles = beside(&self.executable, ".runfiles");
        let copies = folder.join("push.runfiles");
        for path in paths {
            let copy = copies.join(path);
            create(copy.parent().unwrap_or(&copies))?;
            if !copy.is_symlink() {
                link(&runfiles.join(path), &copy)?;
            }
        }
        Ok(())
    }
}

/// The files that a spec names in these fields, wherever they are.
fn files_in(spec: &Value, fields: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    visit(spec, &mut |field, text| {
        if fields.contains(&field) {
            found.push(text.to_owned());
        }
    });
    found
}

/// Calls `look` with every string and the field that it is in.
fn visit(value: &Value, look: &mut impl FnMut(&str, &str)) {
    fn walk(field: &str, value: &Value, look: &mut impl FnMut(&str, &str)) {
        match value {
            Value::String(text) => look(field, text),
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, look)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, item)| walk(name, item, look)),
            _ => {}
        }
    }
    walk("", value, look);
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create `{}`", folder.display()))
}

/// Links to the file itself: Bazel's own are links into its trees.
fn link(file: &Path, place: &Path) -> Result<()> {
    let file =
        fs::canonicalize(file).with_context(|| format!("failed to find `{}`", file.display()))?;
    symlink(file, place).with_context(|| format!("failed to write `{}`", place.display()))
}

fn write(file: &Path, value: &Value) -> Result<()> {
    fs::write(file, value.to_string())
        .with_context(|| format!("failed to write `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_goes_elsewhere_or_lacks_its_layers() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let executable = folder.path().join("push_image");
        let runfiles = beside(&executable, ".runfiles");
        create(&runfiles.join("_main/app"))?;
        fs::write(&executable, "")?;
        for file in ["manifest", "layer", "destinations"] {
            fs::write(runfiles.join("_main/app").join(file), file)?;
        }
        let image = json!({"label": "//app:image", "manifest": "_main/app/manifest", "blobs": ["_main/app/layer"], "base_layout": null});
        let spec = json!({"kind": "push", "label": "//app:push", "images": [
            {"content": {"image": image}, "destinations": "_main/app/destinations"},
        ]});
        write(&beside(&executable, ".delivery.json"), &spec)?;
        let delivery = Delivery::read(&executable)?;

        let bare = delivery.without_layers(&folder.path().join("bare"))?;
        assert!(beside(&bare, ".runfiles/_main/app/manifest").exists());
        assert!(!beside(&bare, ".runfiles/_main/app/layer").exists());

        let moved = delivery.elsewhere(&folder.path().join("moved"), |index| {
            (format!("localhost:1/{index}"), "tag".to_owned())
        })?;
        assert!(beside(&moved, ".runfiles/_main/app/layer").exists());
        let text = read(&beside(&moved, ".runfiles/destinations-0.json"))?;
        let expected = json!([{"repository": "localhost:1/0", "tags": ["tag"]}]);
        assert_eq!(serde_json::from_slice::<Value>(&text)?, expected);
        Ok(())
    }
}
