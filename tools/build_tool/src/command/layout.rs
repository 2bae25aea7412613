use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::layout;
use stevedore_image::Error;

use super::blob_files::BlobFiles;

#[derive(Args)]
pub(crate) struct Layout {
    /// The image's target, for messages.
    #[arg(long)]
    label: String,
    #[command(flatten)]
    image: BlobFiles,
    /// Write the layout.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

impl Layout {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let label = self.label.clone();
        self.write()
            .with_context(|| format!("failed to write the layout of `{label}`"))
    }

    fn write(self) -> Result<(), Error> {
        layout::write(&self.image.load()?, &self.output)
    }
}
