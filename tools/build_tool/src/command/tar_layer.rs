use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::layer::Prebuilt;

use super::{layer_outputs, CompressionFlag, Outputs};

#[derive(Args)]
pub(crate) struct TarLayer {
    /// The target that the layer is of, for messages.
    #[arg(long)]
    label: String,
    /// The tar, which may be compressed; then it is the blob itself.
    #[arg(long, value_name = "FILE")]
    source: PathBuf,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    compression: CompressionFlag,
}

impl TarLayer {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let outputs = layer_outputs(self.outputs, self.compression);
        Prebuilt::open(&self.source)
            .and_then(|layer| layer.build(&outputs))
            .with_context(|| format!("failed to make the layer `{}`", self.label))
    }
}
