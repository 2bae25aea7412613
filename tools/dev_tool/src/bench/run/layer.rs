//! A layer: taken out of an archive, and compared with another's.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tar::Archive;

/// Copies the last layer of the one image in an archive of `docker save` into `file`, as rules_docker's `extract_last_layer`
/// does: once for the list of layers, once for the layer.
pub(super) fn extract_last(archive: &Path, file: &Path) -> Result<()> {
    let mut list = Vec::new();
    copy(archive, "manifest.json", &mut list)?;
    let list: Value = serde_json::from_slice(&list).context("`manifest.json` is no JSON")?;
    let name = list[0]["Layers"]
        .as_array()
        .and_then(|layers| layers.last()?.as_str())
        .with_context(|| format!("`{}` has no layers", archive.display()))?;
    let written =
        File::create(file).with_context(|| format!("failed to create `{}`", file.display()))?;
    copy(archive, name, &mut BufWriter::new(written))
}

fn copy(archive: &Path, name: &str, to: &mut impl io::Write) -> Result<()> {
    let failed = || format!("failed to read `{name}` in `{}`", archive.display());
    let file = File::open(archive).with_context(failed)?;
    let mut tar = Archive::new(BufReader::new(file));
    for entry in tar.entries_with_seek().with_context(failed)? {
        let mut entry = entry.with_context(failed)?;
        if entry.path_bytes().as_ref() == name.as_bytes() {
            io::copy(&mut entry, to).with_context(failed)?;
            return to.flush().with_context(failed);
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound)).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_layer_is_the_one_that_the_list_has_last() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (archive, layer) = (folder.path().join("archive"), folder.path().join("layer"));
        let mut tar = tar::Builder::new(File::create(&archive)?);
        for (name, content) in [
            ("upper", "this one"),
            ("lower", "not this"),
            ("manifest.json", r#"[{"Layers": ["lower", "upper"]}]"#),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes())?;
        }
        tar.finish()?;
        extract_last(&archive, &layer)?;
        assert_eq!(std::fs::read_to_string(layer)?, "this one");
        Ok(())
    }
}
