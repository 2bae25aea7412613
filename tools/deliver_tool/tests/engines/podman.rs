//! podman, by its service and by its command: what is sent, and what it has then.

use std::process::Command;

use stevedore_image::compression::Compression;
use stevedore_testing::{layer_tar, program_layer, Finished, LayerFile};

use crate::bench::{with_engines, Bench};
use crate::podman_way::{by_each_way, is_podman, Way};

fn bytes_sent(finished: &Finished) -> u64 {
    finished.report["bytes_sent"].as_u64().unwrap()
}

fn forget(way: &Way<'_>) {
    way.bench.api.remove_image(&way.bench.image_name()).unwrap();
}

/// A layer that no other way has.
fn tar(way: &Way<'_>, name: &str, size: usize) -> LayerFile {
    way.bench.tar(&format!("{name} {}", way.name), size)
}

#[test]
fn requests_and_bytes_are_those_of_the_goals() {
    by_each_way(|way| {
        let image = |app: &str, environment: &str| {
            let layers = [tar(way, "base", 3_000_000), tar(way, app, 1_000_000)];
            way.bench.image(&layers, environment)
        };
        let sent = |layers| if way.uploads { layers } else { [2, 0, 0] };
        // Detection and the question whether it is there come first, and the names last.
        way.loads(
            &image("app", "A=1"),
            "loaded",
            if way.uploads { 6 } else { 5 },
            sent([2, 0, 2]),
        );
        let unchanged = way.loads(&image("app", "A=1"), "unchanged", 2, [2, 2, 0]);
        assert!(bytes_sent(&unchanged) <= 1024, "{}", unchanged.report);
        eprintln!("unchanged: {} ms", unchanged.report["elapsed_ms"]);
        let config = way.loads(
            &image("app", "A=2"),
            "loaded",
            if way.uploads { 4 } else { 5 },
            sent([2, 2, 0]),
        );
        assert!(bytes_sent(&config) <= 16 << 10, "{}", config.report);
        let top = way.loads(&image("app2", "A=2"), "loaded", 5, sent([2, 1, 1]));
        assert!(bytes_sent(&top) <= 1_000_000 + (64 << 10), "{}", top.report);
        if !way.uploads {
            assert!(bytes_sent(&top) <= 1024, "{}", top.report);
        }
        assert_eq!(way.directories(), 0, "directories remain");
        forget(way);
    });
}

#[test]
fn only_what_is_new_is_sent_wherever_it_is() {
    by_each_way(|way| {
        let large = |name| tar(way, name, 2_000_000);
        let load = |names: &[&'static str]| {
            let layers: Vec<_> = names.iter().map(|name| large(*name)).collect();
            way.succeeds(&way.bench.image(&layers, "A=1"))
        };
        load(&["a", "b", "c"]);
        for (names, layers) in [
            (&["a", "new", "c"][..], 1),
            (&["c", "new", "a"], 0),
            (&["newer", "c", "newest", "a", "c"], 2),
        ] {
            let finished = load(names);
            let bytes = bytes_sent(&finished);
            assert!(
                bytes <= layers * 2_000_000 + (64 << 10),
                "{}: {names:?}: {bytes}",
                way.name
            );
        }
        forget(way);
    });
}

#[test]
fn a_layer_may_occur_twice() {
    by_each_way(|way| {
        let layers = ["same", "other", "same"].map(|name| tar(way, name, 200_000));
        let finished = way.succeeds(&way.bench.image(&layers, "A=1"));
        assert!(
            bytes_sent(&finished) < 500_000,
            "{}: {}",
            way.name,
            finished.report
        );
        // An image without a layer. Podman 4 says `null` for none.
        let image = way.bench.image(&[], "A=2");
        let finished = way.program(&image).run().unwrap();
        assert_eq!(finished.code, Some(0), "{}: {}", way.name, finished.stderr);
        let id = way.bench.api.image_id(&way.bench.image_name()).unwrap();
        assert_eq!(id, Some(image.id.to_string()));
        forget(way);
    });
}

#[test]
fn layers_of_a_layout_stay_compressed_and_are_found_in_any_form() {
    by_each_way(|way| {
        let zeros = |name: &str| {
            let mut tar = layer_tar(
                &format!("{name} {} {}", way.name, way.bench.unique),
                700_000,
            )
            .unwrap();
            tar[512..500_000].fill(0);
            tar
        };
        let blob = |name: &str, compression| LayerFile::Blob(zeros(name), compression);
        let layers = [
            blob("gzip", Compression::Gzip),
            blob("zstd", Compression::Zstd),
            tar(way, "app", 1000),
        ];
        let finished = way.succeeds(&way.bench.image(&layers, "A=1"));
        assert!(
            bytes_sent(&finished) < 600_000,
            "{}: {}",
            way.name,
            finished.report
        );
        // The same layers in another form.
        let layers = [
            LayerFile::Blob(zeros("zstd"), Compression::Gzip),
            LayerFile::Tar(zeros("gzip")),
            tar(way, "app", 1000),
        ];
        let finished = way.succeeds(&way.bench.image(&layers, "A=1"));
        assert!(
            bytes_sent(&finished) < 20_000,
            "{}: {}",
            way.name,
            finished.report
        );
        forget(way);
    });
}

#[test]
fn further_names_are_given_and_names_move() {
    by_each_way(|way| {
        let image = |name: &str| way.bench.image(&[tar(way, name, 1000)], "A=1");
        let one = image("one");
        way.succeeds(&one);
        let other = format!("stevedore-test-{}:other", way.bench.unique);
        let mut program = way.program(&one);
        program.command().arg(format!("--tag={other}"));
        let finished = program.run().unwrap();
        assert_eq!(
            finished.report["outcome"], "unchanged",
            "{}",
            finished.stderr
        );
        assert_eq!(finished.report["requests"], 3);
        let two = image("two");
        way.succeeds(&two);
        let one = image("one");
        way.loads(&one, "unchanged", 3, [1, 1, 0]);
        let full = format!("docker.io/library/{other}");
        assert_eq!(
            way.bench.api.image_id(&full).unwrap(),
            Some(one.id.to_string())
        );
        for image in [&one, &two] {
            way.bench.api.remove_image(&image.id.to_string()).unwrap();
        }
    });
}

/// `unshare` with a directory for the program's own that podman does not see.
fn out_of_sight(bench: &Bench) {
    let image = bench.image(&bench.tars(&["hidden", "too"]), "A=1");
    let report = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-ec"])
        .arg("mount -t tmpfs tmpfs /mnt; TEST_TMPDIR=/mnt exec \"$@\"")
        .arg("sh")
        .arg(image.executable())
        .args([&format!("--host={}", bench.host()), "--verbose"])
        .arg(format!("--report={}", report.path().display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("cannot load a directory of this machine"),
        "{text}"
    );
    bench.has(&image);
}

#[test]
fn a_directory_that_podman_does_not_see_is_uploaded() {
    with_engines(
        |name| name == "podman-5",
        |bench| {
            // The executable's symlink is made by the first call.
            let image = bench.image(&bench.tars(&["first"]), "A=1");
            assert_eq!(bench.load(&image).code, Some(0));
            out_of_sight(bench);
        },
    );
}

#[test]
fn a_container_is_run_by_each_way() {
    by_each_way(|way| {
        // Podman 4 comes out of unpacked packages, and conmon passes on no variable that says where its libraries are:
        // the podman that should remove the container when it has ended cannot start.
        if way.name.starts_with("podman 4") && way.host != "podman:" {
            return;
        }
        let programs = program_layer(&["/bin/sh", "/bin/cat"]).unwrap();
        let image = way.bench.image(&[LayerFile::Tar(programs)], "A=1");
        // Rootless containers here have no network of their own.
        let mut program = way.program(&image);
        program
            .command()
            .args(["--run", "--network=host", "--", "/bin/sh", "-c"])
            .arg("echo out; echo err >&2; exit 7");
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(7), "{}: {}", way.name, finished.stderr);
        assert_eq!(finished.stdout, "out\n", "{}", way.name);
        assert!(finished.stderr.contains("err\n"), "{}", finished.stderr);
        forget(way);
    });
}

#[test]
fn names_are_those_that_docker_gives() {
    with_engines(is_podman, |bench| {
        let image = bench.image(&bench.tars(&["named"]), "A=1");
        assert_eq!(bench.load(&image).code, Some(0));
        let full = format!("docker.io/library/{}", bench.image_name());
        for name in [bench.image_name(), full] {
            let path = format!("/v4.0.0/libpod/images/{name}/exists");
            let (status, _) = bench
                .api
                .call("GET", &path, &serde_json::Value::Null)
                .unwrap();
            assert_eq!(status, 204, "{name}");
        }
    });
}
