//! What is in the layers: the same in every way, and the same twice.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};

use super::change::Change;
use super::layer::extract_last;
use super::own::{Engine, Own};
use super::peer::{Peer, Place};
use crate::bench::table::{Goal, Table};
use crate::bench::target::Kind;
use crate::file_tree::FileTree;

/// How many differences are told.
const TOLD: usize = 20;

/// Compares this project's layers with each other, and with the others'.
pub(super) fn compare(
    place: &Place<'_>,
    own: &Own,
    change: &Change,
    table: &mut Table,
) -> Result<()> {
    let host = place.target.host();
    let mut digests = BTreeSet::new();
    for engine in [Engine::Daemon, Engine::Sandbox, Engine::Daemon] {
        own.time(engine, &host, change)?;
        digests.insert(own.description()?["diff_id"].to_string());
    }
    let title = format!(
        "{}, digests of two runs in the engine and one in the sandbox",
        change.title
    );
    table.goal(&title, Goal::AtMost(1.0), digests.len() as f64, "digests");
    own.with_times(Engine::Daemon, &host, change)?;
    let ours = read(&own.layer())?;
    let [usr, rest] = &place.base;
    let base = read(usr)?.and(read(rest)?);
    table.figure(
        &format!("{}, entries of the layer", change.title),
        ours.len() as f64,
        "entries",
    );
    for peer in Peer::of(place.target.kind()) {
        // Docker's other store keeps layers compressed, and its content is that of the first.
        if !peer.is_rival() || place.target.kind() == Kind::ContainerdStore {
            continue;
        }
        peer.time(place, change)?;
        let layer = place.files.file("layer.tar");
        extract_last(&peer.save(place)?, &layer)?;
        let differences = ours.layer_differences(&read(&layer)?, &base);
        peer.clear(place)?;
        for difference in differences.iter().take(TOLD) {
            eprintln!("    {}: {difference}", peer.title());
        }
        let title = format!("{}, entries unlike those of {}", change.title, peer.title());
        table.goal(
            &title,
            Goal::AtMost(0.0),
            differences.len() as f64,
            "entries",
        );
    }
    Ok(())
}

fn read(layer: &Path) -> Result<FileTree> {
    let file =
        File::open(layer).with_context(|| format!("failed to read `{}`", layer.display()))?;
    FileTree::read(BufReader::new(file))
}
