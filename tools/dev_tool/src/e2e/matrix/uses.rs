//! What can be done with an image after its load.

use anyhow::{ensure, Result};

use super::copied::diff_ids;
use super::stand::{Image, Stand, PROGRAM};
use super::table::Verdict;
use crate::registry::Registry;

/// The image that [`super::loads::changed_layer`] has loaded in part.
fn image(stand: &Stand<'_>) -> Result<Image> {
    stand.image("first", "base", "app2")
}

/// The engine's own listing shows the name.
pub(crate) fn is_listed(stand: &Stand<'_>) -> Result<Verdict> {
    let names = stand.client.names(&stand.engine)?;
    let name = image(stand)?.name;
    let familiar = name.trim_start_matches("docker.io/library/");
    ensure!(
        names
            .iter()
            .any(|listed| listed == familiar || *listed == name),
        "`{name}` is not among {names:?}"
    );
    Ok(Verdict::Holds)
}

/// A container has the files of all layers.
pub(crate) fn runs(stand: &Stand<'_>) -> Result<Verdict> {
    let name = image(stand)?.name;
    let said = stand
        .client
        .run(&stand.engine, &name, &[PROGRAM, "ls", "/stevedore-test"])?;
    let files: Vec<_> = said.split_whitespace().collect();
    ensure!(files == ["app2", "base"], "the container has {files:?}");
    Ok(Verdict::Holds)
}

/// What the engine saves has every layer, with the right bytes.
pub(crate) fn is_saved_whole(stand: &Stand<'_>) -> Result<Verdict> {
    whole(stand, &image(stand)?)?;
    Ok(Verdict::Holds)
}

/// The engine can save the image, and what it saves is all of it.
pub(crate) fn whole(stand: &Stand<'_>, image: &Image) -> Result<()> {
    let file = stand.scratch.file("saved.tar");
    stand.client.save(&stand.engine, &image.name, &file)?;
    let source = format!("{}:{}", stand.client.saved_format(), file.display());
    let found = diff_ids(&source, &stand.scratch)?;
    std::fs::remove_file(&file)?;
    same_layers(image, &found)
}

/// What the engine pushes can be pulled.
pub(crate) fn is_pushed_whole(stand: &Stand<'_>) -> Result<Verdict> {
    let image = image(stand)?;
    let registry = Registry::start(stand.workspace, "distribution-2")?;
    let name = format!("{}/first:latest", registry.address());
    stand.client.push(&stand.engine, &image.name, &name)?;
    same_layers(
        &image,
        &diff_ids(&format!("docker://{name}"), &stand.scratch)?,
    )?;
    Ok(Verdict::Holds)
}

fn same_layers(image: &Image, found: &[String]) -> Result<()> {
    let expected: Vec<_> = image
        .files
        .diff_ids
        .iter()
        .map(ToString::to_string)
        .collect();
    ensure!(
        found == expected,
        "it has the layers {found:?}, expected {expected:?}"
    );
    Ok(())
}
