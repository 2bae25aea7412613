//! `dev/demo`: the example, loaded, changed and loaded again, beside `docker load`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::bazel::Bazel;
use crate::clock::time;
use crate::edited_file::EditedFile;
use crate::engine::Running;
use crate::proxy::{Proxy, Traffic};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// What one load cost.
struct Load {
    what: &'static str,
    time: Duration,
    traffic: Traffic,
}

/// The engine, and the proxy through which everything talks to it.
struct Stage {
    engine: Running,
    proxy: Proxy,
    _scratch: Scratch,
}

/// Sets everything up, loads, changes a file, loads, and prints a table. Nothing is left running, and the example is as it was.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    println!("building e2e/hello (the first time takes minutes: the tools are built from source)");
    let bazel = Bazel::new(workspace, &workspace.root().join("e2e/hello"))?;
    let load = bazel.executable("//:load")?;
    println!("starting Docker");
    let stage = Stage::set(workspace)?;
    let mut loads = vec![
        stage.load("first load", &load)?,
        stage.load("unchanged", &load)?,
    ];
    println!("changing site/index.html");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let page = bazel.folder().join("site/index.html");
    let edited = EditedFile::append(&page, &format!("<p>Changed at {now}.</p>\n"))?;
    bazel.build(&["//:load"])?;
    loads.push(stage.load("one layer changed", &load)?);
    drop(edited);
    // The outputs are those of the example as it stands in the repository.
    bazel.build(&["//:load"])?;
    let archive = bazel.file("//:load", "docker_archive")?;
    stage.remove_images()?;
    loads.push(stage.docker_load("docker load, first", &archive)?);
    loads.push(stage.docker_load("docker load, unchanged", &archive)?);
    print(&loads);
    Ok(())
}

impl Stage {
    fn set(workspace: &Workspace) -> Result<Self> {
        let engine = Running::start(workspace, "docker-28", "demo")?;
        let scratch = Scratch::new()?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
        Ok(Self {
            engine,
            proxy,
            _scratch: scratch,
        })
    }

    /// Runs what `bazel run //:load` would run.
    fn load(&self, what: &'static str, program: &Path) -> Result<Load> {
        self.watch(
            what,
            Command::new(program).env("DOCKER_HOST", self.proxy.address()),
        )
    }

    fn docker_load(&self, what: &'static str, archive: &Path) -> Result<Load> {
        let mut command = self.engine.docker_client(&self.proxy.address());
        self.watch(what, command.args(["load", "--input"]).arg(archive))
    }

    fn remove_images(&self) -> Result<()> {
        let images = self.engine.docker(["image", "ls", "--all", "--quiet"])?;
        let distinct: BTreeSet<_> = images.lines().collect();
        for image in distinct {
            self.engine.docker(["image", "rm", "--force", image])?;
        }
        Ok(())
    }

    fn watch(&self, what: &'static str, command: &mut Command) -> Result<Load> {
        self.proxy.take()?;
        Ok(Load {
            what,
            time: time(command)?,
            traffic: self.proxy.take()?,
        })
    }
}

fn print(loads: &[Load]) {
    println!(
        "\n{:<24} {:>10} {:>9} {:>13}",
        "", "time", "requests", "bytes sent"
    );
    for Load {
        what,
        time,
        traffic,
    } in loads
    {
        println!(
            "{what:<24} {:>7.0} ms {:>9} {:>13}",
            time.as_secs_f64() * 1000.0,
            traffic.requests.len(),
            traffic.sent
        );
    }
}
