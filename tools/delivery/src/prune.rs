//! Removing images that were loaded for tests, by their [marks](crate::mark).
//!
//! What goes is a mark that is old enough and whose image no container needs, and the name that it stands for if that image still
//! has it. Nothing is forced, and no other name is touched; the image itself goes when it has no name any more.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use stevedore_engine::{ImageName, Inventory, ListedImage, NameRemoval};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use crate::error::Error;
use crate::mark::{marks_in, Mark};

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
    /// It stays: it was loaded for no test meanwhile, and is the user's.
    Claimed,
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
        let mut age = name.age(now);
        let (verdict, reason) = if age <= manner.older_than {
            (Verdict::Recent, None)
        } else if in_use.contains(&name.image) {
            (Verdict::InUse, None)
        } else if manner.dry_run {
            (Verdict::WouldBeRemoved, None)
        } else {
            let removed = remove(engine, &name).await?;
            if removed.0 == Verdict::Recent {
                // Since the images were listed.
                age = Duration::ZERO;
            }
            removed
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
        for mark in marks_in(&image.references) {
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
    // Much may have happened since the images were listed.
    let reference = match standing(engine, name).await? {
        Standing::Marked => return Ok((Verdict::Recent, None)),
        Standing::Claimed => return Ok((Verdict::Claimed, None)),
        Standing::Named => name.reference.as_ref(),
        Standing::Unnamed => None,
    };
    if let Some(reference) = reference {
        if let NameRemoval::Refused(reason) = engine.remove_name(reference).await? {
            return Ok((Verdict::Refused, Some(reason)));
        }
        // A test that has found the name a moment ago has made a mark before it relies on it.
        if standing(engine, name).await? == Standing::Marked {
            engine.tag(&name.image, reference).await?;
            return Ok((Verdict::Recent, None));
        }
    }
    for mark in &name.marks {
        if let NameRemoval::Refused(reason) = engine.remove_name(mark.name()).await? {
            if let Some(reference) = reference {
                engine.tag(&name.image, reference).await?;
            }
            return Ok((Verdict::Refused, Some(reason)));
        }
    }
    Ok((Verdict::Removed, None))
}

/// How a name stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// As it was.
    Named,
    /// Another image has it, or nobody: only the marks are left.
    Unnamed,
    /// A test has made a new mark.
    Marked,
    /// The marks are gone: the image was loaded for no test, and is the user's.
    Claimed,
}

/// Asks how a name stands now, and the image that had it.
async fn standing(engine: &impl Inventory, name: &MarkedName) -> Result<Standing, Error> {
    let image = ImageName::Id(&name.image);
    let Some(facts) = engine.inspect(image).await? else {
        return Ok(Standing::Unnamed);
    };
    let stand_in = name.marks.first().map(Mark::stand_in);
    let marks = marks_in(&facts.references).filter(|mark| Some(mark.stand_in()) == stand_in);
    let marks: Vec<Mark> = marks.collect();
    let has = |reference| facts.references.contains(reference);
    Ok(if marks.is_empty() {
        Standing::Claimed
    } else if marks.iter().any(|mark| !name.marks.contains(mark)) {
        Standing::Marked
    } else if name.reference.as_ref().is_some_and(has) {
        Standing::Named
    } else {
        Standing::Unnamed
    })
}

#[cfg(test)]
mod tests;
