//! Unpacking an image layer by layer.

use stevedore_engine::{Snapshots, Unpacked};

use super::contents::Progress;
use super::{IntoContainerd, MAX_TRANSFERS};
use crate::error::Error;

impl IntoContainerd<'_> {
    /// Unpacks the layers that are not, each as soon as its blob is there.
    pub(super) async fn unpack(
        &self,
        snapshots: &Snapshots,
        progress: &Progress,
    ) -> Result<(), Error> {
        for _ in 0..MAX_TRANSFERS {
            let first = self.first_packed(snapshots).await?;
            if self.unpack_from(first, snapshots, progress).await? == Unpacked::Done {
                return Ok(());
            }
        }
        Err(self.delivery.keeps_losing(MAX_TRANSFERS))
    }

    /// The place of the first layer that is not unpacked.
    async fn first_packed(&self, snapshots: &Snapshots) -> Result<usize, Error> {
        for (index, chain) in self.chain.iter().enumerate().rev() {
            if snapshots.has(chain).await? {
                return Ok(index + 1);
            }
        }
        Ok(0)
    }

    /// Unpacks the layers from `first` on; [`Unpacked::NoParent`] if what was below has gone meanwhile.
    async fn unpack_from(
        &self,
        first: usize,
        snapshots: &Snapshots,
        progress: &Progress,
    ) -> Result<Unpacked, Error> {
        let layers = &self.delivery.image.description().layers;
        for (index, layer) in layers.iter().enumerate().skip(first) {
            progress.reaches(index).await;
            let blob = &self.manifest.layers()[index];
            let parent = index.checked_sub(1).map(|below| &self.chain[below]);
            let unpacked = snapshots
                .unpack(blob, &layer.diff_id, parent, &self.chain[index])
                .await?;
            if unpacked == Unpacked::NoParent {
                return Ok(unpacked);
            }
        }
        Ok(Unpacked::Done)
    }
}
