//! Deliveries: what a destination lacks of an image, where those bytes come from, and how they get there.
//!
//! [`push`] delivers into registries, [`load`] into a container engine. What a load does is decided by [`plan`], a pure function,
//! from the image's description and from what the engine says.
#![deny(missing_docs)]

mod choice;
mod consignment;
mod content_cache;
mod error;
mod event;
mod image;
mod load;
mod lock;
mod mark;
mod oci_directory;
mod plan;
mod prune;
mod pulls;
mod purpose;
mod push;
mod report;
mod runfiles;
mod source;
mod spec;
mod stock;
mod upload;

pub use choice::Choice;
pub use consignment::Consignment;
pub use content_cache::ContentCache;
pub use error::Error;
pub use event::{Event, Observer};
pub use image::Image;
pub use load::{clean_up, load, Loaded, Manner};
pub use lock::LockPlaces;
pub use mark::Mark;
pub use plan::{plan, Shipment};
pub use prune::{prune, MarkedName, PruneManner, Pruned, Verdict};
pub use pulls::{Connect, Fetched, Pulls, RemoteBlob};
pub use purpose::Purpose;
pub use push::{push, Artifact, Kind, Parcel, PushManner};
pub use report::{Destination, ImageReport, LayerCounts, Outcome, Report};
pub use runfiles::{Runfiles, RunfilesError};
pub use source::{Checking, Form, Layer, LayerReader, SourceError};
pub use spec::{
    ContainersSpec, ContentSpec, DeliverySpec, EngineSpec, ImageSpec, ImageTestSpec, IndexSpec,
    LayerFileSpec, LoadSpec, LoadedIndexSpec, LoadedSpec, NamedImageSpec, Network, ParcelSpec,
    PruneSpec, PushSpec, PushedImageSpec, SpecError, TestSpec, WithoutEngine, WrappedTestSpec,
};
