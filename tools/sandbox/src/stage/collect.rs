//! The layer that the commands made.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;

use stevedore_rootfs::{Changes, Entry, EntryKind, Skipped};

use super::error::Error;
use super::layers::Unpacked;
use super::overlay::Mounted;

/// Where it is read from.
pub(super) struct Layer<'a> {
    pub(super) mounted: &'a Mounted,
    pub(super) layers: &'a [Unpacked],
}

impl Layer<'_> {
    /// What changed, without these paths.
    pub(super) fn changes(&self, exclude: &[String]) -> Result<Changes, Error> {
        let mut skipped = Skipped::always();
        for path in exclude {
            skipped.add(path.as_bytes());
        }
        let (upper, base) = (self.mounted.upper(), self.mounted.base());
        let changes = stevedore_rootfs::upper_difference(upper, base, &skipped);
        let changes = changes.map_err(Error::Changes)?;
        if self
            .layers
            .iter()
            .all(|layer| layer.notes.owners.is_empty())
        {
            return Ok(changes);
        }
        let entries = changes.entries().iter().cloned();
        Ok(Changes::new(
            entries.map(|entry| self.with_owner(entry)).collect(),
        ))
    }

    /// Writes it.
    pub(super) fn write(
        &self,
        changes: &Changes,
        latest_mtime: Option<i64>,
        output: &mut impl io::Write,
    ) -> Result<(), Error> {
        let upper = self.mounted.upper();
        stevedore_rootfs::write_layer(changes, upper, latest_mtime, output).map_err(Error::Changes)
    }

    /// Gives a file back to the owner that it has in the image, whom this namespace does not know. It was root's here.
    fn with_owner(&self, mut entry: Entry) -> Entry {
        let attributes = &mut entry.attributes;
        let is_roots = (attributes.uid, attributes.gid) == (0, 0);
        if entry.kind != EntryKind::Whiteout && is_roots {
            if let Some((uid, gid)) = self.owner_in_image(&entry.path) {
                attributes.uid = uid;
                attributes.gid = gid;
            }
        }
        entry
    }

    fn owner_in_image(&self, path: &[u8]) -> Option<(u32, u32)> {
        let has = |layer: &&Unpacked| {
            let file = layer.files.join(OsStr::from_bytes(path));
            fs::symlink_metadata(file).is_ok()
        };
        let highest = self.layers.iter().rev().find(has)?;
        let (uid, gid) = highest.notes.owners.get(path)?;
        Some((u32::try_from(*uid).ok()?, u32::try_from(*gid).ok()?))
    }
}
