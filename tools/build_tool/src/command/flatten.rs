use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::image_files::ImageFiles;
use stevedore_image::layer;

use super::{layer_outputs, CompressionFlag, Outputs};

#[derive(Args)]
pub(crate) struct Flatten {
    /// The target that the layer is of, for messages.
    #[arg(long)]
    label: String,
    /// The config of the image.
    #[arg(long, value_name = "FILE")]
    image_config: PathBuf,
    /// The description of the image.
    #[arg(long, value_name = "FILE")]
    image_description: PathBuf,
    /// The layout that the lower layers come from.
    #[arg(long, value_name = "DIR")]
    base_layout: Option<PathBuf>,
    /// An upper layer, compressed or not; once for each, from the bottom up.
    #[arg(long, value_name = "FILE")]
    layer: Vec<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    compression: CompressionFlag,
}

impl Flatten {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.flatten()
            .with_context(|| format!("failed to make the layer `{label}`"))
    }

    fn flatten(self) -> anyhow::Result<()> {
        let mut image =
            ImageFiles::load(&self.image_config)?.with_description(&self.image_description)?;
        image.base_layout = self.base_layout;
        image.tars = self.layer;
        layer::flatten(&image, &layer_outputs(self.outputs, self.compression))?;
        Ok(())
    }
}
