//! Removing images that were loaded for tests, by their [marks](crate::mark).
//!
//! What goes is a mark that is old enough and whose image no container needs, and the name that it stands for if that image still
//! has it. Nothing is forced, and no other name is touched; the image itself goes when it has no name any more.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use stevedore_engine::{ImageName, Inventory, ListedImage, NameRemoval};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::error::Error;
use crate::mark::Mark;

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct PruneManner {
    /// What is younger stays; so does what is from this second, whose mark may be a name that a test is making.
    pub older_than: Duration,
    /// Whether it is only told what would be removed.
    pub dry_run: bool,
}

/// A name that an image got for a test, with all marks that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedName {
    /// The ID under which the engine keeps the image.
    pub image: Digest,
    /// The name; `None` if another image has it by now, or nobody.
    pub reference: Option<Reference>,
    /// The marks, one at least, the latest first.
    marks: Vec<Mark>,
}

/// What became of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is not there any more, nor are its marks.
    Removed,
    /// It would have been removed.
    WouldBeRemoved,
    /// It stays: the last test that was seen to use it is not long enough ago.
    Recent,
    /// It stays: a container, running or not, was made of the image.
    InUse,
    /// It stays: the engine does not remove it.
    Refused,
}

/// A name, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The name.
    pub name: MarkedName,
    /// What became of it.
    pub verdict: Verdict,
    /// The engine's words, if it refused.
    pub reason: Option<String>,
    /// How long ago the last test was seen to use it, to a day.
    pub age: Duration,
}

impl MarkedName {
    /// What it is called: the name, or else the latest mark.
    pub fn shown(&self) -> String {
        let mark = || self.marks.first().map(|mark| mark.name().familiar());
        self.reference
            .as_ref()
            .map(Reference::familiar)
            .or_else(mark)
            .unwrap_or_default()
    }

    fn age(&self, now: SystemTime) -> Duration {
        self.marks
            .first()
            .map_or(Duration::ZERO, |mark| mark.age(now))
    }
}

/// Removes what `manner` says from `engine`, and adds to `pruned` what became of each name, also before a failure.
///
/// # Errors
/// If the engine fails, or cannot be reached.
pub async fn prune(
    engine: &impl Inventory,
    manner: PruneManner,
    pruned: &mut Vec<Pruned>,
) -> Result<(), Error> {
    let names = marked_names(&engine.images().await?);
    if names.is_empty() {
        return Ok(());
    }
    let in_use = engine.images_in_use().await?;
    let now = SystemTime::now();
    for name in names {
        let age = name.age(now);
        let (verdict, reason) = if age <= manner.older_than {
            (Verdict::Recent, None)
        } else if in_use.contains(&name.image) {
            (Verdict::InUse, None)
        } else if manner.dry_run {
            (Verdict::WouldBeRemoved, None)
        } else {
            remove(engine, &name).await?
        };
        pruned.push(Pruned {
            name,
            verdict,
            reason,
            age,
        });
    }
    Ok(())
}

/// The names that images got for tests, in the order of the images.
fn marked_names(images: &[ListedImage]) -> Vec<MarkedName> {
    let mut names = Vec::new();
    for image in images {
        let mut by_name: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
        for mark in image.references.iter().filter_map(Mark::of) {
            let marks = by_name.entry(mark.stand_in().to_owned()).or_default();
            marks.push(mark);
        }
        for mut marks in by_name.into_values() {
            marks.sort_by_key(Mark::made);
            marks.reverse();
            let stands_for =
                |name: &&Reference| marks.first().is_some_and(|mark| mark.stands_for(name));
            names.push(MarkedName {
                image: image.id,
                reference: image.references.iter().find(stands_for).cloned(),
                marks,
            });
        }
    }
    names
}

/// Removes the name, then its marks: if this ends in between, the next time goes on.
async fn remove(
    engine: &impl Inventory,
    name: &MarkedName,
) -> Result<(Verdict, Option<String>), Error> {
    if has_newer_mark(engine, name).await? {
        return Ok((Verdict::Recent, None));
    }
    if let Some(reference) = &name.reference {
        if let NameRemoval::Refused(reason) = engine.remove_name(reference).await? {
            return Ok((Verdict::Refused, Some(reason)));
        }
        // A test that has found the name a moment ago has made a mark before it relies on it.
        if has_newer_mark(engine, name).await? {
            engine.tag(&name.image, reference).await?;
            return Ok((Verdict::Recent, None));
        }
    }
    for mark in &name.marks {
        if let NameRemoval::Refused(reason) = engine.remove_name(mark.name()).await? {
            if let Some(reference) = &name.reference {
                engine.tag(&name.image, reference).await?;
            }
            return Ok((Verdict::Refused, Some(reason)));
        }
    }
    Ok((Verdict::Removed, None))
}

/// Whether a test has marked the image since the images were listed.
async fn has_newer_mark(engine: &impl Inventory, name: &MarkedName) -> Result<bool, Error> {
    let image = ImageName::Id(&name.image);
    let names = engine.inspect(image).await?.map(|facts| facts.references);
    let known: HashSet<&Reference> = name.marks.iter().map(Mark::name).collect();
    let stand_in = name.marks.first().map(Mark::stand_in);
    let marks = names.iter().flatten().filter_map(Mark::of);
    let mut newer = marks
        .filter(|mark| Some(mark.stand_in()) == stand_in)
        .filter(|mark| !known.contains(mark.name()));
    Ok(newer.next().is_some())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_one_name_belong_together() {
        let id = Digest::of(b"config");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let name = |text: &str| -> Reference { text.parse().unwrap() };
        let mark = |seconds, text| Mark::new(at(seconds), id, &name(text)).unwrap();
        let (old, new) = (mark(10, "app:dev"), mark(20, "app:dev"));
        let moved = mark(15, "moved:dev");
        let image = |references: &[Reference]| ListedImage {
            id,
            references: references.to_vec(),
        };
        let images = [
            image(&[
                name("mine:1"),
                old.name().clone(),
                name("app:dev"),
                moved.name().clone(),
                new.name().clone(),
            ]),
            image(&[name("mine:2")]),
            image(&[]),
        ];
        let names = marked_names(&images);
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(names[0].reference, Some(name("app:dev")));
        assert_eq!(names[0].marks, [new, old]);
        assert_eq!(names[0].age(at(30)), Duration::from_secs(10));
        assert_eq!(names[0].shown(), "app:dev");
        assert_eq!(names[1].reference, None);
        assert_eq!(names[1].shown(), moved.name().familiar());
    }
}
