//! What is delivered: an image under its names.

use std::cell::Cell;

use stevedore_image::reference::Reference;

use crate::image::Image;
use crate::load::{Loaded, Tally};
use crate::report::LayerCounts;

/// An image that is to be loaded, the names that it gets, and what has become of that so far.
#[derive(Debug)]
pub struct Consignment {
    image: Image,
    references: Vec<Reference>,
    tally: Tally,
    state: Cell<State>,
}

/// How far a consignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Others come first.
    Waiting,
    /// Something is being done for it.
    UnderWay,
    /// The engine has it.
    Loaded(Loaded),
}

impl Consignment {
    /// One for which nothing was done yet.
    pub fn new(image: Image, references: Vec<Reference>) -> Self {
        Self {
            image,
            references,
            tally: Tally::default(),
            state: Cell::new(State::Waiting),
        }
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The names that it gets.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// What became of the layers so far; it tells the truth after a failure too.
    pub fn layers(&self) -> LayerCounts {
        self.tally.counts(self.image.description().layers.len())
    }

    /// What the engine has of it; `None` as long as it is not complete.
    pub fn loaded(&self) -> Option<Loaded> {
        match self.state.get() {
            State::Loaded(loaded) => Some(loaded),
            State::Waiting | State::UnderWay => None,
        }
    }

    /// Whether something was being done for it; after a failure, whether it is one of those that have failed.
    pub fn is_under_way(&self) -> bool {
        self.state.get() == State::UnderWay
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn begin(&self) {
        self.state.set(State::UnderWay);
    }

    pub(crate) fn pause(&self) {
        self.state.set(State::Waiting);
    }

    pub(crate) fn finish(&self, loaded: Loaded) {
        self.state.set(State::Loaded(loaded));
    }
}
