//! Many small images: what an engine has that has been used for a while.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use stevedore_image::digest::Digest;

use super::archive::{self, ArchivedImage, ArchivedLayer, Content};
use super::peer::Peer;
use super::target::{Kind, Target};
use crate::command::run;

/// How many there are.
pub(crate) const SIZE: usize = 2000;

/// Loads them, in an archive that is written to `file`.
pub(crate) fn load(target: &Target, file: &Path) -> Result<()> {
    let peer = match target.kind() {
        Kind::Graphdriver | Kind::Podman | Kind::PodmanWithFolders => {
            archive::write_docker_archive(&images(), file)?;
            Peer::Load
        }
        Kind::ContainerdStore | Kind::Containerd => {
            archive::write_oci_archive(&images(), file)?;
            Peer::ContentWrite
        }
    };
    run(&mut peer.command(target, file)?)
}

/// Images with different configs and one layer in common, which is an empty tar.
fn images() -> Vec<ArchivedImage> {
    // Two blocks of zeros end a tar; most programs fill a record of twenty blocks.
    let tar = vec![0; 10_240];
    let layer = ArchivedLayer {
        digest: Digest::of(&tar),
        size: tar.len() as u64,
        tar: Some(Content::Bytes(tar)),
    };
    let image = |index: usize| ArchivedImage {
        name: format!("docker.io/crowd/{index}:latest"),
        config: config(index, layer.digest),
        layers: vec![layer.clone()],
    };
    (0..SIZE).map(image).collect()
}

fn config(index: usize, diff_id: Digest) -> Vec<u8> {
    json!({
        "architecture": match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        },
        "os": "linux",
        "config": {"Labels": {"index": index.to_string()}},
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
        "history": [{"created": "1970-01-01T00:00:00Z"}],
    })
    .to_string()
    .into_bytes()
}
