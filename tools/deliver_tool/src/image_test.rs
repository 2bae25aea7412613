//! A test of what an image is.
//!
//! Each expectation is a case. All of them are compared, whatever comes of the first ones; what differs goes to standard output, and
//! into the file that Bazel reads.

mod commands;
mod outcome;
mod selection;

use std::iter;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stevedore_delivery::{Image, ImageTestSpec, Runfiles};
use stevedore_image::file_system::FileSystem;
use stevedore_image_check::{
    Case, Checks, CommandCheck, Error as CheckError, ImageConfig, Subject,
};

use crate::cli::{ImageTestFlags, LoadFlags};
use crate::exit_code::Usage;
use crate::progress::Progress;
use crate::{asynchronous, bazel_test, pulls};

use commands::Commands;

/// Compares the image with what is expected of it, and gives the exit code.
pub(crate) fn run(
    spec: &ImageTestSpec,
    runfiles: &Runfiles,
    flags: &ImageTestFlags,
    load_flags: &LoadFlags,
    started: Instant,
) -> anyhow::Result<i32> {
    bazel_test::acknowledge_shards()?;
    let mut checks = checks(spec, runfiles)?;
    let left_out = selection::select(&mut checks, flags.filter.as_deref())?;
    let progress = Progress::new(load_flags.progress, load_flags.verbose);
    let pulls = pulls::of(&load_flags.registries, progress.observer());
    let image = Image::open(spec.image.clone(), runfiles.clone(), pulls)?;
    let tested = asynchronous::run(async {
        let config = ImageConfig::read(&image.read_config()?)?;
        let mut cases = examine(&checks, &image, &config).await?;
        let containers = spec.containers.as_ref();
        let Some(containers) = containers.filter(|_| checks.needs().commands) else {
            return outcome::tell(&spec.label, &cases, left_out);
        };
        let commands = Commands {
            spec,
            containers,
            image: &image,
            config: &config,
            runfiles,
            flags: load_flags,
            started,
        };
        let mut ran = Vec::new();
        let run = commands.run(checks.commands(), &mut ran).await;
        // All else is told, also if no command can be run, or no further one.
        let rest = &checks.commands()[ran.len()..];
        cases.extend(ran);
        if let Err(error) = &run {
            cases.extend(not_run(rest, error));
        }
        let code = outcome::tell(&spec.label, &cases, left_out)?;
        run.map(|()| code)
    });
    tested.with_context(|| format!("`{}` could not test `{}`", spec.label, spec.image.label))
}

/// The cases of commands that cannot be run, of which the first tells why.
fn not_run(commands: &[CommandCheck], error: &anyhow::Error) -> Vec<Case> {
    let reason = format!("{error:#}");
    let first = commands.first().map(CommandCheck::name);
    let as_first = format!(
        "it was not run, for the reason of `{}`",
        first.unwrap_or_default()
    );
    let reasons = iter::once(reason).chain(iter::repeat(as_first));
    let cases = commands.iter().zip(reasons);
    cases
        .map(|(command, reason)| command.case(Err(reason), Duration::ZERO))
        .collect()
}

/// What is expected, with the files of this machine that contents are compared with.
fn checks(spec: &ImageTestSpec, runfiles: &Runfiles) -> anyhow::Result<Checks> {
    let mut expected = spec.expected.clone();
    for file in expected.files.values_mut() {
        if let Some(path) = &mut file.content_file {
            *path = runfiles.find(&path.to_string_lossy())?;
        }
    }
    let checks = Checks::new(&spec.label, expected);
    checks.map_err(|error| match error.is_about_expectations() {
        true => Usage::Expectation(error).into(),
        false => error.into(),
    })
}

/// Everything but the commands.
async fn examine(
    checks: &Checks,
    image: &Image,
    config: &ImageConfig,
) -> anyhow::Result<Vec<Case>> {
    let needs = checks.needs();
    let layers = 0..image.description().layers.len();
    let sizes = match needs.sizes {
        true => image.measured_layers(layers.clone()).await?,
        false => image.description().layers.clone(),
    };
    let sizes: Vec<u64> = sizes
        .iter()
        .map(|layer| layer.size.unwrap_or_default())
        .collect();
    let contents = match needs.files {
        true => {
            let layers = image.layers(layers).await?;
            let paths: Vec<PathBuf> = layers.into_iter().map(|(_, layer)| layer.path).collect();
            let files = FileSystem::read(&paths).map_err(CheckError::Image)?;
            Some(checks.read(files)?)
        }
        false => None,
    };
    let subject = Subject {
        config,
        sizes: &sizes,
        contents: contents.as_ref(),
    };
    Ok(checks.examine(&subject)?)
}
