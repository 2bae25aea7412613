//! The names of an image, and the marks of those that it got for a test.
//!
//! A mark comes before the name that it stands for: a load that ends in between leaves nothing that nobody will remove.

use std::time::{Duration, SystemTime};

use stevedore_engine::{Engine, ImageFacts, ImageName, NameRemoval, Tagged};
use stevedore_image::digest::Digest;
use stevedore_image::reference::Reference;

use super::delivery::Delivery;
use crate::error::Error;
use crate::mark::{marks_for, marks_in, Mark, FRESH, RENEWAL};
use crate::purpose::Purpose;

impl Delivery<'_> {
    /// What the image is called if it is new: its marks as of now, if it is for a test, and its names. For a test that asks `engine`
    /// who has the names, once.
    pub(super) async fn names(&self, engine: &impl Engine) -> Result<&[Reference], Error> {
        if let Some(names) = self.tally.names.get() {
            return Ok(names);
        }
        let mut names = Vec::new();
        if self.purpose == Purpose::Test {
            let now = SystemTime::now();
            for reference in self.references {
                let mark = self.mark(engine, now, reference).await?;
                names.extend(mark.map(|mark| mark.name().clone()));
            }
        }
        names.extend_from_slice(self.references);
        Ok(self.tally.names.get_or_init(|| names))
    }

    /// Gives `image`, which is new, all the names; `false` if `engine` has no such image.
    pub(super) async fn tag_all(
        &self,
        engine: &impl Engine,
        image: &Digest,
    ) -> Result<bool, Error> {
        for name in self.names(engine).await? {
            if engine.tag(image, name).await? == Tagged::NoSuchImage {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the image that `facts` tells about the names that it lacks, and makes its marks right; `false` if `engine` has
    /// it no more.
    ///
    /// A name that it has already is not marked: it is not known that a test gave it. `facts` has the marks too, so nothing is asked
    /// for but who has a name that it lacks.
    pub(super) async fn settle(
        &self,
        engine: &impl Engine,
        facts: &ImageFacts,
    ) -> Result<bool, Error> {
        let now = SystemTime::now();
        for reference in self.references {
            let is_there = facts.references.contains(reference);
            let marks = marks_for(reference, &facts.references);
            let age = marks.first().map(|latest| latest.age(now));
            let is_older = |limit: Duration| age.is_none_or(|age| age >= limit);
            let renewed = match (self.purpose, marks.first()) {
                // Somebody who removes old marks has taken the name away, and may be about to take the mark.
                (Purpose::Test, _) if !is_there && is_older(FRESH) => {
                    self.mark(engine, now, reference).await?
                }
                (Purpose::Test, Some(latest)) if is_there && is_older(RENEWAL) => {
                    latest.renewed(now, self.image.id())
                }
                _ => None,
            };
            let missing = (!is_there).then_some(reference);
            for name in renewed.iter().map(Mark::name).chain(missing) {
                if engine.tag(&facts.id, name).await? == Tagged::NoSuchImage {
                    return Ok(false);
                }
            }
            if renewed.is_some() {
                let is_another = |mark: &Mark| renewed.as_ref() != Some(mark);
                let older: Vec<Mark> = marks.into_iter().filter(is_another).collect();
                self.remove_marks(engine, &older).await;
            }
        }
        self.claim(engine, facts).await;
        self.retire_marks(engine).await;
        Ok(true)
    }

    /// Takes its marks from the image that `facts` tells about, and that has its names, if it is loaded for no test: it is the
    /// user's from now on, under all names.
    async fn claim(&self, engine: &impl Engine, facts: &ImageFacts) {
        if self.purpose == Purpose::Test {
            return;
        }
        let marks: Vec<Mark> = marks_in(&facts.references).collect();
        // With its last name the image would go.
        let has_another_name = facts.references.len() > marks.len();
        if has_another_name || !self.references.is_empty() {
            self.remove_marks(engine, &marks).await;
        }
    }

    /// The mark of an image that gets the name `reference` now.
    ///
    /// A name that an image has which no test gave it is somebody's: the test takes it, but does not make it its own.
    async fn mark(
        &self,
        engine: &impl Engine,
        now: SystemTime,
        reference: &Reference,
    ) -> Result<Option<Mark>, Error> {
        let holder = engine.inspect(ImageName::Reference(reference)).await?;
        if let Some(holder) = &holder {
            self.remember_holder(holder);
        }
        let is_of_tests = holder.is_none_or(|holder| {
            marks_in(&holder.references).any(|mark| mark.stands_for(reference))
        });
        Ok(match is_of_tests {
            true => Mark::new(now, self.image.id(), reference),
            false => Mark::without_name(now, self.image.id(), reference),
        })
    }

    /// Remembers the marks of another image that has some of the names, and is to lose them.
    pub(super) fn remember_holder(&self, holder: &ImageFacts) {
        let names = self.references.iter();
        let marks = marks_in(&holder.references);
        let marks = marks.filter(|mark| names.clone().any(|name| mark.stands_for(name)));
        let marks: Vec<Mark> = marks.collect();
        let mut holders = self.tally.holders.borrow_mut();
        let is_new = holders.iter().all(|(image, _)| *image != holder.id);
        if is_new && !marks.is_empty() {
            holders.push((holder.id, marks));
        }
    }

    /// Lets the marks of images that had the names stand for none any more.
    ///
    /// So an image that has lost a name to another one by a load has no mark of it, and if a load gives it that name again it need
    /// not be asked for such: with graph drivers that would be a request more.
    pub(super) async fn retire_marks(&self, engine: &impl Engine) {
        let holders = self.tally.holders.take();
        for (image, marks) in holders {
            for mark in marks {
                let retired = match mark.retired() {
                    Some(retired) => engine.tag(&image, retired.name()).await,
                    None => continue,
                };
                match retired {
                    Ok(_) => self.remove_marks(engine, &[mark]).await,
                    Err(error) => self.note(format!("the mark `{}` stays: {error}", mark.name())),
                }
            }
        }
    }

    /// The image is there and has its names: what goes wrong here is told, and not the load's failure.
    async fn remove_marks(&self, engine: &impl Engine, marks: &[Mark]) {
        for mark in marks {
            let name: &Reference = mark.name();
            let reason = match engine.remove_name(name).await {
                Ok(NameRemoval::Refused(reason)) => reason,
                Ok(NameRemoval::Done | NameRemoval::NoSuchName) => continue,
                Err(error) => error.to_string(),
            };
            self.note(format!("the mark `{name}` stays: {reason}"));
        }
    }
}
