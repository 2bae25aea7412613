//! The subcommands, one a file.

mod blob_files;
mod config;
mod destinations;
mod docker_archive;
mod flatten;
mod flatten_config;
mod import;
mod import_config;
mod index;
mod index_layout;
mod intermediate;
mod layer;
mod layout;
mod load_facts;
mod manifest;
mod per_image;
mod rebase;
mod rebase_manifest;
mod stacked_layout;
mod stamping;
mod tags;
mod tar_layer;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use stevedore_image::compression::Compression;
use stevedore_image::layer::LayerOutputs;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a layer from files, directories, links and tars.
    Layer(layer::Layer),
    /// Make a layer of exactly one tar that exists.
    TarLayer(tar_layer::TarLayer),
    /// Make one layer of all layers of an image.
    Flatten(flatten::Flatten),
    /// Make the config and the description of an image whose layers became one.
    FlattenConfig(flatten_config::FlattenConfig),
    /// Check an image that is made already, in an OCI layout or an archive, and describe it.
    Import(import::Import),
    /// Describe an image whose config and layers are files.
    ImportConfig(import_config::ImportConfig),
    /// Make the config and the description of an image that gets another base.
    Rebase(rebase::Rebase),
    /// Make the manifest of an image that gets another base, and its digest.
    RebaseManifest(rebase_manifest::RebaseManifest),
    /// Make the config and the description of an image.
    Config(config::Config),
    /// Make the manifest of an image, and its digest.
    Manifest(manifest::Manifest),
    /// Write an image as an OCI layout.
    Layout(layout::Layout),
    /// Write an image whose layers are those of other images as an OCI layout.
    StackedLayout(stacked_layout::StackedLayout),
    /// Make the index of several images, and its digest.
    Index(index::Index),
    /// Write an index and its images as an OCI layout.
    IndexLayout(index_layout::IndexLayout),
    /// Write what a load will bring: each image's IDs, digests, names and platform.
    LoadFacts(load_facts::LoadFacts),
    /// Write an image as an archive for `docker load`.
    DockerArchive(docker_archive::DockerArchive),
    /// Write an image as a directory with each of its parts as a file.
    Intermediate(intermediate::Intermediate),
    /// Write the tags of an image, with their placeholders replaced.
    Tags(tags::Tags),
    /// Write where images are pushed to, with placeholders replaced.
    Destinations(destinations::Destinations),
}

impl Command {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Layer(command) => command.run(),
            Self::TarLayer(command) => command.run(),
            Self::Flatten(command) => command.run(),
            Self::FlattenConfig(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::ImportConfig(command) => command.run(),
            Self::Rebase(command) => command.run(),
            Self::RebaseManifest(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Manifest(command) => command.run(),
            Self::Layout(command) => command.run(),
            Self::StackedLayout(command) => command.run(),
            Self::Index(command) => command.run(),
            Self::IndexLayout(command) => command.run(),
            Self::LoadFacts(command) => command.run(),
            Self::DockerArchive(command) => command.run(),
            Self::Intermediate(command) => command.run(),
            Self::Tags(command) => command.run(),
            Self::Destinations(command) => command.run(),
        }
    }
}

/// The outputs of a layer; at least one of them.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Outputs {
    /// Write the diff_id and size of the uncompressed tar, as JSON.
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Write the uncompressed tar.
    #[arg(long, value_name = "FILE")]
    tar: Option<PathBuf>,
    /// Write the blob.
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
    /// Write the media type, digest and size of the blob, as JSON.
    #[arg(long, value_name = "FILE")]
    blob_description: Option<PathBuf>,
}

/// How a layer is compressed.
#[derive(Args)]
struct CompressionFlag {
    /// The compression of the blob: gzip, zstd or none.
    #[arg(long, value_name = "NAME", default_value = "gzip")]
    compression: Compression,
}

fn layer_outputs(outputs: Outputs, compression: CompressionFlag) -> LayerOutputs {
    LayerOutputs {
        description: outputs.description,
        tar: outputs.tar,
        blob: outputs.blob,
        blob_description: outputs.blob_description,
        compression: Some(compression.compression),
    }
}
