use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::layer::{self, Recipe};

use super::{layer_outputs, CompressionFlag, Outputs};

#[derive(Args)]
pub(crate) struct Layer {
    /// What the layer is made of: one JSON object a line.
    #[arg(long, value_name = "FILE")]
    inputs: PathBuf,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    compression: CompressionFlag,
}

impl Layer {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let recipe = Recipe::load(&self.inputs)?;
        layer::build(&recipe, &layer_outputs(self.outputs, self.compression))
            .with_context(|| format!("failed to make the layer `{}`", recipe.label()))
    }
}
