//! Engines behind TLS, as Docker's variables and contexts ask for it.
#![allow(clippy::unwrap_used)]

mod case;

use std::fs;
use std::path::Path;

use stevedore_image::digest::Digest;
use stevedore_testing::{Authority, Certificate, Fault, Program, TlsFront};

use case::{Case, BINARY, LAYER};

/// An engine behind TLS, and a client's folder of certificates.
struct TlsCase {
    case: Case,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl TlsCase {
    fn new() -> Self {
        Self {
            case: Case::new(),
            authority: Authority::new("ours").unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts TLS before the engine. Clients show who they are if `clients` is given.
    fn front(&self, certificate: &Certificate, clients: Option<&Authority>) -> TlsFront {
        TlsFront::start(self.case.docker.socket(), certificate, clients).unwrap()
    }

    fn certificate(&self) -> Certificate {
        self.authority.certify(&["localhost", "127.0.0.1"]).unwrap()
    }

    /// A load by `DOCKER_HOST`, which checks the engine's certificate.
    fn program(&self, front: &TlsFront) -> Program {
        let mut program = Program::load_anywhere(Path::new(BINARY), &self.case.image).unwrap();
        program
            .command()
            .env("DOCKER_HOST", format!("tcp://localhost:{}", front.port()))
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", self.folder.path());
        program
    }

    fn write_files(&self, client: Option<&Certificate>) {
        let folder = self.folder.path();
        self.authority.write_client_files(folder, client).unwrap();
    }

    #[track_caller]
    fn fails(&self, front: &TlsFront, text: &str) {
        let finished = self.program(front).run().unwrap();
        self.case.check(&finished, 3, text);
        let key = fs::read_to_string(self.folder.path().join("key.pem")).unwrap_or_default();
        let secret = key.lines().nth(1).unwrap_or("no key");
        assert!(!finished.stderr.contains(secret), "{}", finished.stderr);
    }
}

#[test]
fn an_engine_of_a_trusted_authority_gets_the_image() {
    let tls = TlsCase::new();
    tls.write_files(None);
    let front = tls.front(&tls.certificate(), None);
    let finished = tls.program(&front).run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let sent = finished.report["bytes_sent"].as_u64().unwrap();
    assert!(sent > LAYER as u64, "TLS records are counted: {sent}");
    for host in ["tcp://127.0.0.1", "https://localhost"] {
        let mut program = tls
            .program(&front)
            .arg(format!("--host={host}:{}", front.port()));
        program.command().env_remove("DOCKER_TLS_VERIFY");
        if host.starts_with("tcp") {
            program.command().env("DOCKER_TLS_VERIFY", "");
            let finished = program.run().unwrap();
            assert_ne!(finished.code, Some(0), "an empty variable is none");
        } else {
            let finished = program.run().unwrap();
            assert_eq!(finished.code, Some(0), "{}", finished.stderr);
            assert_eq!(finished.report["outcome"], "unchanged");
        }
    }
}

#[test]
fn a_client_shows_its_certificate_where_that_is_wanted() {
    let tls = TlsCase::new();
    let front = tls.front(&tls.certificate(), Some(&tls.authority));
    tls.write_files(None);
    tls.fails(
        &front,
        "the server refuses this client's certificate, or wants one",
    );
    for name in ["ours", "another"] {
        let stranger = Authority::new(name).unwrap().certify(&[]).unwrap();
        tls.write_files(Some(&stranger));
        tls.fails(&front, "the server refuses this client's certificate");
    }
    tls.write_files(Some(&tls.authority.certify(&[]).unwrap()));
    let finished = tls.program(&front).run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[test]
fn an_engine_that_is_not_who_it_should_be_gets_nothing() {
    let tls = TlsCase::new();
    tls.write_files(None);
    let certified_by = |name: &str| {
        let stranger = Authority::new(name).unwrap();
        stranger.certify(&["localhost"]).unwrap()
    };
    for (certificate, text) in [
        (certified_by("ours"), "signed by an unknown authority"),
        (certified_by("another"), "signed by an unknown authority"),
        (
            tls.authority.certify(&["elsewhere", "10.0.0.1"]).unwrap(),
            "is not for `localhost`, but for `elsewhere`, `10.0.0.1`",
        ),
        (
            tls.authority.certify_until_2000(&["localhost"]).unwrap(),
            "has expired",
        ),
    ] {
        let front = tls.front(&certificate, None);
        tls.fails(&front, text);
        assert_eq!(tls.case.docker.take_requests(), []);
        // Docker's own settings may ask to take any.
        let mut program = tls.program(&front);
        program
            .command()
            .env_remove("DOCKER_TLS_VERIFY")
            .env("DOCKER_TLS", "1");
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        tls.case.docker.change_store(|store| {
            *store = Default::default();
            store.set_name("app:dev", case::old());
        });
        tls.case.docker.take_requests();
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let tls = TlsCase::new();
    let front = tls.front(&tls.certificate(), None);
    let path = |name: &str| tls.folder.path().join(name).display().to_string();
    tls.fails(
        &front,
        &format!("failed to read the certificate `{}`", path("ca.pem")),
    );
    fs::write(path("ca.pem"), "nothing").unwrap();
    tls.fails(
        &front,
        &format!("`{}` holds no certificate in PEM", path("ca.pem")),
    );

    let client = tls.authority.certify(&[]).unwrap();
    let other = tls.authority.certify(&[]).unwrap();
    tls.write_files(Some(&Certificate {
        key: other.key,
        ..client
    }));
    tls.fails(
        &front,
        &format!("the private key `{}` does not belong to", path("key.pem")),
    );
    fs::write(
        path("key.pem"),
        "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    tls.fails(
        &front,
        &format!("`{}` holds no private key", path("key.pem")),
    );
}

#[test]
fn tls_and_plain_http_do_not_mix() {
    let tls = TlsCase::new();
    tls.write_files(None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut client, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let front = tls.front(&tls.certificate(), None);
    let program = tls
        .program(&front)
        .arg(format!("--host=tcp://localhost:{port}"));
    let finished = program.run().unwrap();
    answering.join().unwrap();
    tls.case.check(&finished, 3, "does not speak TLS");
}

#[test]
fn an_engine_that_answers_early_is_heard_through_tls() {
    let tls = TlsCase::new();
    tls.write_files(None);
    let front = tls.front(&tls.certificate(), None);
    tls.case
        .docker
        .inject(Fault::DiskFullAfter { bytes: 100_000 });
    let finished = tls.program(&front).run().unwrap();
    tls.case.check(&finished, 1, "its disk is full");
}

#[test]
fn a_context_of_the_docker_cli_has_its_own_certificates() {
    let tls = TlsCase::new();
    let front = tls.front(&tls.certificate(), Some(&tls.authority));
    let id = Digest::of(b"far").hex();
    let folder = |kind: &str| tls.folder.path().join("contexts").join(kind).join(&id);
    let (meta, files) = (folder("meta"), folder("tls").join("docker"));
    for folder in [&meta, &files] {
        fs::create_dir_all(folder).unwrap();
    }
    let host = format!("tcp://localhost:{}", front.port());
    let endpoint = serde_json::json!({"Host": host, "SkipTLSVerify": false});
    let text = serde_json::json!({"Name": "far", "Endpoints": {"docker": endpoint}}).to_string();
    fs::write(meta.join("meta.json"), text).unwrap();
    let client = tls.authority.certify(&[]).unwrap();
    tls.authority
        .write_client_files(&files, Some(&client))
        .unwrap();
    let mut program = Program::load_anywhere(Path::new(BINARY), &tls.case.image).unwrap();
    program
        .command()
        .env("DOCKER_CONFIG", tls.folder.path())
        .env("DOCKER_CONTEXT", "far");
    let finished = program.arg("--verbose").run().unwrap();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let using = format!(
        "using `https://localhost:{}`: docker 28.5.2, named by the Docker CLI's context `far`",
        front.port()
    );
    assert!(finished.stderr.contains(&using), "{}", finished.stderr);
}
