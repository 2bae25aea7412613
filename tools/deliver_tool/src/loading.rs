//! Loading images, for the verbs that begin with it.

use std::env;
use std::time::Duration;

use anyhow::Context as _;
use stevedore_delivery::{
    Choice, Consignment, LoadSpec, LockPlaces, Manner, Purpose, Runfiles, WithoutEngine,
};
use stevedore_engine::{Address, Connection};
use stevedore_image::platform::Platform;
use stevedore_image::reference::Reference;

use crate::attempt::Attempt;
use crate::cli::LoadFlags;
use crate::exit_code::{Interrupted, Usage};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::{connect, exit_code, made_name, pulls, report_file, summary, tags};

/// How long an engine has for ending what an interrupted load has begun.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// What is to be loaded, and how.
pub(crate) struct Request<'a> {
    spec: &'a LoadSpec,
    runfiles: Runfiles,
    flags: &'a LoadFlags,
    progress: Progress,
    /// What the images are loaded for.
    purpose: Purpose,
    /// Whether the images must be for the engine's own platform.
    own_platform: bool,
    /// Whether it is no failure that there is no engine.
    without_engine: WithoutEngine,
    /// Whether the engine that was found will do.
    fits: fn(&Address) -> anyhow::Result<()>,
}

/// An image is not for the engine's platform.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{label}` is for {image}, but the engine at `{address}` is for {engine}; build it for that platform (`--platforms`, or an \
     oci_index that has it too), or set `emulation = True` if the engine emulates {image}"
)]
pub(crate) struct OtherPlatform {
    label: String,
    image: Platform,
    address: Address,
    engine: Platform,
}

impl<'a> Request<'a> {
    /// A load as its target and its flags say.
    pub(crate) fn new(spec: &'a LoadSpec, runfiles: Runfiles, flags: &'a LoadFlags) -> Self {
        Self {
            spec,
            runfiles,
            flags,
            progress: Progress::new(flags.progress, flags.verbose),
            purpose: flags.for_tests.purpose(|name| env::var_os(name)),
            own_platform: false,
            without_engine: WithoutEngine::Fail,
            fits: |_| Ok(()),
        }
    }

    /// Sends nothing to an engine that `fits` refuses.
    pub(crate) fn into_engine_that(self, fits: fn(&Address) -> anyhow::Result<()>) -> Self {
        Self { fits, ..self }
    }

    /// For a test that runs containers of the images, where nothing emulates another platform unless `emulation` says so, and that
    /// does what `without_engine` says where there is none.
    pub(crate) fn for_test(self, emulation: bool, without_engine: WithoutEngine) -> Self {
        Self {
            purpose: Purpose::Test,
            own_platform: !emulation,
            without_engine,
            ..self
        }
    }
}

/// Loads the images, and reports; a signal ends it.
///
/// # Errors
/// If the images cannot be loaded, or a signal came.
pub(crate) async fn load(
    attempt: &Attempt,
    request: &Request<'_>,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let result = tokio::select! {
        result = try_to_load(attempt, request) => result,
        signal = signals.next() => {
            clean_up(attempt, &request.manner()).await;
            Err(Interrupted(signal).into())
        }
    };
    request.progress.clear();
    match result {
        Err(error) if request.is_skipped(&error) => Err(error),
        result => report(attempt, result, request),
    }
}

/// Ends what an interrupted load has begun at the engine.
async fn clean_up(attempt: &Attempt, manner: &Manner) {
    let Some(engine) = attempt.engine.get() else {
        return;
    };
    let clean_up = stevedore_delivery::clean_up(engine, attempt.consignments(), manner);
    match tokio::time::timeout(CLEAN_UP, clean_up).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("warning: failed to clean up: {error}"),
        Err(_) => eprintln!("warning: failed to clean up: the engine does not answer"),
    }
}

async fn try_to_load(attempt: &Attempt, request: &Request<'_>) -> anyhow::Result<()> {
    let Request { spec, flags, .. } = request;
    flags.check_images(spec.images.len())?;
    let candidates = connect::candidates(flags.host.as_deref())?;
    let references = tags::of_images(spec, &request.runfiles, &flags.tag)?;
    attempt.references.get_or_init(|| references.concat());
    let pulls = pulls::of(&flags.registries, request.progress.observer());
    let pulls = attempt.pulls.get_or_init(|| pulls);
    let choices = spec.images.iter();
    let choices = choices.map(|named| Choice::open(&named.content, &request.runfiles, pulls));
    let choices = choices.collect::<Result<Vec<_>, _>>()?;
    let choose = |platform: Option<&Platform>| {
        let chosen = request.consignments(&choices, &references, platform)?;
        Ok::<_, stevedore_delivery::Error>(attempt.consignments.get_or_init(|| chosen))
    };
    let asks_engine = flags.platform.is_none() && choices.iter().any(Choice::is_index);
    if !asks_engine {
        choose(flags.platform.as_ref())?;
    }
    let engine = connect::to_first(candidates, &attempt.traffic, &request.progress).await?;
    let engine = attempt.engine.get_or_init(|| engine);
    (request.fits)(engine.address())?;
    if asks_engine {
        choose(Some(&engine.platform().await?))?;
    }
    let consignments = attempt.consignments();
    if flags.container_arguments().is_some() {
        let references = consignments.first().map(Consignment::references);
        check_that_it_runs(engine.address(), references.unwrap_or_default())?;
    }
    if request.own_platform {
        check_platforms(engine, consignments).await?;
    }
    Ok(stevedore_delivery::load(engine, consignments, &request.manner()).await?)
}

impl Request<'_> {
    /// Whether this is how a load ends without which the test is skipped.
    pub(crate) fn is_skipped(&self, error: &anyhow::Error) -> bool {
        self.without_engine == WithoutEngine::Skip && exit_code::is_no_engine(error)
    }

    /// Of each index the image for `platform`, of each image itself, with their names.
    fn consignments(
        &self,
        choices: &[Choice],
        references: &[Vec<Reference>],
        platform: Option<&Platform>,
    ) -> Result<Vec<Consignment>, stevedore_delivery::Error> {
        let named = choices.iter().zip(references);
        named
            .map(|(choice, references)| {
                let image = choice.take(platform)?;
                let mut references = references.clone();
                if references.is_empty() && self.purpose == Purpose::Test {
                    references.extend(made_name::of(&image));
                }
                Ok(Consignment::new(image, references))
            })
            .collect()
    }

    fn manner(&self) -> Manner {
        Manner {
            narrate: self.progress.shows_bars(),
            observer: self.progress.observer(),
            locks: LockPlaces::of_machine(|name| env::var_os(name)),
            purpose: self.purpose,
        }
    }
}

/// Refuses images that `engine` would load and could not run.
async fn check_platforms(engine: &Connection, consignments: &[Consignment]) -> anyhow::Result<()> {
    let platform = engine.platform().await?;
    for consignment in consignments {
        let image = consignment.image();
        let wanted = &image.description().platform;
        if !may_run(&platform, wanted) {
            return Err(anyhow::Error::new(OtherPlatform {
                label: image.label().to_owned(),
                image: wanted.clone(),
                address: engine.address().clone(),
                engine: platform,
            }));
        }
    }
    Ok(())
}

/// Whether an engine for `platform` may run an image for `wanted`. Docker does not tell the variant of its processor; but what is
/// for a 32-bit ARM is for one of several.
fn may_run(platform: &Platform, wanted: &Platform) -> bool {
    let is_same = platform.os == wanted.os && platform.architecture == wanted.architecture;
    let is_unknown = platform.variant.is_none() && platform.architecture != "arm";
    is_same && is_unknown || platform.choose(std::slice::from_ref(wanted)).is_ok()
}

/// Refuses `--run` before anything is loaded, where no container can be run.
fn check_that_it_runs(address: &Address, references: &[Reference]) -> Result<(), Usage> {
    let Address::Containerd { socket, namespace } = address else {
        return Ok(());
    };
    let reference = references.first().map(Reference::normalized);
    Err(Usage::RunInContainerd {
        address: address.clone(),
        socket: socket.clone(),
        namespace: namespace.clone(),
        reference: reference.unwrap_or_else(|| "IMAGE".to_owned()),
    })
}

/// Writes the report and the last line, whatever the result is.
fn report(
    attempt: &Attempt,
    result: anyhow::Result<()>,
    request: &Request<'_>,
) -> anyhow::Result<()> {
    let result = result.with_context(|| failure(attempt, request.spec));
    let report = attempt.report(&result);
    report_file::write_if_wanted(
        request.flags.report.path().as_deref(),
        &report,
        result.is_ok(),
    )?;
    request.progress.print(&summary::line(&report));
    result
}

/// Says which images have failed: those that something was being done for, or all if it did not come to that.
fn failure(attempt: &Attempt, spec: &LoadSpec) -> String {
    let mut labels = attempt.images_under_way();
    if labels.is_empty() {
        let all = spec.images.iter();
        labels = all.map(|image| image.content.label()).collect();
    }
    format!("`{}` failed to load `{}`", spec.label, labels.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_that_the_engine_does_not_tell_is_no_obstacle() {
        for (engine, image, expected) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/amd64/v2", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64", "linux/arm64/v9", true),
            ("linux/arm/v7", "linux/arm/v6", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/amd64", "linux/arm64", false),
            ("linux/amd64", "windows/amd64", false),
        ] {
            let [engine, image] = [engine, image].map(str::parse::<Platform>);
            let found =
                matches!((&engine, &image), (Ok(engine), Ok(image)) if may_run(engine, image));
            assert_eq!(found, expected, "{image:?} on {engine:?}");
        }
    }
}
