//! containerd, through its own socket.

use stevedore_image::compression::Compression;
use stevedore_testing::{program_layer, LayerFile};

use crate::node::{signal, with_nodes, with_small_nodes, Node};

/// The size of a layer whose upload takes long enough to be disturbed.
const LARGE: usize = 150 << 20;

fn base_and(node: &Node, top: &str) -> Vec<LayerFile> {
    vec![
        LayerFile::Blob(node.bytes("base", 300_000), Compression::Gzip),
        node.tar("lib", 200_000),
        node.tar(top, 200_000),
    ]
}

#[test]
fn only_what_is_missing_is_sent_and_nothing_else_stays() {
    with_nodes(|node| {
        let image = node.image(&base_and(node, "app"), "A=1");
        let first = node.loads(&image, "loaded", [3, 0, 3]);
        assert_eq!(first.report["destination"]["kind"], "containerd");
        assert_eq!(first.report["destination"]["store"], "containerd");
        node.is_clean(5, 3);

        let unchanged = node.loads(&image, "unchanged", [3, 3, 0]);
        assert_eq!(unchanged.report["image_id"], first.report["image_id"]);
        assert!(
            unchanged.report["requests"].as_u64() <= Some(4),
            "{}",
            unchanged.report
        );
        assert!(
            unchanged.report["bytes_sent"].as_u64() <= Some(2048),
            "{}",
            unchanged.report
        );

        let config_only = node.image(&base_and(node, "app"), "B=1");
        let finished = node.loads(&config_only, "loaded", [3, 3, 0]);
        assert!(
            finished.report["bytes_sent"].as_u64() <= Some(8192),
            "{}",
            finished.report
        );
        node.is_clean(5, 3);

        let top = node.image(&base_and(node, "app2"), "B=1");
        let finished = node.loads(&top, "loaded", [3, 2, 1]);
        let sent = finished.report["bytes_sent"].as_u64().unwrap();
        assert!(sent < 202_000 + 16_384, "{}", finished.report);
        node.is_clean(5, 3);
    });
}

#[test]
fn images_of_every_shape_are_loaded() {
    with_nodes(|node| {
        for (layers, blobs) in [
            (vec![], 2),
            (vec![node.tar("one", 1000)], 3),
            (
                vec![
                    node.tar("same", 1000),
                    node.tar("other", 1000),
                    node.tar("same", 1000),
                ],
                4,
            ),
            (
                vec![LayerFile::Blob(
                    node.bytes("zstd", 100_000),
                    Compression::Zstd,
                )],
                3,
            ),
        ] {
            let image = node.image(&layers, "A=1");
            let finished = node.load(&image);
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            node.is_clean(blobs, layers.len());
            if !layers.is_empty() {
                node.has(&node.image_name(), &image);
            }
            let finished = node.load(&image);
            assert_eq!(
                finished.report["outcome"], "unchanged",
                "{}",
                finished.stderr
            );
        }
    });
}

#[test]
fn a_loaded_image_runs() {
    with_nodes(|node| {
        let programs = program_layer(&["/bin/sh", "/bin/cat"]).unwrap();
        let image = node.image(&[LayerFile::Tar(programs), node.tar("file", 1000)], "A=1");
        node.loads(&image, "loaded", [2, 0, 2]);
        let (name, id) = (node.image_name(), node.namespace.clone());
        let script = "cat /stevedore-test/* >&2; echo $A";
        let printed = node.ctr(&["run", "--rm", &name, &id, "/bin/sh", "-c", script]);
        assert_eq!(printed, format!("1{}\n", node.namespace));
    });
}

#[test]
fn a_corrupt_layer_is_refused_and_the_name_does_not_move() {
    with_nodes(|node| {
        let image = node.image(&base_and(node, "app"), "A=1");
        node.loads(&image, "loaded", [3, 0, 3]);
        let before = node.ctr(&["images", "ls"]);
        let image = node.image(&base_and(node, "app2"), "A=1");
        let mut tar = std::fs::read(image.tar(2)).unwrap();
        tar[100_000] ^= 1;
        std::fs::write(image.tar(2), tar).unwrap();
        let finished = node.load(&image);
        assert_eq!(finished.code, Some(4), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("its diff_id is") || finished.stderr.contains("its digest is"),
            "{}",
            finished.stderr
        );
        assert_eq!(node.ctr(&["images", "ls"]), before);
        node.is_clean(5, 3);
    });
}

#[test]
fn a_killed_load_goes_on_and_leaves_nothing() {
    with_nodes(|node| {
        let image = node.image(
            &[node.tar("base", 100_000), node.tar("large", LARGE)],
            "A=1",
        );
        let mut program = node.program(&image);
        let child = program.start().unwrap();
        node.waits_for_a_write();
        signal(&child, "KILL");
        child.wait_with_output().unwrap();
        assert_eq!(node.lines(&["leases", "ls", "-q"]).len(), 1);
        assert_eq!(node.lines(&["images", "ls", "-q"]).len(), 0);
        let finished = node.loads(&image, "loaded", [2, 1, 1]);
        let sent = finished.report["bytes_sent"].as_u64().unwrap();
        assert!(sent < LARGE as u64, "it began again: {sent}");
        node.is_clean(4, 2);
    });
}

#[test]
fn an_interrupted_load_leaves_nothing() {
    with_nodes(|node| {
        let image = node.image(&[node.tar("large", LARGE)], "A=1");
        for name in ["INT", "TERM"] {
            let mut program = node.program(&image);
            let child = program.start().unwrap();
            node.waits_for_a_write();
            signal(&child, name);
            let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
            assert!(finished.code >= Some(130), "{}", finished.stderr);
            node.is_clean(0, 0);
        }
        node.loads(&image, "loaded", [1, 0, 1]);
    });
}

#[test]
fn what_a_load_relies_on_is_not_pruned_meanwhile() {
    with_nodes(|node| {
        let base = node.tar("base", 5_000_000);
        let image = node.image(&[base.clone(), node.tar("app", 1000)], "A=1");
        node.loads(&image, "loaded", [2, 0, 2]);
        let image = node.image(&[base, node.tar("large", LARGE)], "A=1");
        let mut program = node.program(&image);
        let child = program.start().unwrap();
        node.waits_for_a_write();
        node.ctr(&["images", "rm", "--sync", &node.image_name()]);
        let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.report["layers"]["sent"], 1);
        node.has(&node.image_name(), &image);
        node.is_clean(4, 2);
    });
}

#[test]
fn an_image_that_was_removed_is_loaded_again() {
    with_nodes(|node| {
        let image = node.image(&base_and(node, "app"), "A=1");
        node.loads(&image, "loaded", [3, 0, 3]);
        node.ctr(&["images", "rm", "--sync", &node.image_name()]);
        node.loads(&image, "loaded", [3, 0, 3]);
        // Somebody lets the name stand for an image that has the same manifest, and nobody knows whether it is whole.
        let other = format!("{}-other", node.image_name());
        node.ctr(&["images", "tag", &node.image_name(), &other]);
        node.ctr(&["images", "rm", &node.image_name()]);
        node.loads(&image, "loaded", [3, 3, 0]);
        node.ctr(&["images", "rm", &other]);
    });
}

#[test]
fn images_that_share_a_layer_are_loaded_at_once() {
    with_nodes(|node| {
        let shared = node.tar("shared", LARGE / 2);
        let images = ["a", "b", "c"].map(|folder| {
            let layers = [shared.clone(), node.tar(folder, 1000)];
            let name = format!("stevedore-{folder}:dev");
            (
                node.image_in(folder, &layers, &name),
                format!("docker.io/library/{name}"),
            )
        });
        let mut programs = images.each_ref().map(|(image, _)| node.program(image));
        let children = programs.each_mut().map(|program| program.start().unwrap());
        let mut sent = 0;
        for (program, child) in programs.iter().zip(children) {
            let finished = program.finish(child.wait_with_output().unwrap()).unwrap();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            sent += finished.report["bytes_sent"].as_u64().unwrap();
        }
        assert!(
            sent < LARGE as u64,
            "the layer was sent more than once: {sent}"
        );
        for (image, name) in &images {
            node.has(name, image);
            node.ctr(&["images", "rm", "--sync", name]);
        }
        node.is_clean(0, 0);
    });
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    with_small_nodes(|node| {
        let image = node.image(&[node.tar("large", LARGE)], "A=1");
        let finished = node.load(&image);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("its disk is full"),
            "{}",
            finished.stderr
        );
        node.is_clean(0, 0);
        // It fits as a blob, but not also unpacked.
        let image = node.image(
            &[node.tar("small", 100_000), node.tar("middle", 40 << 20)],
            "A=1",
        );
        let finished = node.load(&image);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("its disk is full"),
            "{}",
            finished.stderr
        );
        node.is_clean(0, 0);
        let image = node.image(&[node.tar("small", 100_000)], "A=1");
        node.loads(&image, "loaded", [1, 0, 1]);
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    with_nodes(|node| {
        let image = node.image(&[node.tar("a", 1000)], "A=1");
        let mut slip = node.program(&image);
        let address = format!(
            "--host=containerd://{}?namespace=no-such",
            node.socket.display()
        );
        slip.command().arg(address);
        let finished = slip.run().unwrap();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        let expected = "there is no namespace `no-such`, only `";
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);

        let finished = node.program(&image).arg("--run").run().unwrap();
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("run --rm docker.io/library/"),
            "{}",
            finished.stderr
        );

        let nameless = node.image_in("nameless", &[], "");
        let finished = node.load(&nameless);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("has no name"),
            "{}",
            finished.stderr
        );
    });
}
