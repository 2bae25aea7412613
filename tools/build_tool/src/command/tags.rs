use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use stevedore_image::output::OutputFile;
use stevedore_image::tags;

use super::stamping::Stamping;

#[derive(Args)]
pub(crate) struct Tags {
    /// The target that has the tags, for messages.
    #[arg(long)]
    label: String,
    /// A tag.
    #[arg(long)]
    tag: Vec<String>,
    /// More tags, one a line.
    #[arg(long, value_name = "FILE")]
    tags_file: Option<PathBuf>,
    #[command(flatten)]
    stamping: Stamping,
    /// Write the references, one a line.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl Tags {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.write()
            .with_context(|| format!("failed to resolve the tags of `{}`", self.label))
    }

    fn write(&self) -> anyhow::Result<()> {
        let status = self.stamping.status()?;
        let lines = match &self.tags_file {
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("failed to read `{}`", path.display()))?,
            None => String::new(),
        };
        let texts = self.tag.iter().map(String::as_str).chain(lines.lines());
        let mut text = String::new();
        for reference in tags::resolve(texts, &status)? {
            text.push_str(&reference.familiar());
            text.push('\n');
        }
        OutputFile::write(&self.output, text.as_bytes())?;
        Ok(())
    }
}
