//! The intermediate form of an image: a directory with every part of it as a file, as rules_docker made it.
//!
//! `config.json` and `manifest.json`; for each layer, from `001` for the bottom one up: `001.tar`, `001.diff_id` with
//! the tar's sha256, `001.tar.gz` or `001.tar.zst` with the blob, and `001.sha256` with the blob's sha256. A blob that
//! is not compressed is the tar. The sha256 files have 64 hexadecimal characters and nothing else.

use std::fs::{self, File};
use std::path::Path;

use crate::compression::Compression;
use crate::error::Error;
use crate::image_files::ImageFiles;
use crate::output::OutputDirectory;

/// Writes the intermediate form. Every byte is checked while it is copied.
///
/// # Errors
/// If a file is missing, is not what it is described as, or cannot be written. Nothing is there then.
pub fn write(files: &ImageFiles, directory: &Path) -> Result<(), Error> {
    let output = OutputDirectory::create(directory)?;
    let manifest = files.manifest()?;
    let layers = files.layers();
    if layers.len() != manifest.layers.len() {
        return Err(Error::LayerCount {
            first: "the description".to_owned(),
            first_count: layers.len(),
            second: "the manifest".to_owned(),
            second_count: manifest.layers.len(),
        });
    }
    write_file(&output, "config.json", files.config_bytes())?;
    write_file(&output, "manifest.json", files.manifest_bytes())?;
    for (index, (layer, blob)) in layers.iter().zip(&manifest.layers).enumerate() {
        let name = |suffix: &str| format!("{:03}{suffix}", index + 1);
        write_file(&output, &name(".diff_id"), layer.diff_id.hex().as_bytes())?;
        write_file(&output, &name(".sha256"), blob.digest.hex().as_bytes())?;
        let (path, mut file) = create(&output, &name(".tar"))?;
        files.copy_tar(index, &path, &mut file)?;
        let compression = Compression::sniff(&files.start_of_blob(index)?);
        if compression != Compression::None {
            let (path, mut file) = create(&output, &name(compression.suffix()))?;
            files.copy_blob(index, &path, &mut file)?;
        }
    }
    output.commit()
}

fn create(output: &OutputDirectory, name: &str) -> Result<(std::path::PathBuf, File), Error> {
    let path = output.file(name)?;
    let file = File::create(&path).map_err(|source| Error::io("create", &path, source))?;
    Ok((path, file))
}

fn write_file(output: &OutputDirectory, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = output.file(name)?;
    fs::write(&path, bytes).map_err(|source| Error::io("write", &path, source))
}
