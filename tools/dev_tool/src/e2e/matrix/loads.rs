//! What is sent, case by case.

use anyhow::{ensure, Result};

use super::stand::{Stand, ALLOWANCE};
use super::table::Verdict;
use crate::delivery_report::DeliveryReport;
use crate::proxy::Traffic;

/// A new image: everything is sent once, and is there under the name that was asked for.
pub(crate) fn first_load(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("first", "base", "app")?;
    let (traffic, report) = stand.load(&image)?;
    is(&report, "loaded", 3)?;
    stand.has(&image)?;
    ensure!(
        traffic.sent <= image.size + ALLOWANCE,
        "it sent {} bytes for layers of {}",
        traffic.sent,
        image.size
    );
    Ok(Verdict::Holds)
}

/// The same image again.
pub(crate) fn unchanged(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("first", "base", "app")?;
    let (traffic, report) = stand.load(&image)?;
    is(&report, "unchanged", 3)?;
    ensure!(
        traffic.requests.len() <= 4 && traffic.sent <= 2048,
        "expected at most 4 requests and 2048 bytes, there were {} and {}: {:?}",
        traffic.requests.len(),
        traffic.sent,
        traffic.requests
    );
    ensure!(
        report.requests == traffic.requests.len() as u64,
        "the report tells {} requests, there were {:?}",
        report.requests,
        traffic.requests
    );
    Ok(Verdict::Holds)
}

/// The same image under one more name.
pub(crate) fn further_tag(stand: &Stand<'_>) -> Result<Verdict> {
    let mut image = stand.image("first", "base", "app")?;
    let (traffic, _) = stand.load_with(&image, &["--tag=further:extra"])?;
    sends_at_most(&traffic, 0)?;
    ensure!(
        traffic.uploads().count() == 0,
        "it uploaded: {:?}",
        traffic.requests
    );
    stand.has(&image)?;
    image.name = "docker.io/library/further:extra".to_owned();
    stand.has(&image)?;
    Ok(Verdict::Holds)
}

/// Another config over the same layers.
pub(crate) fn changed_config(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image_with("first", "base", "app", "MATRIX=2")?;
    let (traffic, report) = stand.load(&image)?;
    is(&report, "loaded", 3)?;
    sends_at_most(&traffic, 0)?;
    stand.has(&image)?;
    Ok(Verdict::Holds)
}

/// Another top layer.
pub(crate) fn changed_layer(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("first", "base", "app2")?;
    let (traffic, report) = stand.load(&image)?;
    is(&report, "loaded", 3)?;
    sends_at_most(&traffic, image.top)?;
    stand.has(&image)?;
    Ok(Verdict::Holds)
}

/// Another image on the same base.
pub(crate) fn shared_base(stand: &Stand<'_>) -> Result<Verdict> {
    let image = stand.image("second", "base", "other")?;
    let (traffic, report) = stand.load(&image)?;
    is(&report, "loaded", 3)?;
    sends_at_most(&traffic, image.top)?;
    stand.has(&image)?;
    stand.has(&stand.image("first", "base", "app2")?)?;
    Ok(Verdict::Holds)
}

/// Two new images in one load, with all but their top layers in common.
pub(crate) fn pair(stand: &Stand<'_>) -> Result<Verdict> {
    let [one, other] = stand.pair(["pair", "pair-other"])?;
    let (traffic, report) = stand.load(&one)?;
    ensure!(
        report.outcome == "loaded",
        "the outcome is `{}`",
        report.outcome
    );
    // The allowance is for each of the two.
    sends_at_most(&traffic, one.size + other.top + ALLOWANCE)?;
    stand.has(&one)?;
    stand.has(&other)?;
    Ok(Verdict::Holds)
}

fn is(report: &DeliveryReport, outcome: &str, layers: u64) -> Result<()> {
    ensure!(
        report.outcome == outcome,
        "the outcome is `{}`, expected `{outcome}`",
        report.outcome
    );
    let counts = &report.layers;
    // An engine that reads the files by itself does not say which of the layers it had.
    let told = counts.present + counts.sent == layers || counts.sent == 0;
    ensure!(
        counts.total == layers && told,
        "{counts:?}, expected {layers} in all"
    );
    Ok(())
}

fn sends_at_most(traffic: &Traffic, layers: u64) -> Result<()> {
    ensure!(
        traffic.sent <= layers + ALLOWANCE,
        "it sent {} bytes, expected at most {} beyond layers of {layers}",
        traffic.sent,
        ALLOWANCE
    );
    Ok(())
}
