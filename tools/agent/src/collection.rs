//! What follows the verdict.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use stevedore_rootfs::{difference, named, write_layer, Changes, Skipped, Snapshot};

use crate::error::Error;
use crate::inputs::Inputs;
use crate::session::ROOT;

/// How much goes to the engine at once.
const BUFFER: usize = 128 << 10;

/// A tar that can be written.
pub(crate) struct Collection {
    changes: Option<Changes>,
    latest_mtime: Option<i64>,
}

impl Collection {
    /// What changed since `before`.
    pub(crate) fn layer(
        before: &Snapshot,
        skipped: &Skipped,
        inputs: &Inputs,
        latest_mtime: Option<i64>,
    ) -> Result<Self, Error> {
        let root = Path::new(ROOT);
        let after = Snapshot::take(root, skipped)?;
        let changes = difference(root, before, &after)?;
        Ok(Self {
            changes: Some(inputs.forget(changes)),
            latest_mtime,
        })
    }

    /// What is at these paths.
    pub(crate) fn files(paths: &[String]) -> Result<Self, Error> {
        Ok(Self {
            changes: Some(named(Path::new(ROOT), paths)?),
            latest_mtime: None,
        })
    }

    /// No tar at all.
    pub(crate) fn nothing() -> Self {
        Self {
            changes: None,
            latest_mtime: None,
        }
    }

    pub(crate) fn write(&self, out: File) -> Result<(), Error> {
        let Some(changes) = &self.changes else {
            return Ok(());
        };
        let mut out = BufWriter::with_capacity(BUFFER, out);
        Ok(write_layer(
            changes,
            Path::new(ROOT),
            self.latest_mtime,
            &mut out,
        )?)
    }
}
