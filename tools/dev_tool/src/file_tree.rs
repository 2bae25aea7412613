//! What a tar says about every path: to compare what went into an image with what comes out of a container.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::time::UNIX_EPOCH;

use anyhow::{bail, Context, Result};
use tar::{Archive, EntryType, Header};

/// Paths that Docker puts into every container itself (`daemon/initlayer/setup_unix.go` in moby), and the folders whose times that changes.
const DOCKERS_OWN: &[&str] = &[
    "",
    ".dockerenv",
    "dev",
    "dev/console",
    "dev/pts",
    "dev/shm",
    "etc",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
    "sys",
];

/// What there is at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    /// A file of so many bytes with this hash, which is also at these other paths (hard links).
    File {
        size: u64,
        hash: u64,
        also_at: BTreeSet<String>,
    },
    Folder,
    Link {
        target: String,
    },
    /// A device, a FIFO.
    Other(EntryType),
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    owner: (u64, u64),
    mode: u32,
    mtime: u64,
}

/// A file tree, as a tar describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileTree {
    nodes: BTreeMap<String, Node>,
}

impl FileTree {
    /// Reads an uncompressed tar.
    pub(crate) fn read(tar: impl Read) -> Result<Self> {
        let mut nodes = BTreeMap::new();
        let mut links = BTreeMap::new();
        for entry in Archive::new(tar)
            .entries()
            .context("failed to read a tar")?
        {
            let mut entry = entry.context("failed to read a tar's entry")?;
            let path = normalised(&entry.path_bytes());
            let target = entry.link_name_bytes();
            let target = target.map(|name| String::from_utf8_lossy(&name).into_owned());
            if entry.header().entry_type() == EntryType::Link {
                links.insert(path, normalised(target.unwrap_or_default().as_bytes()));
            } else {
                let mut content = Vec::new();
                entry
                    .read_to_end(&mut content)
                    .with_context(|| format!("failed to read `{path}`"))?;
                let node = node(entry.header(), &content, target)
                    .with_context(|| format!("bad header for `{path}`"))?;
                nodes.insert(path, node);
            }
        }
        let mut tree = Self { nodes };
        for (path, target) in links {
            tree.link(&path, &target)?;
        }
        Ok(tree)
    }

    /// The paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// How many paths there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where a container's tree differs from its base, one line a difference. `upper` holds what layers above the base bring:
    /// they may add paths, and set times of folders that the base has too.
    pub(crate) fn differences(&self, container: &Self, upper: &[Self]) -> Vec<String> {
        let added: BTreeSet<_> = upper.iter().flat_map(Self::paths).collect();
        let mut found = Vec::new();
        for (path, node) in &self.nodes {
            let own = DOCKERS_OWN.contains(&path.as_str());
            match container.nodes.get(path) {
                Some(other) => {
                    let mut expected = node.clone();
                    if own || added.contains(path.as_str()) {
                        expected.mtime = other.mtime;
                    }
                    found.extend(difference(path, &expected, other));
                }
                None if own => {}
                None => found.push(format!("`{path}` is missing")),
            }
        }
        for path in container.paths() {
            let known = self.nodes.contains_key(path)
                || added.contains(path)
                || DOCKERS_OWN.contains(&path);
            if !known {
                found.push(format!("`{path}` is in no layer"));
            }
        }
        found
    }

    /// Where two layers on `base` differ, one line a difference, whoever made them: some tell folders of which only the time
    /// has changed, and the mount points that they have made. Times count if a package has set them.
    pub(crate) fn layer_differences(&self, other: &Self, base: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let paths: BTreeSet<_> = self.paths().chain(other.paths()).collect();
        let says_nothing = |path: &str| is_of_builder(path) || base.is_needlessly_opaque(path);
        for path in paths.into_iter().filter(|path| !says_nothing(path)) {
            match (self.nodes.get(path), other.nodes.get(path)) {
                (Some(node), Some(other)) => {
                    let mut expected = node.clone();
                    if node.kind == Kind::Folder || node.is_young() && other.is_young() {
                        expected.mtime = other.mtime;
                    }
                    if !is_whiteout(path) {
                        found.extend(difference(path, &expected, other));
                    }
                }
                (Some(node), None) if !base.has_folder(path, node) => {
                    found.push(format!("only the first has `{path}`"));
                }
                (None, Some(node)) if !base.has_folder(path, node) => {
                    found.push(format!("only the second has `{path}`"));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether `path` is the mark that overlayfs puts into every new folder: below it, this tree has nothing to hide.
    fn is_needlessly_opaque(&self, path: &str) -> bool {
        path.strip_suffix("/.wh..wh..opq")
            .is_some_and(|folder| !self.nodes.contains_key(folder))
    }

    /// This tree and another, whose paths are others.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.nodes.extend(other.nodes);
        self
    }

    /// Whether there is a folder at `path` that only its time tells from `node`.
    fn has_folder(&self, path: &str, node: &Node) -> bool {
        let found = self.nodes.get(path);
        node.kind == Kind::Folder
            && found.is_some_and(|found| {
                found.kind == node.kind && found.owner == node.owner && found.mode == node.mode
            })
    }

    /// Makes `path` the same file as `target`.
    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let Some(node) = self.nodes.get(target) else {
            bail!("`{path}` is a hard link to `{target}`, which is not in the tar");
        };
        let node = node.clone();
        let Kind::File { also_at, .. } = &node.kind else {
            bail!("`{path}` is a hard link to `{target}`, which is not a file");
        };
        let mut group = also_at.clone();
        group.extend([path.to_owned(), target.to_owned()]);
        self.nodes.insert(path.to_owned(), node);
        for member in &group {
            if let Some(Node {
                kind: Kind::File { also_at, .. },
                ..
            }) = self.nodes.get_mut(member)
            {
                also_at.clone_from(&group);
                also_at.remove(member);
            }
        }
        Ok(())
    }
}

impl Node {
    /// Whether it was changed within the hour, and so not by who made the package that it is from.
    fn is_young(&self) -> bool {
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        self.mtime.saturating_add(3600) > now
    }
}

/// Whether those who build images have it from the engine, or for their mounts.
fn is_of_builder(path: &str) -> bool {
    DOCKERS_OWN.contains(&path) || path == "in" || path.starts_with("in/")
}

/// Whether it says that something below is gone; what else is in such an entry means nothing.
fn is_whiteout(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with(".wh."))
}

fn node(header: &Header, content: &[u8], target: Option<String>) -> Result<Node> {
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File {
            size: content.len() as u64,
            hash: hash(content),
            also_at: BTreeSet::new(),
        },
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => Kind::Link {
            target: target.unwrap_or_default(),
        },
        other => Kind::Other(other),
    };
    Ok(Node {
        kind,
        owner: (header.uid()?, header.gid()?),
        // The file type, which some writers put here, is told by the kind.
        mode: header.mode()? & 0o7777,
        mtime: header.mtime()?,
    })
}

/// What a file's content is compared by, and told by.
fn hash(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

fn difference(path: &str, expected: &Node, found: &Node) -> Option<String> {
    let mut parts = Vec::new();
    if expected.kind != found.kind {
        parts.push(format!("{:?} became {:?}", expected.kind, found.kind));
    }
    if expected.owner != found.owner {
        parts.push(format!(
            "owner {:?} became {:?}",
            expected.owner, found.owner
        ));
    }
    if expected.mode != found.mode {
        parts.push(format!("mode {:o} became {:o}", expected.mode, found.mode));
    }
    if expected.mtime != found.mtime {
        parts.push(format!("time {} became {}", expected.mtime, found.mtime));
    }
    (!parts.is_empty()).then(|| format!("`{path}`: {}", parts.join(", ")))
}

/// `./a/b/`, `/a/b` and `a/b` are the same path.
fn normalised(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let segments: Vec<_> = path
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(7);
        header
    }

    fn tree(edit: impl Fn(&mut Header), linked: bool) -> Result<FileTree> {
        tree_with(b"abc", edit, linked)
    }

    fn tree_with(content: &[u8; 3], edit: impl Fn(&mut Header), linked: bool) -> Result<FileTree> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut file = header(EntryType::Regular, 3);
        edit(&mut file);
        builder.append_data(&mut file, "./a/file", &content[..])?;
        if linked {
            builder.append_link(&mut header(EntryType::Link, 0), "./a/other", "./a/file")?;
        } else {
            builder.append_data(&mut file, "./a/other", &content[..])?;
        }
        builder.append_link(&mut header(EntryType::Symlink, 0), "./a/link", "file")?;
        FileTree::read(builder.into_inner()?.as_slice())
    }

    #[test]
    fn the_same_trees_do_not_differ() -> Result<()> {
        let (one, other) = (tree(|_| {}, true)?, tree(|_| {}, true)?);
        assert_eq!(one.len(), 3);
        assert_eq!(one.differences(&other, &[]), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn every_difference_is_told() -> Result<()> {
        let base = tree(|_| {}, true)?;
        for (other, part) in [
            (
                tree(|header| header.set_mode(0o4755), true)?,
                "mode 644 became 4755",
            ),
            (
                tree(|header| header.set_uid(33), true)?,
                "owner (0, 0) became (33, 0)",
            ),
            (tree(|header| header.set_mtime(8), true)?, "time 7 became 8"),
            (tree(|_| {}, false)?, "also_at"),
            (tree_with(b"abd", |_| {}, true)?, "hash"),
            (FileTree::default(), "is missing"),
        ] {
            let differences = base.differences(&other, &[]);
            assert!(
                differences.iter().any(|line| line.contains(part)),
                "{part}: {differences:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn layers_are_the_same_whatever_else_is_told_of_folders() -> Result<()> {
        let layer = |name: &str, mode| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut folder = header(EntryType::Directory, 0);
            folder.set_mode(mode);
            builder.append_data(&mut folder, name, &[][..])?;
            FileTree::read(builder.into_inner()?.as_slice())
        };
        let base = layer("a", 0o755)?;
        let none = FileTree::default();
        for (one, count) in [
            (layer("a", 0o755)?, 0),
            (layer("a", 0o700)?, 1),
            (layer("b", 0o755)?, 1),
            (layer("in", 0o700)?, 0),
            (layer("new/.wh..wh..opq", 0o700)?, 0),
            (layer("a/.wh..wh..opq", 0o700)?, 1),
        ] {
            assert_eq!(one.layer_differences(&none, &base).len(), count, "{one:?}");
            assert_eq!(none.layer_differences(&one, &base).len(), count, "{one:?}");
        }
        Ok(())
    }

    #[test]
    fn layers_above_may_add_paths_and_set_times() -> Result<()> {
        let base = tree(|_| {}, true)?;
        let upper = tree(|header| header.set_mtime(0), true)?;
        assert_eq!(
            base.differences(&upper, std::slice::from_ref(&upper)),
            Vec::<String>::new()
        );
        let stray = FileTree::default().differences(&upper, &[]);
        assert!(
            stray.iter().all(|line| line.contains("is in no layer")),
            "{stray:?}"
        );
        Ok(())
    }
}
