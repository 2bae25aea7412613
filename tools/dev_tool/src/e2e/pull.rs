//! `e2e/pull`: a base in real registries, built on, loaded, run and pushed. What is fetched is counted before the registry.

mod bad;
mod base;
mod liar;
mod refused;
mod stand;

use std::fs;
use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::report::Report;
use crate::bazel::TEST_FLAGS;
use crate::command::output;
use crate::engine::Running;
use crate::root_file_system::own_architecture;
use crate::workspace::Workspace;
use stand::Stand;

/// What a container of the image says.
const SAYS: &str = "an image on a pulled base";

/// More than the JSON of a few images.
const METADATA: u64 = 64 * 1024;

/// The ELF machine of arm64: `EM_AARCH64`.
const AARCH64: u8 = 0xb7;

/// Every case, in an order in which each finds what it needs.
pub(crate) fn cases(report: &mut Report, workspace: &Workspace) {
    let mut started = None;
    report.case(
        "e2e/pull: a base for two platforms is in registries",
        || {
            started = Some(Stand::start(workspace)?);
            Ok(())
        },
    );
    let Some(stand) = &started else {
        report.skip("e2e/pull", "there is nothing to pull");
        return;
    };
    let mut case = |name: &str, case: &dyn Fn(&Stand<'_>) -> Result<()>| {
        report.case(format!("e2e/pull: {name}"), || case(stand));
    };
    case("a build without the base asks no registry", &without_base);
    case("an image on the base is built from JSON alone", &json_alone);
    case("a push into the base's registry fetches no layer", &pushed);
    case("a load fetches each layer once, and runs", &|stand| {
        loaded(stand, workspace, "docker-28", true)
    });
    case("another engine gets what was fetched before", &|stand| {
        loaded(stand, workspace, "podman-5", false)
    });
    case("a pulled image is loaded as it is", &|stand| {
        loaded_as_it_is(stand, workspace)
    });
    case("the target platform chooses the image", &chosen);
    case(
        "the other platform's layers are fetched for a layout",
        &other_platform,
    );
    case("nothing is fetched twice", &not_twice);
    case("an index of pulled images is pushed", &index_pushed);
    case("a test fetches what its engine lacks", &|stand| {
        tested(stand, workspace)
    });
    case("a mirror has what the registry has not", &mirrored);
    case("a mirror that is down is passed over", &|stand| {
        stand.build(&["//:on_mirror_down"])
    });
    case("the repository rule pulls as the extension does", &by_rule);
    case("all is downloaded at fetch", &eager);
    case("a tag's digest is printed", &tagged);
    case("a password that is needed and not there", &without_password);
    for base in [
        "with_password",
        "with_helper",
        "with_token",
        "with_identity",
    ] {
        case(
            &format!("a registry that asks who it is: {base}"),
            &|stand| authorized(stand, base),
        );
    }
    case("any certificate will do where that is allowed", &|stand| {
        authorized(stand, "with_any_certificate")
    });
    refused::cases(report, stand);
    // The next run's workspace has another name, and would leave this one's outputs behind.
    report.case("e2e/pull: its outputs are removed", || {
        stand.bazel.expunge()
    });
}

fn without_base(stand: &Stand<'_>) -> Result<()> {
    stand.build(&["//:without_base"])?;
    let traffic = stand.proxy.take()?;
    ensure!(
        traffic.requests.is_empty(),
        "the registry was asked: {:?}",
        traffic.requests
    );
    Ok(())
}

fn json_alone(stand: &Stand<'_>) -> Result<()> {
    stand.build(&["//:image", "//:load", "//:push"])?;
    let traffic = stand.proxy.take()?;
    let blobs = stand.layers_in(&traffic);
    ensure!(blobs.is_empty(), "layers were fetched: {blobs:?}");
    ensure!(
        traffic.received <= METADATA,
        "{} bytes were fetched, expected {METADATA} at most",
        traffic.received
    );
    println!(
        "        {} requests, {} bytes, none of a layer",
        traffic.requests.len(),
        traffic.received
    );
    Ok(())
}

fn pushed(stand: &Stand<'_>) -> Result<()> {
    let repository = format!("--repository={}/team/app", stand.proxy.address());
    output(&mut stand.run(&["//:push", "--", &repository, "--tag=latest"]))?;
    let traffic = stand.proxy.take()?;
    let blobs = stand.layers_in(&traffic);
    let fetched = blobs.iter().any(|request| request.starts_with("GET"));
    ensure!(!fetched, "layers were fetched: {blobs:?}");
    ensure!(
        traffic.sent <= METADATA,
        "{} bytes were sent, expected {METADATA} at most",
        traffic.sent
    );
    let name = format!("{}/team/app:latest", stand.proxy.address());
    output(&mut base::crane(["validate", "--remote", &name]))?;
    Ok(())
}

fn loaded(stand: &Stand<'_>, workspace: &Workspace, engine: &str, fetches: bool) -> Result<()> {
    let engine = Running::start(workspace, engine, "e2e")?;
    stand.proxy.take()?;
    output(stand.run(&["//:load"]).env("DOCKER_HOST", engine.host()))?;
    let fetched = stand.layers_in(&stand.proxy.take()?);
    let expected = match fetches {
        true => stand.base.layers(own_architecture()).len(),
        false => 0,
    };
    ensure!(
        fetched.len() == expected,
        "expected {expected} layers to be fetched, found {fetched:?}"
    );
    let client = super::client::client(&engine.name().to_string());
    let said = client.run(&engine, "pull/image:latest", &[])?;
    ensure!(said.trim() == SAYS, "the container says `{said}`");
    Ok(())
}

/// Without a target for it, under the name of what was pulled.
fn loaded_as_it_is(stand: &Stand<'_>, workspace: &Workspace) -> Result<()> {
    let engine = Running::start(workspace, "docker-28", "e2e")?;
    let printed = output(
        stand
            .run(&["@debian//:load"])
            .env("DOCKER_HOST", engine.host()),
    )?;
    let expected = name_of_base(stand);
    ensure!(
        printed.trim() == expected,
        "the image is `{}`, expected `{expected}`",
        printed.trim()
    );
    engine.docker(["image", "inspect", "--format={{.Id}}", &expected])?;
    stand.proxy.take().map(drop)
}

/// What the pulled image is called in an engine.
fn name_of_base(stand: &Stand<'_>) -> String {
    let hex = stand.base.digest.trim_start_matches("sha256:");
    let registry = stand.proxy.address();
    format!("{registry}/team/debian:sha256-{}", &hex[..12])
}

/// An image on the base, and the base itself, whose layers are fetched once for both.
///
/// Into a folder of the test's own: in Bazel's sandbox nothing else can be written.
fn tested(stand: &Stand<'_>, workspace: &Workspace) -> Result<()> {
    let engine = Running::start(workspace, "docker-28", "e2e")?;
    stand.forget_blobs()?;
    for lacking in [stand.base.layers(own_architecture()).len(), 0] {
        stand.proxy.take()?;
        let flags = [&TEST_FLAGS[..], &["--test_output=all", "//:test"]].concat();
        let mut test = stand.command("test", &flags);
        let said = output(test.env("DOCKER_HOST", engine.host()))?;
        let expected = format!(
            "the images are pull/image:latest and {}",
            name_of_base(stand)
        );
        ensure!(said.contains(&expected), "`{expected}` is not in:\n{said}");
        let fetched = stand.layers_in(&stand.proxy.take()?);
        ensure!(
            fetched.len() == lacking,
            "expected {lacking} layers to be fetched, found {fetched:?}"
        );
    }
    for name in ["pull/image:latest", &name_of_base(stand)] {
        engine.docker(["image", "inspect", "--format={{.Id}}", name])?;
    }
    Ok(())
}

fn chosen(stand: &Stand<'_>) -> Result<()> {
    for architecture in ["amd64", "arm64"] {
        let platform = format!("--platforms=//:linux_{architecture}");
        stand.build(&[&platform, "//:image"])?;
        let description = stand
            .bazel
            .folder()
            .join("bazel-bin/image.description.json");
        let description = fs::read_to_string(&description)
            .with_context(|| format!("failed to read `{}`", description.display()))?;
        for layer in stand.base.layers(architecture) {
            ensure!(
                description.contains(layer),
                "the image for {architecture} is `{description}`"
            );
        }
    }
    Ok(())
}

fn other_platform(stand: &Stand<'_>) -> Result<()> {
    stand.proxy.take()?;
    let arguments = ["--output_groups=oci_layout", "//:image_arm64"];
    stand.build(&arguments)?;
    let layers = stand.base.layers("arm64");
    let fetched = stand.layers_in(&stand.proxy.take()?);
    ensure!(
        fetched.len() == layers.len(),
        "expected {} layers to be fetched, found {fetched:?}",
        layers.len()
    );
    let layout =
        output(&mut stand.command("cquery", &[&["--output=files"], &arguments[..]].concat()))?;
    let (_, hex) = layers[0]
        .split_once(':')
        .context("a digest without an algorithm")?;
    let blob = stand
        .bazel
        .execution_root()
        .join(layout.trim())
        .join("blobs/sha256")
        .join(hex);
    let scratch = crate::scratch::Scratch::new()?;
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--gzip", "--file"]).arg(&blob);
    output(
        unpack
            .arg("--directory")
            .arg(scratch.path())
            .arg("./usr/bin/dash"),
    )?;
    let program = fs::read(scratch.file("usr/bin/dash")).context("the layer has no dash")?;
    ensure!(
        program.get(18) == Some(&AARCH64),
        "the program is for the machine {:?}",
        program.get(18)
    );
    Ok(())
}

fn not_twice(stand: &Stand<'_>) -> Result<()> {
    output(&mut stand.command("clean", &[]))?;
    stand.build(&["--output_groups=oci_layout", "//:image", "//:image_arm64"])?;
    let fetched = stand.layers_in(&stand.proxy.take()?);
    ensure!(fetched.is_empty(), "layers were fetched again: {fetched:?}");
    Ok(())
}

/// An index of the base's images, and one of the base for their platforms: the same.
fn index_pushed(stand: &Stand<'_>) -> Result<()> {
    let mut digests = Vec::new();
    for index in ["index", "split"] {
        let name = format!("{}/team/{index}", stand.proxy.address());
        let repository = format!("--repository={name}");
        output(&mut stand.run(&[&format!("//:push_{index}"), "--", &repository]))?;
        let name = format!("{name}:latest");
        output(&mut base::crane(["validate", "--remote", &name]))?;
        digests.push(output(&mut base::crane(["digest", &name]))?);
    }
    stand.proxy.take()?;
    ensure!(
        digests[0] == digests[1],
        "the index of the images is `{}`, that by platform `{}`",
        digests[0].trim(),
        digests[1].trim()
    );
    Ok(())
}

fn mirrored(stand: &Stand<'_>) -> Result<()> {
    stand.forget_blobs()?;
    stand.build(&["--output_groups=docker_archive", "//:on_mirrored"])?;
    let fetched = stand.layers_in(&stand.proxy.take()?);
    let expected = stand.base.layers(own_architecture()).len();
    ensure!(
        fetched.len() == expected,
        "expected {expected} layers of the mirror, found {fetched:?}"
    );
    Ok(())
}

/// Without an extension.
fn by_rule(stand: &Stand<'_>) -> Result<()> {
    stand.build(&["//:on_by_rule"])
}

fn eager(stand: &Stand<'_>) -> Result<()> {
    let spawns = stand
        .bazel
        .spawns(&stand.with_flags(&["--output_groups=docker_archive", "//:on_eager"]))?;
    let fetches = spawns
        .iter()
        .filter(|spawn| spawn.mnemonic == "FetchBlob")
        .count();
    ensure!(fetches == 0, "{fetches} actions fetched a layer");
    let fetched = stand.layers_in(&stand.proxy.take()?);
    let expected = stand.base.layers("amd64").len();
    ensure!(
        fetched.len() == expected,
        "expected {expected} layers to be downloaded, found {fetched:?}"
    );
    Ok(())
}

fn tagged(stand: &Stand<'_>) -> Result<()> {
    let said = stand.say("build", &["//:on_tagged"])?;
    let expected = format!("set `digest = \"{}\"`", stand.base.digest);
    ensure!(
        said.contains(&expected),
        "`{expected}` is not in what Bazel says:\n{said}"
    );
    Ok(())
}

fn without_password(stand: &Stand<'_>) -> Result<()> {
    let said = stand.fail(&["--repo_env=DOCKER_CONFIG=/nowhere", "//:on_with_password"])?;
    for part in ["401", "nobody's credentials", "/team/debian"] {
        ensure!(
            said.contains(part),
            "`{part}` is not in what Bazel says:\n{said}"
        );
    }
    Ok(())
}

/// The manifest is fetched with credentials by Bazel, the layers by an action.
fn authorized(stand: &Stand<'_>, base: &str) -> Result<()> {
    stand.forget_blobs()?;
    let target = format!("//:on_{base}");
    stand.build(&["--output_groups=docker_archive", &target])?;
    let kept = stand.kept_blobs()?;
    let expected = stand.base.layers(own_architecture()).len();
    ensure!(
        kept == expected,
        "{kept} blobs were fetched, expected {expected}"
    );
    Ok(())
}
