//! Blobs that build actions fetch, and layers that a push fetches from another registry.

use std::path::{Path, PathBuf};
use std::process::Output;

use stevedore_image::digest::{Content, Digest};
use stevedore_testing::{
    gzipped, layer_tar, Consignment, LayerFile, Program, PushFiles, PushedDraft, RegistryAnswer,
    RegistryApi, RegistryFault, RegistryProxy, RegistryRule,
};

use crate::bench::{program, ran, with_registries, Bench, BINARY, LARGE};
use crate::login::Login;

/// A blob that a registry has, and a folder to fetch it to.
struct Wanted<'a> {
    bench: &'a Bench,
    bytes: Vec<u8>,
    content: Content,
    folder: PathBuf,
}

impl<'a> Wanted<'a> {
    fn new(bench: &'a Bench) -> Self {
        let tar = layer_tar(&bench.repository, LARGE).unwrap();
        let bytes = gzipped(&tar).unwrap();
        bench.api.put_blob(&bench.repository, &bytes).unwrap();
        Self {
            bench,
            content: Content::of(&bytes),
            bytes,
            folder: bench.place(),
        }
    }

    fn program(&self) -> Program {
        self.from(&self.bench.proxied())
    }

    fn from(&self, repository: &str) -> Program {
        let Content { digest, size } = self.content;
        let binary = Path::new(BINARY);
        Program::fetch(binary, &self.folder, repository, &digest.to_string(), size).unwrap()
    }

    /// Runs it; the blob must be there then.
    #[track_caller]
    fn comes(&self, program: Program) {
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(
            finished.stderr, "",
            "an action that says something is shown"
        );
        let output = self.folder.join("blob");
        assert_eq!(
            Digest::of(&std::fs::read(&output).unwrap()),
            self.content.digest
        );
        std::fs::remove_file(output).unwrap();
    }

    /// Runs it; it must fail so, and nothing is there.
    #[track_caller]
    fn fails(&self, program: Program, code: i32, texts: &[&str]) {
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        for text in texts {
            assert!(
                finished.stderr.contains(text),
                "no `{text}` in: {}",
                finished.stderr
            );
        }
        assert!(!self.folder.join("blob").exists());
        assert!(!self.kept().exists());
    }

    /// Where the blob is kept.
    fn kept(&self) -> PathBuf {
        let name = format!(
            ".cache/rules_stevedore/content/sha256/{}",
            self.content.digest.hex()
        );
        self.folder.join(name)
    }

    /// How many times it was asked for.
    fn requests(&self) -> usize {
        self.bench.requests("GET", "/blobs/").len()
    }
}

#[test]
fn a_blob_is_fetched_once() {
    with_registries(|bench| {
        let wanted = Wanted::new(bench);
        wanted.comes(wanted.program());
        assert_eq!(wanted.requests(), 1);
        wanted.comes(wanted.program());
        assert_eq!(wanted.requests(), 0);
    });
}

#[test]
fn many_at_once_fetch_it_once() {
    let bench = Bench::with("distribution-2");
    let wanted = Wanted::new(&bench);
    bench.add(RegistryRule::on(
        "GET",
        "/blobs/",
        RegistryFault::Delay(std::time::Duration::from_millis(300)),
    ));
    let outputs: Vec<_> = (0..8)
        .map(|number| {
            let output = wanted.folder.join(format!("blob{number}"));
            let mut program = wanted
                .program()
                .arg(format!("--output={}", output.display()));
            (program.start().unwrap(), output)
        })
        .collect();
    for (child, output) in outputs {
        let finished: Output = child.wait_with_output().unwrap();
        assert!(
            finished.status.success(),
            "{}",
            String::from_utf8_lossy(&finished.stderr)
        );
        assert_eq!(std::fs::read(output).unwrap(), wanted.bytes);
    }
    assert_eq!(wanted.requests(), 1);
}

#[test]
fn what_breaks_off_goes_on() {
    with_registries(|bench| {
        let wanted = Wanted::new(bench);
        let cut = RegistryFault::CutAnswerAfter(1_000_000);
        bench.add(RegistryRule::on("GET", "/blobs/", cut).times(1));
        wanted.comes(wanted.program());
        // One of them does not give the rest of a blob, and says so when it is asked.
        let expected = if bench.registry.name == "crane" { 3 } else { 2 };
        assert_eq!(wanted.requests(), expected);
    });
}

#[test]
fn what_an_interrupted_action_has_left_is_used() {
    let bench = Bench::with("distribution-2");
    let wanted = Wanted::new(&bench);
    let cut = RegistryFault::CutAnswerAfter(1_000_000);
    bench.add(RegistryRule::on("GET", "/blobs/", cut).times(1));
    let finished = wanted.program().arg("--retry-time=0").run().unwrap();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let partial = wanted.kept().with_extension("partial");
    let left = partial.metadata().unwrap().len();
    assert!((1..=1_000_000).contains(&left), "{left}");
    // The rest comes through; all of it would be cut off.
    let rest = wanted.content.size - left;
    bench.proxy.remove_rules();
    bench.add(RegistryRule::on(
        "GET",
        "/blobs/",
        RegistryFault::CutAnswerAfter(rest + 1),
    ));
    wanted.comes(wanted.program().arg("--retry-time=0"));
}

#[test]
fn wrong_bytes_are_refused() {
    with_registries(|bench| {
        let wanted = Wanted::new(bench);
        bench.add(RegistryRule::on(
            "GET",
            "/blobs/",
            RegistryFault::ChangeAnswer,
        ));
        let digest = wanted.content.digest.to_string();
        wanted.fails(
            wanted.program(),
            1,
            &["gave wrong bytes", "`//app:base`", &digest],
        );
    });
}

#[test]
fn no_more_is_taken_than_the_manifest_says() {
    with_registries(|bench| {
        let wanted = Wanted::new(bench);
        let program = wanted.program().arg("--size=1000");
        wanted.fails(program, 1, &["or more of the blob", "expected 1000"]);
    });
}

#[test]
fn a_blob_that_is_not_there_is_named() {
    with_registries(|bench| {
        let wanted = Wanted::new(bench);
        let digest = Digest::of(b"another").to_string();
        let program = wanted.program().arg(format!("--digest={digest}"));
        let texts = [
            "has no blob",
            digest.as_str(),
            bench.repository.as_str(),
            "`//app:base`",
        ];
        wanted.fails(program, 1, &texts);
    });
}

#[test]
fn a_registry_that_is_down_is_named() {
    let bench = Bench::with("distribution-2");
    let wanted = Wanted::new(&bench);
    let program = wanted.from("localhost:1/team/base").arg("--retry-time=0");
    wanted.fails(
        program,
        3,
        &["failed to fetch a layer of `//app:base` from `localhost:1/team/base`"],
    );
}

#[test]
fn a_kept_blob_that_has_changed_is_fetched_again() {
    let bench = Bench::with("distribution-2");
    let wanted = Wanted::new(&bench);
    wanted.comes(wanted.program());
    let kept = wanted.kept();
    std::fs::remove_file(&kept).unwrap();
    std::fs::write(&kept, vec![0; wanted.bytes.len()]).unwrap();
    wanted.comes(wanted.program());
    assert_eq!(wanted.requests(), 2);
}

#[test]
fn a_mirror_is_asked_first_and_need_not_have_it() {
    let bench = Bench::with("distribution-2");
    let wanted = Wanted::new(&bench);
    let mirror = RegistryProxy::start(&bench.registry.address).unwrap();
    let from = format!("--from={}", mirror.address());
    wanted.comes(wanted.program().arg(&from));
    assert_eq!((mirror.take_requests().len(), wanted.requests()), (1, 0));
    std::fs::remove_file(wanted.kept()).unwrap();
    let missing = RegistryFault::Answer(RegistryAnswer::status(404));
    mirror.add(RegistryRule::on("GET", "/blobs/", missing));
    wanted.comes(wanted.program().arg(&from));
    assert_eq!((mirror.take_requests().len(), wanted.requests()), (1, 1));
}

/// Fetches a blob of a registry that asks who is there, without and with a file that says where the credentials are.
fn fetched_by_surroundings(registry: &str) -> [Option<i32>; 2] {
    let login = Login::at(registry);
    login.write(".docker/config.json", &login.right());
    ran(login.program(), "pushed");
    let folder = login.bench.place();
    let file = folder.join("surroundings.json");
    let surroundings = serde_json::json!({"DOCKER_CONFIG": login.files.home().join(".docker")});
    std::fs::write(&file, surroundings.to_string()).unwrap();
    let blob = login.files.images[0].blobs[0];
    let digest = blob.digest.to_string();
    ["nothing.json", "surroundings.json"].map(|name| {
        let binary = Path::new(BINARY);
        let repository = login.bench.proxied();
        let program = Program::fetch(binary, &folder, &repository, &digest, blob.size).unwrap();
        let flag = format!("--surroundings={}", folder.join(name).display());
        program.arg(flag).run().unwrap().code
    })
}

#[test]
fn credentials_are_found_by_the_surroundings_of_a_file() {
    let codes = fetched_by_surroundings("distribution-2@htpasswd");
    assert_eq!(codes, [Some(1), Some(0)]);
}

#[test]
fn a_token_for_reading_is_enough() {
    // This one lets everybody read.
    let codes = fetched_by_surroundings("distribution-2@token");
    assert_eq!(codes, [Some(0), Some(0)]);
}

/// An image of a base that is only in `repository`, and a layer, for the tag `v1` of `destination`.
fn on_a_pulled_base(bench: &Bench, repository: &str, destination: &str) -> PushFiles {
    let tar = layer_tar(&format!("{}-base", bench.repository), LARGE).unwrap();
    let layers = [
        LayerFile::Pulled(tar, repository.to_owned()),
        bench.layer("app"),
    ];
    let consignment = Consignment {
        images: &[PushedDraft::new("image", &layers)],
        index: None,
        destinations: &[(destination, &["v1"])],
    };
    PushFiles::write_all(&bench.place(), &[consignment]).unwrap()
}

/// Puts the base of `bench`'s images into the repository `path` of a registry.
fn put_base(bench: &Bench, registry: &RegistryApi, path: &str) {
    let tar = layer_tar(&format!("{}-base", bench.repository), LARGE).unwrap();
    registry.put_blob(path, &gzipped(&tar).unwrap()).unwrap();
}

#[test]
fn a_push_mounts_a_base_of_the_same_registry_and_fetches_nothing() {
    let bench = Bench::with("distribution-2");
    let path = format!("{}-bases", bench.repository);
    put_base(&bench, &bench.api, &path);
    let base = format!("{}/{path}", bench.proxy.address());
    let files = on_a_pulled_base(&bench, &base, &bench.proxied());
    let finished = ran(program(&files), "pushed");
    assert_eq!(
        finished.report["layers"]["mounted"], 1,
        "{}",
        finished.report
    );
    assert!(
        finished.report.get("fetched").is_none(),
        "{}",
        finished.report
    );
    bench.has(&files.images[0]);
}

#[test]
fn a_push_fetches_a_base_that_another_registry_has() {
    for other in ["distribution-3", "crane"] {
        let bench = Bench::with("distribution-2");
        let source = Bench::with(other);
        put_base(&bench, &source.api, &source.repository);
        let files = on_a_pulled_base(&bench, &source.proxied(), &bench.proxied());
        let finished = ran(program(&files), "pushed");
        assert_eq!(finished.report["layers"]["sent"], 2, "{}", finished.report);
        assert_eq!(
            finished.report["fetched"]["blobs"], 1,
            "{}",
            finished.report
        );
        bench.has(&files.images[0]);
        source.proxy.take_requests();
        ran(program(&files), "unchanged");
        assert!(source.proxy.take_requests().is_empty());
    }
}

#[test]
fn a_base_that_is_gone_fails_the_push_and_leaves_nothing() {
    let bench = Bench::with("distribution-2");
    let source = Bench::with("distribution-3");
    let files = on_a_pulled_base(&bench, &source.proxied(), &bench.proxied());
    bench.fails(
        &files,
        1,
        &["has no blob", "failed to fetch a layer of `//app:image`"],
    );
}
