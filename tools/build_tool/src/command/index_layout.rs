use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::layout;

use super::blob_files;

#[derive(Args)]
pub(crate) struct IndexLayout {
    /// The index's target, for messages.
    #[arg(long)]
    label: String,
    /// The index.
    #[arg(long, value_name = "FILE")]
    index: PathBuf,
    /// Write the layout.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// The images: for each `--image=LABEL`, and then what `-- --image=LABEL --help` tells.
    #[arg(last = true, required = true, value_name = "IMAGES")]
    images: Vec<String>,
}

impl IndexLayout {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to write the layout of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let images = blob_files::of_images(&self.images)?;
        layout::write_index(&self.index, &images, &self.output)?;
        Ok(())
    }
}
