//! Puts the parts of a layer together: every path once, with its attributes, in the order of the tar.

use std::collections::btree_map::{self, BTreeMap};
use std::path::{Path, PathBuf};

use super::attributes::Rules;
use super::directory;
use super::entry::{Entry, Node};
use super::label::Label;
use super::merge::Archive;
use super::recipe::{Item, Recipe};
use crate::archive::{Data, Kind, Member};
use crate::error::Error;
use crate::image_path::ImagePath;

/// All entries of a layer.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) entries: BTreeMap<ImagePath, Entry>,
    /// The tars that entries are members of.
    pub(super) archives: Vec<Archive>,
}

impl Assembly {
    /// Does all that a recipe asks for, but for reading the content of files. `scratch` is a directory for temporary
    /// files.
    pub(super) fn new(recipe: &Recipe, scratch: &Path) -> Result<Self, Error> {
        let mut assembly = Self {
            entries: BTreeMap::new(),
            archives: Vec::new(),
        };
        for item in &recipe.items {
            assembly.place(item, scratch)?;
        }
        assembly.link_runfiles();
        assembly.resolve_hard_links()?;
        assembly.check_parents(recipe)?;
        Rules::new(recipe, &assembly)?.apply(&mut assembly)?;
        Ok(assembly)
    }

    /// The entries in the order of the tar: by path, but a hard link not before its target.
    pub(super) fn in_order(&self) -> Vec<(&ImagePath, &Entry)> {
        let mut ordered: Vec<_> = self.entries.iter().collect();
        let targets: BTreeMap<&ImagePath, ImagePath> = ordered
            .iter()
            .filter_map(|(path, entry)| {
                let target = ImagePath::from_safe(entry.hard_link()?);
                (target > **path && self.entries.contains_key(&target)).then_some((*path, target))
            })
            .collect();
        if !targets.is_empty() {
            ordered.sort_by_key(|(path, _)| match targets.get(path) {
                Some(target) => (target, Some(*path)),
                None => (*path, None),
            });
        }
        ordered
    }

    fn place(&mut self, item: &Item, scratch: &Path) -> Result<(), Error> {
        match item {
            Item::File {
                path,
                disk,
                executable,
                runfiles_of,
                label,
            } => {
                if directory::follow(disk, label)?.is_dir() {
                    return self.place_directory(path, disk, label);
                }
                let node = Node::File {
                    disk: disk.clone(),
                    executable: *executable,
                    runfiles_of: runfiles_of.clone(),
                };
                self.insert(path.clone(), Entry::new(node, label))
            }
            Item::Tree { path, disk, label } => self.place_directory(path, disk, label),
            Item::Empty { path, label } => {
                self.insert(path.clone(), Entry::new(Node::Empty, label))
            }
            Item::Symlink {
                path,
                target,
                label,
            } => {
                let target = target.clone().into_bytes();
                self.insert(path.clone(), Entry::new(Node::Symlink { target }, label))
            }
            Item::Directory { path, label } => self.insert_directory(path.clone(), label),
            Item::Tar { disk, label } => self.merge(disk, label, scratch),
        }
    }

    fn place_directory(
        &mut self,
        root: &ImagePath,
        disk: &Path,
        label: &Label,
    ) -> Result<(), Error> {
        // The image's root belongs to the image, not to what is placed in it.
        if !root.as_bytes().is_empty() {
            self.insert_directory(root.clone(), label)?;
        }
        directory::walk(disk, label, &mut |relative: &str, disk: PathBuf| {
            let path = root.join(relative)?;
            let mut parent = path.parent();
            while let Some(directory) = parent.filter(|parent| parent > root) {
                if self.entries.contains_key(&directory) {
                    break;
                }
                self.insert_directory(directory.clone(), label)?;
                parent = directory.parent();
            }
            let node = Node::File {
                disk,
                executable: true,
                runfiles_of: None,
            };
            self.insert(path, Entry::new(node, label))
        })
    }

    fn insert_directory(&mut self, path: ImagePath, label: &Label) -> Result<(), Error> {
        let node = Node::Directory { is_implied: false };
        self.insert(path, Entry::new(node, label))
    }

    fn insert(&mut self, path: ImagePath, entry: Entry) -> Result<(), Error> {
        match self.entries.entry(path) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
            }
            btree_map::Entry::Occupied(mut occupied) => {
                let present = occupied.get();
                if present.is_same(&entry) {
                    return Ok(());
                }
                // A directory of a tar has attributes of its own, which one that was only asked for has not.
                match (&present.node, &entry.node) {
                    (_, Node::Directory { .. }) if present.is_directory() => {}
                    (Node::Directory { .. }, _) if entry.is_directory() => {
                        occupied.insert(entry);
                    }
                    _ => {
                        return Err(Error::Conflict {
                            path: occupied.key().to_string(),
                            first: present.describe(&self.archives),
                            second: entry.describe(&self.archives),
                        })
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the members of a tar. Where a tar has a path twice, the later member replaces the earlier one, as it does
    /// when a tar is unpacked.
    fn merge(&mut self, disk: &Path, label: &Label, scratch: &Path) -> Result<(), Error> {
        let archive = self.archives.len();
        let mut members: BTreeMap<ImagePath, (Member, Data)> = BTreeMap::new();
        let opened = Archive::open(disk, scratch, |mut member, data| {
            let path = ImagePath::from_safe(&std::mem::take(&mut member.name));
            members.insert(path, (member, data));
            Ok(())
        })?;
        self.archives.push(opened);
        for (path, (member, data)) in members {
            let node = Node::Member {
                archive,
                member,
                data,
            };
            self.insert(path, Entry::new(node, label))?;
        }
        Ok(())
    }

    /// Bazel has an executable among its own runfiles too; there it becomes a symlink, so that its bytes are in the
    /// layer once.
    fn link_runfiles(&mut self) {
        let links: Vec<(ImagePath, Vec<u8>)> = self
            .entries
            .iter()
            .filter_map(|(path, entry)| match &entry.node {
                Node::File {
                    disk,
                    runfiles_of: Some(executable),
                    ..
                } => match self.entries.get(executable).map(|entry| &entry.node) {
                    Some(Node::File { disk: placed, .. }) if placed == disk => {
                        Some((path.clone(), path.relative_link(executable)))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect();
        for (path, target) in links {
            if let Some(entry) = self.entries.get_mut(&path) {
                entry.node = Node::Symlink { target };
            }
        }
    }

    /// Lets every hard link name a path that is not one itself, if that is in the layer.
    fn resolve_hard_links(&mut self) -> Result<(), Error> {
        let mut resolved = Vec::new();
        for (path, entry) in &self.entries {
            let Some(mut target) = entry.hard_link().map(ImagePath::from_safe) else {
                continue;
            };
            let bad = |target: &ImagePath, reason| Error::BadHardLink {
                path: path.to_string(),
                target: target.to_string(),
                source_of_it: entry.describe(&self.archives),
                reason,
            };
            let mut steps = 0;
            while let Some(next) = self.entries.get(&target).and_then(Entry::hard_link) {
                target = ImagePath::from_safe(next);
                steps += 1;
                if target == *path || steps > self.entries.len() {
                    return Err(bad(&target, "which leads back to it"));
                }
            }
            if self.entries.get(&target).is_some_and(Entry::is_directory) {
                return Err(bad(&target, "which is a directory"));
            }
            resolved.push((path.clone(), target));
        }
        for (path, resolved) in resolved {
            if let Some(Entry {
                node:
                    Node::Member {
                        member:
                            Member {
                                kind: Kind::HardLink { target },
                                ..
                            },
                        ..
                    },
                ..
            }) = self.entries.get_mut(&path)
            {
                *target = resolved.as_bytes().to_vec();
            }
        }
        Ok(())
    }

    /// Nothing may lie below what is not a directory; directories that are missing are added.
    fn check_parents(&mut self, recipe: &Recipe) -> Result<(), Error> {
        let mut missing: BTreeMap<ImagePath, Label> = BTreeMap::new();
        for (path, entry) in &self.entries {
            let mut parent = path.parent();
            while let Some(directory) = parent {
                match self.entries.get(&directory) {
                    Some(above) if above.is_directory() => break,
                    Some(above) => {
                        return Err(Error::NotADirectory {
                            path: path.to_string(),
                            below: entry.describe(&self.archives),
                            parent: directory.to_string(),
                            above: above.describe(&self.archives),
                        })
                    }
                    // The root of an image is there without an entry.
                    None if directory.as_bytes().is_empty() => break,
                    None => {
                        parent = directory.parent();
                        if !may_be_symlink(&directory) {
                            missing
                                .entry(directory)
                                .or_insert_with(|| entry.label.clone());
                        }
                    }
                }
            }
        }
        if recipe.spec.create_parents {
            for (path, label) in missing {
                let node = Node::Directory { is_implied: true };
                self.entries.insert(path, Entry::new(node, &label));
            }
        }
        Ok(())
    }
}

/// Whether a path is a symbolic link in many bases (Debian, Fedora and Arch have merged `/bin` into `/usr/bin`, and so
/// on): an entry for a directory would replace the link, and all that is behind it would be gone.
fn may_be_symlink(directory: &ImagePath) -> bool {
    matches!(
        directory.as_bytes(),
        b"bin" | b"sbin" | b"lib" | b"lib32" | b"lib64" | b"libx32" | b"var/lock" | b"var/run"
    )
}
