//! One path in a layer, and what is there.

use std::path::PathBuf;

use super::label::Label;
use crate::archive::{Data, Kind, Member};
use crate::owner::Ids;

/// What is at a path.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) node: Node,
    /// The target that placed it.
    pub(super) label: Label,
    /// Set last, when all entries are there.
    pub(super) attributes: Attributes,
}

/// Owner, permissions and time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    pub(super) ids: Ids,
    pub(super) mode: u32,
    pub(super) mtime: i64,
}

/// What it is, and where it comes from.
#[derive(Debug)]
pub(super) enum Node {
    /// A directory that something lies in, or that was asked for.
    Directory { is_implied: bool },
    /// A file on disk.
    File {
        disk: PathBuf,
        executable: bool,
        /// The executable whose runfiles it is among.
        runfiles_of: Option<crate::image_path::ImagePath>,
    },
    /// A file without content.
    Empty,
    /// A symlink.
    Symlink { target: Vec<u8> },
    /// A member of a tar that is merged. Its name is the path.
    Member {
        /// Which tar.
        archive: usize,
        member: Member,
        data: Data,
    },
}

impl Entry {
    /// An entry whose attributes are not known yet.
    pub(super) fn new(node: Node, label: &Label) -> Self {
        let attributes = match &node {
            Node::Member { member, .. } => Attributes {
                ids: Ids {
                    uid: member.uid,
                    gid: member.gid,
                },
                mode: member.mode,
                mtime: member.mtime,
            },
            _ => Attributes {
                ids: Ids { uid: 0, gid: 0 },
                mode: 0,
                mtime: 0,
            },
        };
        Self {
            node,
            label: label.clone(),
            attributes,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        match &self.node {
            Node::Directory { .. } => true,
            Node::Member { member, .. } => member.kind == Kind::Directory,
            _ => false,
        }
    }

    /// The target of a hard link.
    pub(super) fn hard_link(&self) -> Option<&[u8]> {
        match &self.node {
            Node::Member {
                member:
                    Member {
                        kind: Kind::HardLink { target },
                        ..
                    },
                ..
            } => Some(target),
            _ => None,
        }
    }

    /// Whether another source places the very same thing at the same path.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Node::File { disk, .. }, Node::File { disk: second, .. }) => disk == second,
            (Node::Empty, Node::Empty) => true,
            (Node::Symlink { target }, Node::Symlink { target: second }) => target == second,
            (Node::Member { member, .. }, Node::Member { member: second, .. }) => {
                // Times of directories and links differ without meaning anything.
                matches!(member.kind, Kind::Directory | Kind::Symlink { .. })
                    && member.kind == second.kind
                    && (member.mode, member.uid, member.gid)
                        == (second.mode, second.uid, second.gid)
                    && member.xattrs == second.xattrs
            }
            _ => false,
        }
    }

    /// The words for it in a message: `a file (out/app of //cmd:app)`.
    pub(super) fn describe(&self, archives: &[super::merge::Archive]) -> String {
        let label = &self.label;
        match &self.node {
            Node::Directory { .. } => format!("a directory (of `{label}`)"),
            Node::File { disk, .. } => format!("a file (`{}` of `{label}`)", disk.display()),
            Node::Empty => format!("an empty file (of `{label}`)"),
            Node::Symlink { target } => {
                let target = String::from_utf8_lossy(target);
                format!("a symlink to `{target}` (of `{label}`)")
            }
            Node::Member {
                archive, member, ..
            } => {
                let path = archives[*archive].path.display();
                format!("{} (in `{path}` of `{label}`)", member.kind.noun())
            }
        }
    }
}
