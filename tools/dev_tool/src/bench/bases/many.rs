//! Many images on one base: what Bazel takes to analyse and to build them, and what is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};

use crate::bazel::{Bazel, BuildMetrics};
use crate::bench::subject::{module, write_file};
use crate::bench::table::{Goal, Table};
use crate::workspace::Workspace;

/// How many images; the last are twice as many as those before.
const CROWDS: [usize; 3] = [250, 500, 1000];

/// Layers of each.
const LAYERS: usize = 5;

/// What an image may write beyond its layers, in bytes.
const PER_IMAGE: f64 = 20_000.0;

/// How much more twice as many may cost, with a tenth for what a measurement is worth.
const LINEAR: Goal = Goal::AtMost(2.2);

const BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_layer")

[
    oci_layer(
        name = "layer_{}_{}".format(image, layer),
        srcs = {"/srv/{}.txt".format(layer): "files/{}_{}.txt".format(image, layer)},
    )
    for image in range(IMAGES)
    for layer in range(LAYERS)
]

[
    oci_image(
        name = "image_{}".format(image),
        base = "//:base",
        layers = [":layer_{}_{}".format(image, layer) for layer in range(LAYERS)],
    )
    for image in range(IMAGES)
]

filegroup(
    name = "images",
    srcs = [":image_{}".format(image) for image in range(IMAGES)],
)
"#;

const ROOT_BUILD: &str = r#""""Written by dev/bench."""

load("@rules_stevedore//oci:defs.bzl", "oci_image", "oci_layer")

package(default_visibility = ["//:__subpackages__"])

oci_layer(
    name = "base_layer",
    srcs = {"/etc/base.txt": "MODULE.bazel"},
)

oci_image(
    name = "base",
    layers = [":base_layer"],
)
"#;

/// What building one crowd took.
struct Built {
    images: usize,
    metrics: BuildMetrics,
    heap: f64,
    described: f64,
    written: f64,
}

pub(super) fn measure(workspace: &Workspace, table: &mut Table) -> Result<()> {
    let folder = write(workspace)?;
    let bazel = Bazel::new(workspace, &folder)?;
    // The tools.
    bazel.build(&["//:base"])?;
    let mut built = Vec::new();
    for images in CROWDS {
        eprintln!("measuring: {images} images");
        built.push(build(&bazel, images)?);
    }
    for crowd in &built {
        crowd.tell(table);
    }
    if let [.., some, many] = &built[..] {
        many.tell_against(some, table);
    }
    Ok(())
}

fn write(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache_folder("bench/many")?;
    write_file(&folder.join("MODULE.bazel"), &module(workspace))?;
    write_file(&folder.join("BUILD.bazel"), ROOT_BUILD)?;
    // What an earlier run has built is not to be built from.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    for images in CROWDS {
        let package = folder.join(format!("crowd_{images}"));
        let files = package.join("files");
        fs::create_dir_all(&files)
            .with_context(|| format!("failed to create `{}`", files.display()))?;
        for image in 0..images {
            for layer in 0..LAYERS {
                let text = format!("layer {layer} of image {image} of {images}, {now}\n");
                write_file(&files.join(format!("{image}_{layer}.txt")), &text)?;
            }
        }
        let build = BUILD
            .replace("IMAGES", &images.to_string())
            .replace("LAYERS", &LAYERS.to_string());
        write_file(&package.join("BUILD.bazel"), &build)?;
    }
    Ok(folder)
}

fn build(bazel: &Bazel<'_>, images: usize) -> Result<Built> {
    bazel.shutdown()?;
    let target = format!("//crowd_{images}:images");
    let metrics = bazel.metrics(&["--disk_cache=", &target])?;
    let described = metrics.executed("LayerDescribe");
    ensure!(
        metrics.executed("ImageConfig") == images as f64,
        "{} images were built, expected {images}",
        metrics.executed("ImageConfig")
    );
    Ok(Built {
        images,
        heap: bazel.heap()?,
        described,
        written: written(&bazel.folder().join(format!("bazel-bin/crowd_{images}")))?,
        metrics,
    })
}

/// Bytes of the files of images, not of layers.
fn written(folder: &Path) -> Result<f64> {
    let failed = || format!("failed to list `{}`", folder.display());
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if entry.file_name().to_string_lossy().starts_with("image_") {
            bytes += entry.metadata().with_context(failed)?.len();
        }
    }
    Ok(bytes as f64)
}

impl Built {
    fn tell(&self, table: &mut Table) {
        let Self { images, .. } = self;
        let title = format!("{images} images of {LAYERS} layers");
        table.figure(&format!("{title}: analysis"), self.metrics.analysis, "s");
        table.figure(&format!("{title}: execution"), self.metrics.execution, "s");
        table.figure(&format!("{title}: Bazel's heap"), self.heap, "MB");
        table.goal(
            &format!("{title}: runs that digest a layer, for each layer"),
            Goal::AtMost(1.0),
            self.described / (images * LAYERS) as f64,
            "times",
        );
        table.goal(
            &format!("{title}: bytes written an image beyond its layers"),
            Goal::AtMost(PER_IMAGE),
            self.written / *images as f64,
            "bytes",
        );
    }

    /// Tells how the cost has grown.
    fn tell_against(&self, fewer: &Self, table: &mut Table) {
        for (what, cost, cost_of_fewer) in [
            ("analysis", self.metrics.analysis, fewer.metrics.analysis),
            ("execution", self.metrics.execution, fewer.metrics.execution),
            ("Bazel's heap", self.heap, fewer.heap),
        ] {
            let images = (self.images, fewer.images);
            table.goal(
                &format!("{what}: {} images against {}", images.0, images.1),
                LINEAR,
                cost / cost_of_fewer,
                "times",
            );
        }
    }
}
