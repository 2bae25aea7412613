//! Bases: what a pulled one costs, importing an archive, many images on one base, and flattening.

mod action;
mod archive;
mod flatten;
mod many;
mod pulled;
mod subject;

use anyhow::Result;

use super::table::Table;
use crate::bazel::Bazel;
use crate::workspace::Workspace;

/// Every row. A part that fails does not keep the others from being measured.
pub(super) fn measure(workspace: &Workspace, runs: usize, table: &mut Table) -> Result<()> {
    let folder = subject::write(workspace)?;
    let bazel = Bazel::new(workspace, &folder)?;
    eprintln!("building an image of 1 GiB in {} layers", subject::PARTS);
    bazel.build(&["//:load_parts"])?;
    let mut failed = Ok(());
    let mut part = |name: &str, measured: Result<()>| {
        if let Err(error) = measured {
            eprintln!("{name} failed: {error:#}");
            failed = Err(error);
        }
    };
    eprintln!("measuring: flattening");
    part(
        "flattening",
        flatten::measure(workspace, &bazel, runs, table),
    );
    eprintln!("measuring: importing an archive");
    part(
        "importing",
        archive::measure(workspace, &bazel, runs, table),
    );
    eprintln!("measuring: a pulled base");
    part("a pulled base", pulled::measure(workspace, &bazel, table));
    drop(bazel);
    eprintln!("measuring: many images");
    part("many images", many::measure(workspace, table));
    failed
}
