//! Keeps the unpacked layers from filling the disk.

use std::env;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::notes::Notes;
use super::place::Place;

/// The variable that says how many bytes of them are kept.
const VARIABLE: &str = "STEVEDORE_UNPACKED_BYTES";
const USUAL: u64 = 20 << 30;

/// Removes the layers that were not used for longest until the rest is within the bound. Those in use stay. Nothing depends on
/// it: what goes wrong is left to the next one.
pub(super) fn keep(folder: &Path) {
    let bound = env::var(VARIABLE).ok().and_then(|bytes| bytes.parse().ok());
    keep_within(folder, bound.unwrap_or(USUAL));
}

struct Kept {
    place: Place,
    size: u64,
    used: SystemTime,
}

fn keep_within(folder: &Path, bound: u64) {
    let mut kept = all(folder);
    kept.sort_by_key(|layer| layer.used);
    let mut total: u64 = kept.iter().map(|layer| layer.size).sum();
    for layer in kept {
        let is_broken = !layer.place.whole().exists();
        if total <= bound && !is_broken {
            continue;
        }
        if let Ok(Some(_lock)) = layer.place.try_own() {
            if layer.place.remove().is_ok() {
                total -= layer.size;
            }
        }
    }
}

fn all(folder: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let places = entries.filter_map(|entry| {
        let name = entry.file_name();
        let place = Place::of_file(folder, name.to_str()?)?;
        // Once each, by the file that all have.
        (place.lock() == entry.path()).then_some(place)
    });
    let kept = places.map(|place| Kept {
        size: Notes::read(&place.notes()).map_or(0, |notes| notes.size),
        used: fs::metadata(place.lock())
            .and_then(|lock| lock.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH),
        place,
    });
    kept.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use stevedore_image::digest::Digest;

    use super::super::place;
    use super::*;

    fn layer(folder: &Path, name: &str, age: u64) -> Place {
        let place = Place::of(folder, Digest::of(name.as_bytes()));
        fs::create_dir_all(place.files()).unwrap();
        let notes = Notes {
            size: 10,
            ..Notes::default()
        };
        notes.write(&place::notes_in(&place.whole())).unwrap();
        let lock = place.try_own().unwrap().unwrap();
        let used = SystemTime::now() - Duration::from_secs(age);
        lock.set_modified(used).unwrap();
        place
    }

    #[test]
    fn the_least_recently_used_goes_first_and_none_that_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let oldest = layer(folder, "oldest", 300);
        let old = layer(folder, "old", 200);
        let new = layer(folder, "new", 100);
        let in_use = oldest.try_share().unwrap().unwrap();
        keep_within(folder, 20);
        assert!(oldest.files().exists() && !old.files().exists() && new.files().exists());
        assert!(!old.lock().exists());
        drop(in_use);
        keep_within(folder, 0);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn what_was_broken_off_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path(), Digest::of(b"broken"));
        fs::create_dir_all(place.partial()).unwrap();
        drop(place.try_own().unwrap().unwrap());
        keep_within(folder.path(), 100);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
