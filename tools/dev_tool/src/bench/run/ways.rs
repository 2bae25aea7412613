//! Ways to get the last layer out of a container that has run: why none of them was taken.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::change::Change;
use super::layer::extract_last;
use super::peer::Place;
use crate::bench::table::Table;
use crate::bench::target::seconds;
use crate::command::{output, run};

/// The container that has run.
const CONTAINER: &str = "bench-ways";

/// The image that it is committed to.
const COMMITTED: &str = "localhost/bench/ways:latest";

/// What `GET /containers/{id}/changes` calls a path that was removed.
const REMOVED: u64 = 2;

/// Runs `change` once, and reads its layer in every way that the engine has.
pub(super) fn measure(place: &Place<'_>, change: &Change, table: &mut Table) -> Result<()> {
    run(place
        .docker(change, &["--name", CONTAINER])
        .args(["sh", "-e", "-c", change.shell]))?;
    let changes = place.files.file("changes.json");
    let listed = seconds(|| run(curl(place, "changes").arg("--output").arg(&changes)))?;
    let paths = changed_files(&changes)?;
    let requests = place.files.file("requests");
    write_requests(place, &paths, &requests)?;
    let read = seconds(|| run(Command::new("curl").arg("--config").arg(&requests)))?;
    let committed = seconds(|| run(place.target.client().args(["commit", CONTAINER, COMMITTED])))?;
    let archive = place.files.file("saved.tar");
    let saved = seconds(|| {
        run(place
            .target
            .client()
            .args(["save", COMMITTED, "--output"])
            .arg(&archive))?;
        extract_last(&archive, &place.files.file("layer.tar"))
    })?;
    let mut row = |way: &str, seconds| {
        table.figure(
            &format!("{}, last layer by {way}", change.title),
            seconds,
            "s",
        );
    };
    row(
        &format!("changes and {} archive requests", paths.len()),
        listed + read,
    );
    row("commit and save", committed + saved);
    if let Some(upper) = upper(place)? {
        let copied = seconds(|| {
            run(Command::new("tar")
                .args(["--create", "--file"])
                .arg(place.files.file("layer.tar"))
                .args(["--directory", &upper, "."]))
        })?;
        row("the overlay's upper directory", copied);
    }
    run(place.target.client().args(["rm", CONTAINER]))?;
    place.target.remove(COMMITTED)
}

fn curl(place: &Place<'_>, route: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--fail", "--unix-socket"])
        .arg(place.target.socket())
        .arg(format!("http://engine/containers/{CONTAINER}/{route}"));
    command
}

/// What has to be asked for: everything below a path that is new comes with it.
fn changed_files(changes: &Path) -> Result<Vec<String>> {
    let text = fs::read(changes).context("failed to read the changes")?;
    let changes: Vec<Value> = serde_json::from_slice(&text).context("the changes are no JSON")?;
    let mut paths: Vec<_> = changes
        .iter()
        .filter(|change| change["Kind"] != REMOVED)
        .filter_map(|change| change["Path"].as_str().map(ToOwned::to_owned))
        .collect();
    paths.sort();
    let holds_others = |path: &String| {
        let below = format!("{path}/");
        paths.iter().any(|other| other.starts_with(&below))
    };
    let new: Vec<_> = changes
        .iter()
        .filter(|change| change["Kind"] == 1)
        .filter_map(|change| change["Path"].as_str())
        .collect();
    let comes_with_another = |path: &String| {
        new.iter().any(|folder| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    Ok(paths
        .iter()
        .filter(|path| !comes_with_another(path))
        .filter(|path| new.contains(&path.as_str()) || !holds_others(path))
        .cloned()
        .collect())
}

/// One process and one connection for all requests: what a program would do.
fn write_requests(place: &Place<'_>, paths: &[String], file: &Path) -> Result<()> {
    let failed = || format!("failed to write `{}`", file.display());
    let mut requests = File::create(file)
        .map(std::io::BufWriter::new)
        .with_context(failed)?;
    writeln!(
        requests,
        "silent\nshow-error\nfail\nunix-socket = \"{}\"",
        place.target.socket().display()
    )
    .with_context(failed)?;
    for path in paths {
        let escaped: String = path
            .bytes()
            .map(|byte| match byte {
                b'/' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02x}"),
            })
            .collect();
        writeln!(
            requests,
            "url = \"http://engine/containers/{CONTAINER}/archive?path={escaped}\"\noutput = \"/dev/null\""
        )
        .with_context(failed)?;
    }
    requests.flush().with_context(failed)
}

/// The directory, where the engine tells one and it can be read from here.
fn upper(place: &Place<'_>) -> Result<Option<String>> {
    let format = "{{with .GraphDriver.Data}}{{.UpperDir}}{{end}}";
    let told = output(
        place
            .target
            .client()
            .args(["inspect", "--format", format, CONTAINER]),
    )?;
    let told = told.trim();
    Ok(Path::new(told).is_dir().then(|| told.to_owned()))
}
