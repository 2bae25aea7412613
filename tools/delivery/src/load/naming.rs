//! The names of an image, and the marks of those that it got for a test.
//!
//! A mark comes before the name that it stands for: a load that ends in between leaves nothing that nobody will remove.

use std::time::SystemTime;

use stevedore_engine::{Engine, ImageFacts, NameRemoval, Tagged};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use super::delivery::Delivery;
use crate::error::Error;
use crate::mark::{marks_of, Mark, RENEWAL};
use crate::purpose::Purpose;

impl Delivery<'_> {
    /// What the image is called if it is new: its marks as of now, if it gets such, and its names.
    pub(super) fn names(&self) -> Vec<Reference> {
        self.purpose.names(self.image.id(), self.references)
    }

    /// Gives `image`, which is new, all the names; `false` if `engine` has no such image.
    pub(super) async fn tag_all(
        &self,
        engine: &impl Engine,
        image: &Digest,
    ) -> Result<bool, Error> {
        for name in &self.names() {
            if engine.tag(image, name).await? == Tagged::NoSuchImage {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the image that `facts` tells about the names that it lacks, and makes its marks right; `false` if `engine` has
    /// it no more.
    ///
    /// A name that it has already is not marked: it is not known that a test gave it. What is loaded for no test loses its
    /// marks. Nothing is asked for: `facts` has the marks too.
    pub(super) async fn settle(
        &self,
        engine: &impl Engine,
        facts: &ImageFacts,
    ) -> Result<bool, Error> {
        let now = SystemTime::now();
        for reference in self.references {
            let is_there = facts.references.contains(reference);
            let marks = marks_of(reference, &facts.references);
            let outdated = match (self.purpose, marks.first()) {
                (Purpose::Use, _) => true,
                // Somebody who removes old marks has taken the name away, and may be about to take the mark.
                (Purpose::Test, _) if !is_there => true,
                (Purpose::Test, Some(latest)) => latest.age(now) >= RENEWAL,
                (Purpose::Test, None) => false,
            };
            let renewed = match self.purpose {
                Purpose::Test if outdated => Mark::new(now, self.image.id(), reference),
                _ => None,
            };
            let missing = (!is_there).then_some(reference);
            for name in renewed.iter().map(Mark::name).chain(missing) {
                if engine.tag(&facts.id, name).await? == Tagged::NoSuchImage {
                    return Ok(false);
                }
            }
            if outdated {
                let is_older = |mark: &Mark| renewed.as_ref() != Some(mark);
                let older: Vec<Mark> = marks.into_iter().filter(is_older).collect();
                self.remove_marks(engine, &older).await?;
            }
        }
        Ok(true)
    }

    /// Remembers the marks of the image that `facts` tells about, which has the first name and is to lose it.
    pub(super) fn remember_marks(&self, facts: &ImageFacts) {
        let first = self.references.first();
        let marks = first.map(|reference| marks_of(reference, &facts.references));
        let marks = marks.filter(|marks| !marks.is_empty());
        *self.tally.replaced.borrow_mut() = marks.map(|marks| (facts.id, marks));
    }

    /// Lets the remembered marks stand for no name any more.
    ///
    /// So no image but the one that has a name has marks of it, and an image that gets that name again need not be asked for
    /// such: with graph drivers that would be a request more.
    pub(super) async fn retire_marks(&self, engine: &impl Engine) -> Result<(), Error> {
        let replaced = self.tally.replaced.take();
        let Some((image, marks)) = replaced.filter(|(image, _)| *image != self.image.id()) else {
            return Ok(());
        };
        for mark in &marks {
            if let Some(retired) = mark.retired() {
                engine.tag(&image, &retired).await?;
            }
        }
        self.remove_marks(engine, &marks).await
    }

    async fn remove_marks(&self, engine: &impl Engine, marks: &[Mark]) -> Result<(), Error> {
        for mark in marks {
            let name: &Reference = mark.name();
            if let NameRemoval::Refused(reason) = engine.remove_name(name).await? {
                self.note(format!("the mark `{name}` stays: {reason}"));
            }
        }
        Ok(())
    }
}
