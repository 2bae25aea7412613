//! podman's API service.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::content;
use super::daemon::Daemon;
use super::docker::{api_version, docker_client};
use super::place::Place;
use crate::command::run;

/// `podman system service`, as root.
#[derive(Debug)]
pub(crate) struct Podman;

impl Daemon for Podman {
    fn socket(&self, place: &Place) -> PathBuf {
        place.file("podman.sock")
    }

    fn configure(&self, place: &Place) -> Result<()> {
        configure(place)
    }

    fn command(&self, place: &Place, prefix: &[&str]) -> Result<Command> {
        let mut command = place.prefixed(prefix, "podman");
        command
            .args(["system", "service", "--time=0"])
            .arg(self.address(&self.socket(place)))
            .envs(own_variables(place))
            // Where it puts an upload before it reads it.
            .env("TMPDIR", place.create_folder("data/tmp")?);
        Ok(command)
    }

    fn version(&self, place: &Place) -> Result<String> {
        api_version(&self.socket(place))
    }

    fn client(&self, place: &Place, address: &str) -> Command {
        docker_client(place, address)
    }

    fn content(&self, place: &Place) -> Result<Vec<String>> {
        stored(place)
    }

    fn variables(&self, place: &Place, address: &str) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![("DOCKER_HOST", address.into())];
        variables.extend(own_variables(place));
        variables.extend(place.search_variables());
        variables
    }

    fn end_containers(&self, place: &Place) -> Result<()> {
        // No store, no container; and podman would make the store.
        if !place.data().join("overlay-containers").exists() {
            return Ok(());
        }
        let mut podman = place.command("podman");
        podman.envs(own_variables(place));
        run(podman.args(["rm", "--all", "--force", "--time=0"]))
    }
}

/// The variables with which a `podman` without a daemon works on this place's store.
pub(crate) fn own_variables(place: &Place) -> Vec<(&'static str, OsString)> {
    vec![
        ("CONTAINERS_CONF", place.file("containers.conf").into()),
        ("CONTAINERS_STORAGE_CONF", place.file("storage.conf").into()),
        // It advises against control groups of version 1 in every command's output.
        ("PODMAN_IGNORE_CGROUPSV1_WARNING", "1".into()),
    ]
}

/// Writes the two files that say where all of podman's state is.
pub(crate) fn configure(place: &Place) -> Result<()> {
    let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
    let storage = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = {}\nrunroot = {}\n",
        quoted(place.data()),
        quoted(place.exec()),
    );
    place.write("storage.conf", &storage)?;
    // crun is the default, and refuses machines that have control groups of both versions. Locks in shared memory, the
    // other default, would be those of every podman on the machine.
    let mut engine = format!(
        "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nlock_type = \"file\"\n\
         runtime = \"runc\"\ntmp_dir = {}\nstatic_dir = {}\nvolume_path = {}\n",
        quoted(place.exec().join("libpod")),
        quoted(place.data().join("libpod")),
        quoted(place.data().join("volumes")),
    );
    let (conmon, runc) = (place.program("conmon"), place.program("runc"));
    if conmon.is_absolute() && runc.is_absolute() {
        engine += &format!(
            "conmon_path = [{}]\n[engine.runtimes]\nrunc = [{}]\n",
            quoted(conmon),
            quoted(runc)
        );
    }
    // podman 4 asks for more files and processes than root of some machines may have, and it confuses the two figures.
    let rest = format!(
        "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n[network]\nnetwork_config_dir = {}\n",
        quoted(place.data().join("networks"))
    );
    place.write("containers.conf", &(rest + &engine)).map(drop)
}

/// Images, layers, and files of uploads, as they lie in the store: podman itself does not list layers without an image.
pub(crate) fn stored(place: &Place) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in [
        "overlay-images",
        "overlay-layers",
        "overlay",
        "overlay/tempdirs",
        "tmp",
    ] {
        found.extend(content::entries(&place.data().join(folder))?);
    }
    let own = |path: &String| {
        [
            "images.json",
            "images.lock",
            "layers.json",
            "layers.lock",
            "volatile-layers.json",
        ]
        .iter()
        .chain(&["overlay/l", "overlay/tempdirs", "overlay-layers/tmp"])
        .any(|name| path.ends_with(name))
    };
    found.retain(|path| !own(path));
    Ok(found)
}
