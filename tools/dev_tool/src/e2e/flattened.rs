//! A flattened image in engines: its one layer gives a container the files that the layers of the original give it.

use std::fs::File;
use std::io::BufReader;
use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::client::{client, Client};
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::engine::Running;
use crate::file_tree::FileTree;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Who gets both images.
const ENGINES: [&str; 2] = ["docker-28", "podman-5"];

/// The image of `e2e/cases` with several layers, how many they are, and the one that is made of it.
const STACKED: (&str, usize) = ("localhost/cases/stacked:latest", 3);
const FLAT: (&str, usize) = ("localhost/cases/flat:latest", 1);

/// How many paths the layers leave at least; an engine adds its own.
const PATHS: usize = 22;

/// Loads both into every engine, and compares what containers of them have.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, bazel: &Bazel<'_>) {
    let mut built = false;
    report.case("an image is flattened", || {
        bazel.build(&["//derived:load"])?;
        built = true;
        Ok(())
    });
    if !built {
        report.skip("flattened images in engines", "there is none");
        return;
    }
    for name in ENGINES {
        report.case(
            format!("{name}: a flattened image has the same files"),
            || {
                same(
                    bazel,
                    client(name),
                    &Running::start(workspace, name, "e2e")?,
                )
            },
        );
    }
}

fn same(bazel: &Bazel<'_>, client: &dyn Client, engine: &Running) -> Result<()> {
    let program = bazel.folder().join("bazel-bin/derived/load");
    output(Command::new(program).env("DOCKER_HOST", engine.host()))?;
    for (image, expected) in [STACKED, FLAT] {
        let found = client.layers(engine, image)?.len();
        ensure!(
            found == expected,
            "`{image}` has {found} layers, expected {expected}"
        );
    }
    let stacked = tree(client, engine, STACKED.0)?;
    let flat = tree(client, engine, FLAT.0)?;
    ensure!(
        stacked.len() >= PATHS,
        "a container has only the paths {:?}",
        stacked.paths().collect::<Vec<_>>()
    );
    let differences = stacked.differences(&flat, &[]);
    ensure!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    Ok(())
}

/// What a container of the image begins with.
fn tree(client: &dyn Client, engine: &Running, image: &str) -> Result<FileTree> {
    let scratch = Scratch::new()?;
    let tar = scratch.file("container.tar");
    client.export(engine, image, &tar)?;
    let file = File::open(&tar).with_context(|| format!("failed to open `{}`", tar.display()))?;
    FileTree::read(BufReader::new(file))
}
