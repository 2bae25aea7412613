//! One engine with all that a case of the matrix needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};
use stevedore_testing::{
    layer_tar, program_layer, Finished, ImageDraft, ImageFiles, LayerFile, Program,
};

use crate::delivery_report::DeliveryReport;
use crate::e2e::client::{client, Client};
use crate::engine::Running;
use crate::proxy::{Proxy, Traffic};
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// Bytes of the layer that images share: enough to be interrupted in.
const BASE: usize = 24_000_000;

/// Bytes of the layer that they do not.
const TOP: usize = 1_000_000;

/// Bytes of a layer that fills a small disk.
const LARGE: usize = 80_000_000;

/// What an upload may have beyond the layers: heads, framing, tar headers, config, manifest.
pub(crate) const ALLOWANCE: u64 = 64 * 1024;

/// The program in an image's lowest layer.
pub(crate) const PROGRAM: &str = "/bin/busybox";

/// An engine, a counting proxy before it, and images to load.
pub(crate) struct Stand<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) engine: Running,
    pub(crate) client: &'static dyn Client,
    pub(crate) scratch: Scratch,
    program: PathBuf,
    proxy: Proxy,
    busybox: Vec<u8>,
}

/// An image that a case loads.
pub(crate) struct Image {
    /// Its files.
    pub(crate) files: ImageFiles,
    /// Its name, in full.
    pub(crate) name: String,
    /// Bytes of its top layer.
    pub(crate) top: u64,
    /// Bytes of all layers.
    pub(crate) size: u64,
}

impl Image {
    fn new(name: &str, files: ImageFiles, layers: &[LayerFile]) -> Self {
        let sizes: Vec<_> = layers
            .iter()
            .map(|layer| match layer {
                LayerFile::Tar(tar) | LayerFile::Blob(tar, _) | LayerFile::Pulled(tar, _) => {
                    tar.len() as u64
                }
            })
            .collect();
        Self {
            files,
            name: format!("docker.io/library/{name}:dev"),
            top: sizes.last().copied().unwrap_or_default(),
            size: sizes.iter().sum(),
        }
    }
}

impl<'a> Stand<'a> {
    /// Starts the engine, with an empty store. `program` is the deliver tool.
    pub(crate) fn start(workspace: &'a Workspace, engine: &str, program: &Path) -> Result<Self> {
        let running = Running::start(workspace, engine, "e2e")?;
        let scratch = Scratch::new()?;
        let proxy = Proxy::start(&scratch.file("proxy.sock"), &running.socket())?;
        Ok(Self {
            workspace,
            engine: running,
            client: client(engine),
            scratch,
            program: program.to_owned(),
            proxy,
            busybox: program_layer(&[PROGRAM]).context("failed to make a layer of `busybox`")?,
        })
    }

    /// The same kind of engine, with a disk that is soon full.
    pub(crate) fn small(&self) -> Result<Self> {
        let name = format!("{}@tmpfs:64m", self.engine.name());
        Self::start(self.workspace, &name, &self.program)
    }

    /// An image of three layers: busybox, one that many images share if `base` is the same, and a top one.
    pub(crate) fn image(&self, name: &str, base: &str, top: &str) -> Result<Image> {
        self.image_with(name, base, top, "MATRIX=1")
    }

    /// [`Stand::image`] with a variable in the config.
    pub(crate) fn image_with(
        &self,
        name: &str,
        base: &str,
        top: &str,
        variable: &str,
    ) -> Result<Image> {
        self.image_of(name, &[(base, BASE), (top, TOP)], variable)
    }

    /// An image that is larger than the disk of [`Stand::small`].
    pub(crate) fn large_image(&self, name: &str) -> Result<Image> {
        self.image_of(name, &[(name, LARGE)], "MATRIX=1")
    }

    /// An image that fits on it, also where an engine has it in three places for a while.
    pub(crate) fn small_image(&self, name: &str) -> Result<Image> {
        self.image_of(name, &[(name, TOP)], "MATRIX=1")
    }

    /// An image of busybox and layers with these names and sizes.
    fn image_of(&self, name: &str, upper: &[(&str, usize)], variable: &str) -> Result<Image> {
        let names: Vec<_> = upper.iter().map(|(name, _)| *name).collect();
        let folder = format!("{name}-{}-{}", names.join("-"), variable.replace('=', "-"));
        let folder = self.scratch.file(&folder);
        create(&folder)?;
        let layers = self.layers(upper)?;
        let files = ImageFiles::write(&folder, &layers, variable, &[&format!("{name}:dev")])
            .context("failed to write an image")?;
        Ok(Image::new(name, files, &layers))
    }

    /// Two images that one call loads; all but their top layers is the same.
    pub(crate) fn pair(&self, names: [&str; 2]) -> Result<[Image; 2]> {
        let folder = self.scratch.file(&names.join("-"));
        create(&folder)?;
        let [one, other] = names;
        let base = format!("{one}-base");
        let layers = [
            self.layers(&[(&base, BASE), (one, TOP)])?,
            self.layers(&[(&base, BASE), (other, TOP)])?,
        ];
        let tags = names.map(|name| [format!("{name}:dev")]);
        let tags = [[tags[0][0].as_str()], [tags[1][0].as_str()]];
        let draft = |index: usize| ImageDraft {
            name: names[index],
            layers: &layers[index],
            environment: "MATRIX=1",
            names: &tags[index],
        };
        let written = ImageFiles::write_all(&folder, &[draft(0), draft(1)])
            .context("failed to write two images")?;
        let [first, second]: [ImageFiles; 2] = written
            .try_into()
            .map_err(|_| anyhow::anyhow!("two images were to be written"))?;
        Ok([
            Image::new(one, first, &layers[0]),
            Image::new(other, second, &layers[1]),
        ])
    }

    /// busybox, and layers with these names and sizes.
    fn layers(&self, upper: &[(&str, usize)]) -> Result<Vec<LayerFile>> {
        let mut layers = vec![LayerFile::Tar(self.busybox.clone())];
        for (name, size) in upper {
            layers.push(LayerFile::Tar(layer_tar(name, *size)?));
        }
        Ok(layers)
    }

    /// A load of the image through the counting proxy.
    pub(crate) fn load(&self, image: &Image) -> Result<(Traffic, DeliveryReport)> {
        self.load_with(image, &[])
    }

    /// [`Stand::load`] with further arguments; it has to succeed.
    pub(crate) fn load_with(
        &self,
        image: &Image,
        arguments: &[&str],
    ) -> Result<(Traffic, DeliveryReport)> {
        self.proxy.take()?;
        let mut program = self.program(image, &self.scratch.file("proxy.sock"))?;
        program.command().args(arguments);
        let finished = program.run().context("failed to run the load")?;
        succeeded(&finished)?;
        let report = read_report(&finished)?;
        let traffic = self.proxy.take()?;
        ensure!(
            report.bytes_sent <= traffic.sent + ALLOWANCE
                && traffic.sent <= report.bytes_sent + ALLOWANCE,
            "the report tells {} bytes, there were {}",
            report.bytes_sent,
            traffic.sent
        );
        Ok((traffic, report))
    }

    /// A load of the image into the engine behind `socket`.
    pub(crate) fn program(&self, image: &Image, socket: &Path) -> Result<Program> {
        Program::load(&self.program, &image.files, &self.engine.host_at(socket))
            .context("failed to prepare the load")
    }

    /// The image is there, under its name, with its layers.
    pub(crate) fn has(&self, image: &Image) -> Result<()> {
        let expected: Vec<_> = image
            .files
            .diff_ids
            .iter()
            .map(ToString::to_string)
            .collect();
        let found = self.client.layers(&self.engine, &image.name)?;
        ensure!(
            found == expected,
            "`{}` has the layers {found:?}, expected {expected:?}",
            image.name
        );
        Ok(())
    }

    /// What the engine's store holds, for a comparison.
    pub(crate) fn content(&self) -> Result<Vec<String>> {
        let mut content = self.engine.content()?;
        content.sort();
        Ok(content)
    }
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context("failed to create a folder for an image")
}

/// The load's own report.
pub(crate) fn read_report(finished: &Finished) -> Result<DeliveryReport> {
    serde_json::from_value(finished.report.clone()).context("the report is not as documented")
}

/// The load ended well.
pub(crate) fn succeeded(finished: &Finished) -> Result<()> {
    ensure!(
        finished.code == Some(0),
        "it ended with {:?}:\n{}",
        finished.code,
        finished.stderr
    );
    Ok(())
}

/// The deliver tool, built by Cargo.
pub(crate) fn build_program(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = Command::new(workspace.root().join("dev/cargo"));
    cargo
        .args([
            "build",
            "--quiet",
            // Not of one package: its dependencies' features, and so all of them, would be others.
            "--workspace",
            "--bin=stevedore-deliver",
            "--message-format=json",
        ])
        .current_dir(workspace.root());
    let messages = crate::command::output(&mut cargo)?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "stevedore-deliver")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.context("Cargo built no `stevedore-deliver`")
}
