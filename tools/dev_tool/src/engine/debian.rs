//! Programs out of Debian packages: unpacked into a folder, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::command::run;

/// Where Debian's packages are, unless `STEVEDORE_DEV_MIRROR` names another place.
const MIRROR: &str = "http://deb.debian.org/debian";

/// The keys that Debian signs its suites with, from the package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Packages of one suite.
#[derive(Debug)]
pub(crate) struct Packages {
    /// The suite (`bookworm`).
    pub(crate) suite: &'static str,
    /// The packages, and those of their libraries that the root lacks.
    pub(crate) names: &'static [&'static str],
}

impl Packages {
    /// Unpacks the packages into `folder`, unless they are there already.
    pub(crate) fn unpack(&self, folder: &Path) -> Result<()> {
        let marker = folder.join(".packages");
        let wanted = format!("{} {}\n", self.suite, self.names.join(" "));
        if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        let work = folder.with_extension("new");
        for stale in [&work, folder] {
            if stale.exists() {
                fs::remove_dir_all(stale)
                    .with_context(|| format!("failed to remove `{}`", stale.display()))?;
            }
        }
        let tree = work.join("tree");
        create(&tree)?;
        for package in self.download(&work)? {
            run(Command::new("dpkg-deb")
                .arg("--extract")
                .arg(&package)
                .arg(&tree))?;
        }
        check_libraries(&tree)?;
        fs::write(tree.join(".packages"), wanted)
            .with_context(|| format!("failed to write `{}`", marker.display()))?;
        fs::rename(&tree, folder)
            .with_context(|| format!("failed to rename `{}`", tree.display()))?;
        fs::remove_dir_all(&work).with_context(|| format!("failed to remove `{}`", work.display()))
    }

    /// Downloads the packages with an apt that has all of its state in `work`, and returns their files, in the folder `files` there.
    pub(crate) fn download(&self, work: &Path) -> Result<Vec<PathBuf>> {
        let files = work.join("files");
        create(&files)?;
        create(&work.join("lists/partial"))?;
        create(&work.join("archives/partial"))?;
        let mirror = std::env::var("STEVEDORE_DEV_MIRROR").unwrap_or_else(|_| MIRROR.to_owned());
        let source = format!("deb [signed-by={KEYRING}] {mirror} {} main\n", self.suite);
        fs::write(work.join("sources.list"), source).context("failed to write `sources.list`")?;
        fs::write(work.join("status"), "").context("failed to write apt's `status`")?;
        run(apt(work).arg("update"))?;
        run(apt(work)
            .arg("download")
            .args(self.names)
            .current_dir(&files))
        .with_context(|| {
            format!(
                "failed to download {} of Debian `{}`",
                self.names.join(", "),
                self.suite
            )
        })?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&files)? {
            found.push(entry?.path());
        }
        Ok(found)
    }
}

/// The `PATH` and `LD_LIBRARY_PATH` folders of an unpacked tree.
pub(crate) fn search_paths(tree: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let join = |names: &[&str]| names.iter().map(|name| tree.join(name)).collect();
    let libraries = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    (
        join(&["usr/sbin", "usr/bin"]),
        join(&[&format!("usr/{libraries}"), &libraries]),
    )
}

/// An `apt-get` that neither reads nor changes the state of the root's own.
fn apt(work: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let folder = |option: &str, path: PathBuf| format!("--option={option}={}", path.display());
    command
        .arg("--quiet")
        .arg(folder("Dir::Etc::SourceList", work.join("sources.list")))
        .arg("--option=Dir::Etc::SourceParts=/dev/null")
        .arg(folder("Dir::State", work.to_owned()))
        .arg(folder("Dir::State::lists", work.join("lists")))
        .arg(folder("Dir::State::status", work.join("status")))
        .arg(folder("Dir::Cache", work.to_owned()))
        .arg("--option=Acquire::Languages=none")
        .arg("--option=APT::Sandbox::User=root");
    command
}

/// Fails if a program in `tree` needs a library that neither the tree nor the root has.
fn check_libraries(tree: &Path) -> Result<()> {
    let (programs, libraries) = search_paths(tree);
    let libraries = std::env::join_paths(libraries).context("a library folder has a colon")?;
    for folder in programs.iter().filter(|folder| folder.exists()) {
        for entry in fs::read_dir(folder)? {
            let program = entry?.path();
            // ldd fails for what is not dynamic; only what it says about libraries counts here.
            let listed = Command::new("ldd")
                .arg(&program)
                .env("LD_LIBRARY_PATH", &libraries)
                .output()
                .context("failed to run `ldd`")?;
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            if let Some(missing) = listed.lines().find(|line| line.contains("not found")) {
                bail!(
                    "`{}` needs a library that is not there: `{}`: add its package to the engine's row",
                    program.display(),
                    missing.trim()
                );
            }
        }
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create `{}`", folder.display()))
}
