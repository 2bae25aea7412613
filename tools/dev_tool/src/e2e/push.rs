//! Images that are pushed into real registries: others can pull them, and they run.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use super::client::{client, Client};
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::delivery_report::DeliveryReport;
use crate::edited_file::EditedFile;
use crate::engine::Running;
use crate::proxy::{Disturbance, Proxy};
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Where everything has to arrive.
const REGISTRIES: [&str; 3] = ["distribution-2", "distribution-3", "crane"];

/// Who pulls.
const ENGINES: [&str; 3] = ["docker-28", "podman-5", "containerd"];

/// Targets of `e2e/cases`, and what a container of each says.
const IMAGES: [(&str, &str); 5] = [
    ("plain", "a plain image"),
    ("on_base", "an image on a base"),
    ("on_layout", "an image on a base"),
    ("index", "an image on a base"),
    ("index_split", "an image on a base"),
];

/// The images of the bundle.
const BUNDLE: [(&str, &str); 3] = [
    ("bundle/plain", "a plain image"),
    ("bundle/on-base", "an image on a base"),
    ("bundle/index", "an image on a base"),
];

/// What a push may send beside layers.
const ALLOWANCE: u64 = 16 * 1024;

/// A registry, and those who pull from it.
struct Stand<'a> {
    bazel: &'a Bazel<'a>,
    registry: Registry,
    engines: &'a [(Running, &'static dyn Client)],
    scratch: Scratch,
}

/// Pushes each image into each registry, lets others look at it, pull it and run it.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace, bazel: &Bazel<'_>) {
    let mut engines = Vec::new();
    for name in ENGINES {
        report.case(format!("{name} starts, to pull what is pushed"), || {
            engines.push((Running::start(workspace, name, "e2e")?, client(name)));
            Ok(())
        });
    }
    for name in REGISTRIES {
        let started = Registry::start(workspace, name).and_then(|registry| {
            Ok(Stand {
                bazel,
                registry,
                engines: &engines,
                scratch: Scratch::new()?,
            })
        });
        let stand = match started {
            Ok(stand) => stand,
            Err(error) => {
                report.case(name, || Err(error));
                continue;
            }
        };
        for (target, says) in IMAGES {
            let case = format!("{name}: {target} is pushed, pulled and run");
            report.case(case, || stand.image(target, says));
        }
        report.case(
            format!("{name}: a bundle is pushed, pulled and run"),
            || stand.bundle(),
        );
    }
}

impl Stand<'_> {
    fn image(&self, target: &str, says: &str) -> Result<()> {
        let name = format!("cases/{target}");
        let flag = format!("--repository={}/{name}", self.registry.address());
        let target = format!("//pulled:push_{target}");
        let pushed = self.push(&[&target, "--", &flag])?;
        is(&pushed, "pushed")?;
        let again = self.push(&[&target, "--", &flag])?;
        is(&again, "unchanged")?;
        ensure!(again.layers.sent == 0, "{again:?} sent layers again");
        let digest = self.look(&name)?;
        ensure!(
            pushed.manifest_digest.as_ref() == Some(&digest),
            "the tag points to `{digest}`, the report tells {:?}",
            pushed.manifest_digest
        );
        self.pull(&name, says)
    }

    fn bundle(&self) -> Result<()> {
        let label = format!("--embed_label={}", self.registry.address());
        let push = [&label, "//pulled:push_bundle", "--"];
        is(&self.push(&push)?, "pushed")?;
        is(&self.push(&push)?, "unchanged")?;
        for (name, says) in BUNDLE {
            self.look(name)?;
            self.pull(name, says)?;
        }
        Ok(())
    }

    /// `bazel run` with these arguments, the target's among them.
    fn push(&self, arguments: &[&str]) -> Result<DeliveryReport> {
        let file = self.scratch.file("report.json");
        output(
            self.bazel
                .command("run", arguments)
                .env("STEVEDORE_REPORT", &file),
        )?;
        DeliveryReport::read(&file)
    }

    fn name(&self, repository: &str) -> String {
        format!("{}/{repository}:latest", self.registry.address())
    }

    /// Lets skopeo and crane look at an image, all of it; returns its manifest's digest.
    fn look(&self, repository: &str) -> Result<String> {
        let name = self.name(repository);
        let mut skopeo = Command::new("skopeo");
        skopeo
            .args(["inspect", "--tls-verify=false", "--format={{.Digest}}"])
            .arg(format!("docker://{name}"));
        let digest = output(&mut skopeo)?;
        output(Command::new("crane").args(["validate", "--insecure", "--remote", &name]))?;
        Ok(digest.trim().to_owned())
    }

    /// Lets every engine pull an image and run it.
    fn pull(&self, repository: &str, says: &str) -> Result<()> {
        let name = self.name(repository);
        for (engine, client) in self.engines {
            let failed = || format!("{} cannot use `{name}`", engine.name());
            client.pull(engine, &name).with_context(failed)?;
            let said = client.run(engine, &name, &[]).with_context(failed)?;
            // So that the next pull is one.
            client.prune(engine)?;
            ensure!(
                said.trim() == says,
                "in {}, `{name}` says `{said}`, expected `{says}`",
                engine.name()
            );
        }
        Ok(())
    }
}

fn is(report: &DeliveryReport, outcome: &str) -> Result<()> {
    ensure!(
        report.outcome == outcome,
        "the outcome is `{}`, expected `{outcome}`",
        report.outcome
    );
    Ok(())
}

/// `e2e/hello` as its reader uses it: pushed, pushed again, changed, and pushed without its layers.
pub(crate) fn first_user(report: &mut Report, workspace: &Workspace, hello: &Bazel<'_>) {
    report.case("e2e/hello: pushed, and pushed again, costs little", || {
        let registry = Registry::start(workspace, "distribution-2")?;
        let user = User::new(hello, &registry)?;
        user.first()?;
        user.unchanged()?;
        user.changed()?;
        user.without_layers()
    });
}

/// Somebody who pushes the example, watched by a counting proxy.
struct User<'a> {
    hello: &'a Bazel<'a>,
    proxy: Proxy,
    scratch: Scratch,
}

impl<'a> User<'a> {
    fn new(hello: &'a Bazel<'a>, registry: &Registry) -> Result<Self> {
        Ok(Self {
            hello,
            proxy: Proxy::before(&registry.address(), Disturbance::None)?,
            scratch: Scratch::new()?,
        })
    }

    fn flags(&self) -> [String; 2] {
        [
            format!("--repository={}/team/hello", self.proxy.address()),
            format!("--report={}", self.scratch.file("report.json").display()),
        ]
    }

    /// Runs the push; returns its report and the bytes that the registry was sent.
    fn push(&self, command: &mut Command) -> Result<(DeliveryReport, u64)> {
        self.proxy.take()?;
        output(command)?;
        let traffic = self.proxy.take()?;
        let report = DeliveryReport::read(&self.scratch.file("report.json"))?;
        ensure!(
            report.requests == traffic.requests.len() as u64,
            "the report tells {} requests, there were {:?}",
            report.requests,
            traffic.requests
        );
        ensure!(
            report.bytes_sent == traffic.sent,
            "the report tells {} bytes, there were {}",
            report.bytes_sent,
            traffic.sent
        );
        Ok((report, traffic.sent))
    }

    fn bazel_run(&self) -> Result<(DeliveryReport, u64)> {
        let [repository, report] = self.flags();
        self.push(&mut self.hello.run("//:push", &[&repository, &report]))
    }

    fn first(&self) -> Result<()> {
        let (report, _) = self.bazel_run()?;
        is(&report, "pushed")?;
        ensure!(
            (report.layers.total, report.layers.sent) == (4, 4),
            "{:?}, expected 4 layers, all sent",
            report.layers
        );
        for tag in ["latest", "unstamped"] {
            let name = format!("docker://{}/team/hello:{tag}", self.proxy.address());
            output(Command::new("skopeo").args(["inspect", "--tls-verify=false", &name]))?;
        }
        Ok(())
    }

    fn unchanged(&self) -> Result<()> {
        let (report, _) = self.bazel_run()?;
        nothing_was_sent(&report)
    }

    fn changed(&self) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let page = self.hello.folder().join("site/index.html");
        let edited = EditedFile::append(&page, &format!("<p>Changed at {now}.</p>\n"))?;
        let (report, sent) = self.bazel_run()?;
        is(&report, "pushed")?;
        ensure!(
            (report.layers.present, report.layers.sent) == (3, 1),
            "{:?}, expected 3 present and 1 sent",
            report.layers
        );
        let layer = self.hello.file("//:site_layer", "blob")?.metadata()?.len();
        ensure!(
            sent <= layer + ALLOWANCE,
            "it sent {sent} bytes for a layer of {layer}"
        );
        drop(edited);
        // The tags go back to the first image, which is all there.
        let (report, _) = self.bazel_run()?;
        ensure!(
            report.layers.sent == 0,
            "{:?}, expected none sent",
            report.layers
        );
        Ok(())
    }

    /// What is there needs no layer, and so nobody to have built one.
    fn without_layers(&self) -> Result<()> {
        let program = self.hello.executable("//:push")?;
        let removed = remove_layers(&program)?;
        ensure!(removed == 4, "{removed} layers were removed, expected 4");
        let pushed = self.push(Command::new(&program).args(self.flags()));
        // Bazel makes them again.
        self.hello.build(&["//:push"])?;
        nothing_was_sent(&pushed?.0)
    }
}

fn nothing_was_sent(report: &DeliveryReport) -> Result<()> {
    is(report, "unchanged")?;
    ensure!(
        (report.layers.present, report.layers.sent) == (4, 0),
        "{:?}, expected 4 present and none sent",
        report.layers
    );
    // Two tags, and the question whether the registry wants to know who asks.
    ensure!(
        report.requests <= 3,
        "it took {} requests, expected at most 3",
        report.requests
    );
    Ok(())
}

/// Removes the files of a push's layers from Bazel's outputs; returns how many there were.
fn remove_layers(program: &Path) -> Result<usize> {
    let beside = |ending: &str| {
        let mut name = program.as_os_str().to_owned();
        name.push(ending);
        std::path::PathBuf::from(name)
    };
    let text = fs::read(beside(".delivery.json")).context("the push has no delivery file")?;
    let spec: Value = serde_json::from_slice(&text).context("the delivery file is no JSON")?;
    let blobs = &spec["images"][0]["content"]["image"]["blobs"];
    let blobs: Vec<String> =
        serde_json::from_value(blobs.clone()).context("the delivery file has no blobs")?;
    for blob in &blobs {
        let file = fs::canonicalize(beside(".runfiles").join(blob))
            .with_context(|| format!("`{blob}` is not there"))?;
        fs::remove_file(&file).with_context(|| format!("failed to remove `{}`", file.display()))?;
    }
    Ok(blobs.len())
}
