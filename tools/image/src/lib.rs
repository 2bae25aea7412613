//! What an image is: digests, layers, config, manifest, description, layouts. No network, no async.
#![deny(missing_docs)]

pub mod archive;
pub mod archive_plan;
pub mod assignments;
pub mod compression;
pub mod config;
pub mod description;
pub mod destinations;
pub mod digest;
pub mod docker_archive;
mod error;
pub mod file_system;
pub mod glob;
pub mod image_files;
mod image_path;
pub mod import;
pub mod index;
pub mod intermediate;
pub mod json;
pub mod layer;
pub mod layout;
pub mod load_facts;
pub mod load_manifest;
pub mod manifest;
pub mod media_type;
pub mod oci_archive;
pub mod output;
pub mod owner;
pub mod platform;
pub mod reference;
pub mod repository;
pub mod status;
pub mod tag;
pub mod tags;
mod threaded_writer;

pub use error::Error;
