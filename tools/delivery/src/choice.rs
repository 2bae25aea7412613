//! What is loaded under some names: an image, or that one of an index which is for the engine.

use std::rc::Rc;

use stevedore_image::platform::Platform;

use crate::error::Error;
use crate::image::Image;
use crate::pulls::Pulls;
use crate::runfiles::Runfiles;
use crate::spec::LoadedSpec;

/// An image, or several of which one is to be loaded.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a load has a few")]
pub enum Choice {
    /// There is only this one, whatever it is for.
    Image(Image),
    /// They are for different platforms.
    Index {
        /// The index's target.
        label: String,
        /// Its images.
        images: Vec<Image>,
    },
}

impl Choice {
    /// Reads the descriptions of the images.
    ///
    /// # Errors
    /// If a file is missing or cannot be used.
    pub fn open(spec: &LoadedSpec, runfiles: &Runfiles, pulls: &Rc<Pulls>) -> Result<Self, Error> {
        let open = |image: &crate::spec::ImageSpec| {
            Image::open(image.clone(), runfiles.clone(), Rc::clone(pulls))
        };
        Ok(match spec {
            LoadedSpec::Image(image) => Self::Image(open(image)?),
            LoadedSpec::Index(index) => Self::Index {
                label: index.label.clone(),
                images: index.images.iter().map(open).collect::<Result<_, _>>()?,
            },
        })
    }

    /// Whether the platform decides.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::Index { .. })
    }

    /// The image for `platform`, or the first one without that; the one that there is, if this is no index.
    ///
    /// # Errors
    /// If the index has none for it.
    pub fn take(&self, platform: Option<&Platform>) -> Result<Image, Error> {
        let (label, images) = match self {
            Self::Image(image) => return Ok(image.clone()),
            Self::Index { label, images } => (label, images),
        };
        let platforms: Vec<Platform> = images
            .iter()
            .map(|image| image.description().platform.clone())
            .collect();
        let place = platform.map_or(Ok(0), |platform| platform.choose(&platforms));
        let image = place.and_then(|place| {
            let image = images.get(place).cloned();
            image.ok_or_else(|| stevedore_image::Error::NoSuchPlatform {
                wanted: "any platform".to_owned(),
                found: Vec::new(),
            })
        });
        image.map_err(|source| Error::NoPlatform {
            label: label.clone(),
            source: Box::new(source),
        })
    }
}
