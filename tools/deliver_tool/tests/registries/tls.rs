//! Certificates: whose is believed, and who shows one.

use std::fs;

use stevedore_testing::{Program, PushFiles};

use crate::bench::{failed, program, ran, Bench};

/// An image for a registry behind TLS.
struct Behind {
    bench: Bench,
    files: PushFiles,
}

impl Behind {
    fn tls(name: &str) -> Self {
        let bench = Bench::with(name);
        let files = bench.direct_image(&[bench.layer("app")]);
        Self { bench, files }
    }

    /// A folder with these facts of the registry under these names.
    fn folder(&self, files: &[(&str, &str)]) -> String {
        let folder = self.bench.place();
        for (fact, name) in files {
            fs::copy(self.bench.registry.fact(fact), folder.join(name)).unwrap();
        }
        folder.display().to_string()
    }

    fn program(&self, arguments: &[&str]) -> Program {
        let mut program = program(&self.files);
        program.command().args(arguments);
        program
    }

    #[track_caller]
    fn is_pushed_with(&self, arguments: &[&str]) {
        ran(self.program(arguments), "pushed");
        ran(self.program(arguments), "unchanged");
    }
}

#[test]
fn an_authority_that_nobody_knows_is_not_believed() {
    let behind = Behind::tls("distribution-2@tls");
    let texts = [&behind.bench.registry.address, "by TLS", "--cert-dir"];
    failed(behind.program(&[]), 3, &texts);
}

#[test]
fn an_authority_in_a_folder_is_believed() {
    let behind = Behind::tls("distribution-2@tls");
    let folder = behind.folder(&[("ca", "ca.crt")]);
    behind.is_pushed_with(&[&format!("--cert-dir={folder}")]);
}

#[test]
fn an_authority_where_docker_and_podman_have_it_is_believed() {
    for place in [".docker/certs.d", ".config/containers/certs.d"] {
        let behind = Behind::tls("distribution-2@mtls");
        let address = &behind.bench.registry.address;
        let folder = behind.files.home().join(place).join(address);
        fs::create_dir_all(&folder).unwrap();
        for (fact, name) in [
            ("ca", "ca.crt"),
            ("cert", "client.cert"),
            ("key", "client.key"),
        ] {
            fs::copy(behind.bench.registry.fact(fact), folder.join(name)).unwrap();
        }
        behind.is_pushed_with(&[]);
    }
}

#[test]
fn a_certificate_of_nobody_is_taken_if_that_is_asked_for() {
    let behind = Behind::tls("distribution-2@tls");
    behind.is_pushed_with(&["--insecure"]);
}

#[test]
fn a_registry_that_wants_a_certificate_gets_one() {
    let behind = Behind::tls("distribution-2@mtls");
    let folder = behind.folder(&[("ca", "ca.crt")]);
    let without = format!("--cert-dir={folder}");
    let texts = ["client.cert", "client.key"];
    failed(behind.program(&[&without]), 3, &texts);
    let folder = behind.folder(&[
        ("ca", "ca.crt"),
        ("cert", "client.cert"),
        ("key", "client.key"),
    ]);
    behind.is_pushed_with(&[&format!("--cert-dir={folder}")]);
}

#[test]
fn a_folder_that_is_not_there_or_lacks_half_of_a_pair_is_named() {
    let behind = Behind::tls("distribution-2@mtls");
    let missing = behind.bench.place().join("missing");
    let flag = format!("--cert-dir={}", missing.display());
    let texts = [&missing.display().to_string(), "folder of certificates"];
    let texts = texts.map(AsRef::<str>::as_ref);
    failed_anyhow(&behind, &flag, &texts);
    let half = behind.folder(&[("ca", "ca.crt"), ("cert", "client.cert")]);
    failed_anyhow(&behind, &format!("--cert-dir={half}"), &["client.key"]);
}

/// Fails with whatever exit code.
#[track_caller]
fn failed_anyhow(behind: &Behind, flag: &str, texts: &[&str]) {
    let finished = behind.program(&[flag]).run().unwrap();
    assert_ne!(finished.code, Some(0));
    for text in texts {
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
}
