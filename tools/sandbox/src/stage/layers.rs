//! Layers that are kept unpacked, each once for all sandboxes of this machine that see the same owners.

mod bound;
mod notes;
mod place;
mod unpack;
mod xattrs;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use stevedore_image::digest::Digest;

use super::error::Error;
use super::namespace::Identity;
use super::wanted::Wanted;
use crate::request::LayerFile;
pub(super) use notes::Notes;
use place::Place;

/// Between two looks at a lock.
const POLL: Duration = Duration::from_millis(20);

/// The folder with all of them.
pub(super) struct Layers {
    folder: PathBuf,
    identity: Identity,
}

/// A layer that nobody removes while this is there.
pub(super) struct Unpacked {
    /// Its files, as a lower directory of an overlay.
    pub(super) files: PathBuf,
    /// What its files do not tell.
    pub(super) notes: Notes,
    _lock: File,
}

impl Layers {
    /// Those that a stage of this identity can use.
    pub(super) fn open(cache: &Path, identity: &Identity) -> Result<Self, Error> {
        let folder = cache.join("layers").join(identity.name());
        fs::create_dir_all(&folder).map_err(Error::io("make", &folder))?;
        Ok(Self {
            folder,
            identity: identity.clone(),
        })
    }

    /// All these layers, in this order. Those that are not there are unpacked, several at once.
    pub(super) fn obtain_all(
        &self,
        layers: &[LayerFile],
        wanted: &Wanted,
    ) -> Result<Vec<Unpacked>, Error> {
        let kept = layers.iter().map(|layer| self.find(layer.diff_id));
        let kept: Vec<Option<Unpacked>> = kept.collect::<Result<_, _>>()?;
        if kept.iter().all(Option::is_some) {
            return Ok(kept.into_iter().flatten().collect());
        }
        let unpacked = thread::scope(|scope| {
            let obtain = |layer| move || self.obtain(layer, wanted);
            let threads = layers.iter().zip(kept).map(|(layer, kept)| match kept {
                Some(kept) => Err(kept),
                None => Ok(scope.spawn(obtain(layer))),
            });
            // All are started before one is waited for.
            let threads: Vec<_> = threads.collect();
            let results = threads.into_iter().map(|thread| match thread {
                Ok(thread) => thread.join().unwrap_or(Err(Error::Unwanted)),
                Err(kept) => Ok(kept),
            });
            results.collect::<Result<Vec<_>, _>>()
        })?;
        bound::keep(&self.folder);
        Ok(unpacked)
    }

    /// The layer, if it is there.
    fn find(&self, diff_id: Digest) -> Result<Option<Unpacked>, Error> {
        let place = Place::of(&self.folder, diff_id);
        if !place.files().exists() {
            return Ok(None);
        }
        // Somebody unpacks or removes it.
        let Some(lock) = place.try_share()? else {
            return Ok(None);
        };
        if !place.files().exists() {
            return Ok(None);
        }
        // One that cannot be noted as used is unpacked again some day.
        let _ = lock.set_modified(SystemTime::now());
        Ok(Some(Unpacked {
            files: place.files(),
            notes: Notes::read(&place.notes())?,
            _lock: lock,
        }))
    }

    /// The layer, which is unpacked unless somebody else does that meanwhile.
    fn obtain(&self, layer: &LayerFile, wanted: &Wanted) -> Result<Unpacked, Error> {
        let place = Place::of(&self.folder, layer.diff_id);
        loop {
            wanted.check()?;
            if let Some(unpacked) = self.find(layer.diff_id)? {
                return Ok(unpacked);
            }
            if let Some(_lock) = place.try_own()? {
                if !place.files().exists() {
                    self.unpack(layer, &place, wanted)?;
                }
            } else {
                thread::sleep(POLL);
            }
        }
    }

    fn unpack(&self, layer: &LayerFile, place: &Place, wanted: &Wanted) -> Result<(), Error> {
        let partial = place.partial();
        place.clear()?;
        let files = place::files_in(&partial);
        fs::create_dir_all(&files).map_err(Error::io("make", &files))?;
        let unpacked = unpack::unpack(layer, &files, &self.identity, wanted)
            .and_then(|notes| notes.write(&place::notes_in(&partial)));
        if let Err(error) = unpacked {
            place.clear()?;
            return Err(error);
        }
        fs::rename(&partial, place.whole()).map_err(Error::io("rename", &partial))
    }
}
