//! The ways to podman: its socket, its service on what might be another machine, and its command.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{json, Value};
use stevedore_testing::{Finished, ImageFiles, Program};

use crate::bench::{with_engines, Bench, BINARY};

/// A way to a podman that runs.
pub(crate) struct Way<'a> {
    pub(crate) bench: &'a Bench,
    /// For messages.
    pub(crate) name: String,
    pub(crate) host: String,
    variables: Vec<(String, String)>,
    /// For the directories that podman reads.
    place: tempfile::TempDir,
    /// The requests by which podman is asked in vain to read a directory that it may not.
    pub(crate) in_vain: u64,
    /// Whether layers are uploaded, and not read by podman itself.
    pub(crate) uploads: bool,
}

/// Runs `test` for each way to each podman.
pub(crate) fn by_each_way(test: impl Fn(&Way<'_>)) {
    with_engines(is_podman, |bench| {
        for way in ways(bench) {
            eprintln!("{}", way.name);
            test(&way);
        }
    });
}

/// Those that are not there for full disks.
pub(crate) fn is_podman(name: &str) -> bool {
    name.starts_with("podman-") && !name.contains('@')
}

fn ways(bench: &Bench) -> Vec<Way<'_>> {
    let version = version(bench);
    let is_rootless = is_rootless(bench);
    let way = |name: &str, host: String, uploads| Way {
        bench,
        name: format!("podman {version} by {name}"),
        host,
        variables: Vec::new(),
        place: tempfile::tempdir().unwrap(),
        in_vain: 0,
        uploads,
    };
    let is_old = version.starts_with("4.");
    // One that runs as another user may not enter the directories of this one.
    let mut ways = vec![
        Way {
            in_vain: is_rootless.into(),
            ..way("its socket", bench.host(), is_old || is_rootless)
        },
        way("TCP", listen(&bench.socket).unwrap(), true),
    ];
    if !is_rootless {
        ways.push(Way {
            variables: bench.variables.clone(),
            ..way("its command", "podman:".to_owned(), is_old)
        });
    }
    ways
}

fn version(bench: &Bench) -> String {
    let (_, answer) = bench.api.call("GET", "/version", &Value::Null).unwrap();
    answer["Version"].as_str().unwrap().to_owned()
}

fn is_rootless(bench: &Bench) -> bool {
    let path = "/v4.0.0/libpod/info";
    let (_, answer) = bench.api.call("GET", path, &Value::Null).unwrap();
    answer["host"]["security"]["rootless"] == true
}

/// Passes everything on between a port and the socket at `upstream`, and gives the address.
fn listen(upstream: &Path) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("tcp://{}", listener.local_addr()?);
    let upstream = upstream.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect(&upstream)?;
            let (mut from_engine, mut to_client) = (engine.try_clone()?, client.try_clone()?);
            thread::spawn(move || {
                // A connection that ends is no error here.
                let _ = io::copy(&mut from_engine, &mut to_client);
                to_client.shutdown(std::net::Shutdown::Write)
            });
            thread::spawn(move || pass_on(client, engine));
        }
        io::Result::Ok(())
    });
    Ok(address)
}

fn pass_on(mut client: TcpStream, mut engine: UnixStream) -> io::Result<()> {
    let _ = io::copy(&mut client, &mut engine);
    engine.shutdown(std::net::Shutdown::Write)
}

impl Way<'_> {
    pub(crate) fn program(&self, image: &ImageFiles) -> Program {
        let mut program = Program::load(Path::new(BINARY), image, &self.host).unwrap();
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        program.command().envs(variables);
        program.command().env("TEST_TMPDIR", self.place.path());
        program
    }

    /// Loads; that must succeed with these figures.
    #[track_caller]
    pub(crate) fn loads(
        &self,
        image: &ImageFiles,
        outcome: &str,
        requests: u64,
        layers: [usize; 3],
    ) -> Finished {
        let finished = self.program(image).run().unwrap();
        let name = &self.name;
        assert_eq!(finished.code, Some(0), "{name}: {}", finished.stderr);
        assert_eq!(finished.report["outcome"], outcome, "{name}");
        let in_vain = if outcome == "loaded" { self.in_vain } else { 0 };
        assert_eq!(
            finished.report["requests"],
            requests + in_vain,
            "{name}: {}",
            finished.report
        );
        let [total, present, sent] = layers;
        let layers = json!({"total": total, "present": present, "sent": sent});
        assert_eq!(finished.report["layers"], layers, "{name}");
        self.bench.has(image);
        finished
    }

    /// Loads in whatever way; that must succeed.
    #[track_caller]
    pub(crate) fn succeeds(&self, image: &ImageFiles) -> Finished {
        let finished = self.program(image).run().unwrap();
        assert_eq!(finished.code, Some(0), "{}: {}", self.name, finished.stderr);
        self.bench.has(image);
        finished
    }

    /// What is left of the directories that podman read.
    pub(crate) fn directories(&self) -> usize {
        std::fs::read_dir(self.place.path()).unwrap().count()
    }
}

/// What podman has of layers, those that no list shows too.
pub(crate) fn layers(bench: &Bench) -> Vec<PathBuf> {
    let path = "/v4.0.0/libpod/info";
    let (_, info) = bench.api.call("GET", path, &Value::Null).unwrap();
    let store = info["store"]["graphRoot"].as_str().unwrap();
    let entries = std::fs::read_dir(Path::new(store).join("overlay")).unwrap();
    let mut layers: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.len() == 64))
        .collect();
    layers.sort();
    layers
}
