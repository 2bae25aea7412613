//! `e2e/hello` against a real engine: loaded, loaded again, run, asked, changed.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};

use super::patience::wait_for;
use super::report::Report;
use crate::bazel::Bazel;
use crate::command::output;
use crate::delivery_report::DeliveryReport;
use crate::edited_file::EditedFile;
use crate::engine::{free_port, Running};
use crate::file_tree::FileTree;
use crate::proxy::{Proxy, Request, Traffic};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// The layers above the base, the bottom one first.
const UPPER_LAYERS: [&str; 3] = ["//:data_layer", "//:server_layer", "//:site_layer"];

/// What may come on top of a layer's tar in an upload: heads, framing, config, manifest.
const ALLOWANCE: u64 = 64 * 1024;

/// How long the server may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The example, an engine, and the counting proxy between them.
pub(crate) struct Hello<'a> {
    bazel: &'a Bazel<'a>,
    engine: Running,
    proxy: Proxy,
    scratch: Scratch,
}

impl<'a> Hello<'a> {
    /// Starts `engine` with an empty store.
    pub(crate) fn start(workspace: &Workspace, bazel: &'a Bazel<'a>, engine: &str) -> Result<Self> {
        let engine = Running::start(workspace, engine, "e2e")?;
        let scratch = Scratch::new()?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &engine.socket())?;
        Ok(Self {
            bazel,
            engine,
            proxy,
            scratch,
        })
    }

    /// Every case, in an order in which each finds what it needs.
    pub(crate) fn cases(&self, report: &mut Report) {
        let mut report = report.of_engine(self.engine.name());
        report.case("a first load sends every layer once", || self.first_load());
        report.case("an unchanged image sends nothing", || self.unchanged());
        report.case("a further tag sends nothing", || self.further_tag());
        report.case("the server answers", || {
            self.answers("Hello from a container.")
        });
        report.case("the base comes out as it went in", || self.base_is_kept());
        report.case("a changed file costs one layer", || self.changed_file());
    }

    fn first_load(&self) -> Result<()> {
        let (traffic, report) = self.load(&[])?;
        ensure!(
            report.outcome == "loaded",
            "the outcome is `{}`",
            report.outcome
        );
        ensure!(
            (report.layers.total, report.layers.sent) == (4, 4),
            "{:?}, expected 4 layers, all sent",
            report.layers
        );
        let uploads: Vec<_> = traffic.uploads().map(Request::body).collect();
        let largest = uploads.iter().max().copied().unwrap_or_default();
        let rest = uploads.iter().sum::<u64>() - largest;
        ensure!(
            rest <= ALLOWANCE,
            "uploads of {uploads:?} bytes, expected one with everything"
        );
        let id = self
            .engine
            .docker(["image", "inspect", "--format={{.Id}}", "hello:latest"])?;
        ensure!(
            Some(id.trim()) == report.image_id.as_deref(),
            "the image is `{}`, predicted was `{:?}`",
            id.trim(),
            report.image_id
        );
        Ok(())
    }

    fn unchanged(&self) -> Result<()> {
        let (traffic, report) = self.load(&[])?;
        ensure!(
            report.outcome == "unchanged",
            "the outcome is `{}`",
            report.outcome
        );
        ensure!(
            (report.layers.present, report.layers.sent) == (4, 0),
            "{:?}, expected 4 present and none sent",
            report.layers
        );
        ensure!(
            traffic.uploads().count() == 0,
            "it uploaded: {:?}",
            traffic.requests
        );
        ensure!(
            traffic.sent <= 1024,
            "it sent {} bytes, expected at most 1024",
            traffic.sent
        );
        ensure!(
            traffic.beyond_detection() == 1 && traffic.requests.len() <= 3,
            "expected one request and at most two to detect the engine: {:?}",
            traffic.requests
        );
        Ok(())
    }

    fn further_tag(&self) -> Result<()> {
        let (traffic, _) = self.load(&["--tag=hello:extra"])?;
        ensure!(
            traffic.uploads().count() == 0,
            "it uploaded: {:?}",
            traffic.requests
        );
        let ids = self.engine.docker([
            "image",
            "inspect",
            "--format={{.Id}}",
            "hello:latest",
            "hello:extra",
        ])?;
        let ids: Vec<_> = ids.lines().collect();
        ensure!(
            ids.len() == 2 && ids[0] == ids[1],
            "the tags point at {ids:?}"
        );
        Ok(())
    }

    fn changed_file(&self) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let text = format!("<p>Changed at {now}.</p>\n");
        let page = self.bazel.folder().join("site/index.html");
        let _edited = EditedFile::append(&page, &text)?;
        let spawns = self.bazel.spawns(&["//:load"])?;
        let mut actions: Vec<_> = spawns
            .iter()
            .map(|spawn| format!("{} {}", spawn.mnemonic, spawn.target_label))
            .collect();
        actions.sort();
        ensure!(
            actions
                == [
                    "ImageConfig //:image",
                    "LayerDescribe //:site_layer",
                    "LayerTar //:site_layer",
                    "LoadFacts //:load"
                ],
            "the build ran {actions:?}"
        );
        let (traffic, report) = self.load(&[])?;
        ensure!(
            (report.layers.present, report.layers.sent) == (3, 1),
            "{:?}, expected 3 present and 1 sent",
            report.layers
        );
        let layer = self.bazel.file("//:site_layer", "tar")?.metadata()?.len();
        ensure!(
            traffic.sent <= layer + ALLOWANCE,
            "it sent {} bytes for a layer of {layer}",
            traffic.sent
        );
        ensure!(
            traffic.beyond_detection() <= 3,
            "expected at most three requests: {:?}",
            traffic.requests
        );
        self.answers(&text)
    }

    /// Runs the container and looks for `text` in its page.
    fn answers(&self, text: &str) -> Result<()> {
        let port = free_port()?;
        let listen = format!("--env=HELLO_LISTEN=127.0.0.1:{port}");
        let container =
            self.engine
                .docker(["run", "--detach", "--network=host", &listen, "hello:latest"])?;
        let page = get(port).with_context(|| self.logs(container.trim()));
        self.engine.docker(["rm", "--force", container.trim()])?;
        let page = page?;
        ensure!(page.contains(text), "the page lacks `{text}`:\n{page}");
        Ok(())
    }

    fn logs(&self, container: &str) -> String {
        match self.engine.docker(["logs", container]) {
            Ok(text) => format!("the server said: {text}"),
            Err(error) => format!("the server's log cannot be read: {error}"),
        }
    }

    fn base_is_kept(&self) -> Result<()> {
        let base = read_tree(&self.bazel.file("@debian//:rootfs.tar", "default")?)?;
        ensure!(base.len() > 5000, "the base has only {} paths", base.len());
        let mut upper = Vec::new();
        for layer in UPPER_LAYERS {
            upper.push(read_tree(&self.bazel.file(layer, "tar")?)?);
        }
        let container = self.engine.docker(["create", "hello:latest"])?;
        let exported = self.export(container.trim());
        self.engine.docker(["rm", container.trim()])?;
        let differences = base.differences(&exported?, &upper);
        ensure!(
            differences.is_empty(),
            "{} differences:\n{}",
            differences.len(),
            differences[..differences.len().min(20)].join("\n")
        );
        Ok(())
    }

    fn export(&self, container: &str) -> Result<FileTree> {
        let mut child = self
            .engine
            .docker_command()
            .args(["export", container])
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to run `docker export`")?;
        let tar = child
            .stdout
            .take()
            .context("`docker export` has no output")?;
        let tree = FileTree::read(tar);
        let status = child.wait().context("failed to wait for `docker export`")?;
        ensure!(status.success(), "`docker export` failed ({status})");
        tree
    }

    /// `bazel run //:load`, and what came through the proxy meanwhile.
    fn load(&self, arguments: &[&str]) -> Result<(Traffic, DeliveryReport)> {
        let file = self.scratch.file("report.json");
        let flag = format!("--report={}", file.display());
        self.proxy.take()?;
        let mut command = self
            .bazel
            .run("//:load", &[&[flag.as_str()], arguments].concat());
        output(command.env("DOCKER_HOST", self.proxy.address()))?;
        let (traffic, report) = (self.proxy.take()?, DeliveryReport::read(&file)?);
        ensure!(
            report.requests == traffic.requests.len() as u64,
            "the report tells {} requests, there were {:?}",
            report.requests,
            traffic.requests
        );
        ensure!(
            report.bytes_sent <= traffic.sent && traffic.sent <= report.bytes_sent + ALLOWANCE,
            "the report tells {} bytes, there were {}",
            report.bytes_sent,
            traffic.sent
        );
        Ok((traffic, report))
    }
}

fn read_tree(tar: &PathBuf) -> Result<FileTree> {
    let file = File::open(tar).with_context(|| format!("failed to open `{}`", tar.display()))?;
    FileTree::read(std::io::BufReader::new(file))
}

/// Asks for `/` until the server is there.
fn get(port: u16) -> Result<String> {
    let mut stream = wait_for(PATIENCE, || {
        TcpStream::connect(("127.0.0.1", port)).context("the server cannot be reached")
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("failed to read the server's answer")?;
    Ok(answer)
}
