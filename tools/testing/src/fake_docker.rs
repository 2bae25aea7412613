//! A Docker daemon that is none, on a socket of its own.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use stevedore_image::digest::Digest;
use stevedore_image::docker_archive::find_layer_path;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use crate::docker_store::DockerStore;
use crate::fault::Fault;
use crate::oci_store::OciStore;

/// What the fake says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personality {
    /// The `Server` header.
    pub server: &'static str,
    /// The `Api-Version` header; none if it is empty.
    pub api_version: &'static str,
    /// Whether it has the containerd image store. It then serves no `/grpc`, like a daemon behind a proxy that lets
    /// only what it knows pass.
    pub has_containerd_store: bool,
}

impl Personality {
    /// Docker 28.5.
    pub const DOCKER_28: Self = Self {
        server: "Docker/28.5.2 (linux)",
        api_version: "1.51",
        has_containerd_store: false,
    };

    /// Docker 28.5 with the containerd image store.
    pub const DOCKER_28_CONTAINERD: Self = Self {
        has_containerd_store: true,
        ..Self::DOCKER_28
    };

    /// Docker 25 with the containerd image store, which does not tell what is available of an image.
    pub const DOCKER_25_CONTAINERD: Self = Self {
        server: "Docker/25.0.5 (linux)",
        api_version: "1.44",
        has_containerd_store: true,
    };
}

/// A request that the fake was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The bytes of the body that were read.
    pub body_bytes: usize,
    /// Whether the body was read to its end.
    pub complete: bool,
}

/// A Docker daemon with graphdriver storage, as far as a delivery needs one. It ends when it is dropped.
pub struct FakeDocker {
    socket: PathBuf,
    shared: Arc<Shared>,
    _directory: TempDir,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    personality: Personality,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    store: DockerStore,
    /// Used instead of `store` if the personality has the containerd store.
    oci_store: OciStore,
    fault: Option<Fault>,
    requests: Vec<RecordedRequest>,
}

impl FakeDocker {
    /// Starts one that has nothing.
    ///
    /// # Errors
    /// If there is no place for its socket, or no thread.
    pub fn start(personality: Personality) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("docker.sock");
        let shared = Arc::new(Shared {
            personality,
            state: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let listener = std::os::unix::net::UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&shared);
        thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            socket,
            shared,
            _directory: directory,
            _stop: stop,
        })
    }

    /// The address for `--host`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Lets `fault` happen from now on.
    pub fn inject(&self, fault: Fault) {
        self.shared.state().fault = Some(fault);
    }

    /// Lets everything go well again.
    pub fn mend(&self) {
        self.shared.state().fault = None;
    }

    /// The requests so far; they are forgotten by this.
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut self.shared.state().requests)
    }

    /// What it has.
    pub fn store(&self) -> DockerStore {
        self.shared.state().store.clone()
    }

    /// What it has, if it has the containerd store.
    pub fn oci_store(&self) -> OciStore {
        self.shared.state().oci_store.clone()
    }

    /// Changes what it has.
    pub fn change_store(&self, change: impl FnOnce(&mut DockerStore)) {
        change(&mut self.shared.state().store);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: std::os::unix::net::UnixListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve_connection(connection, Arc::clone(&shared)));
    }
}

async fn serve_connection(connection: UnixStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A connection that breaks is what many tests are about: the requests that were recorded tell of it.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service)
        .await;
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

type Answer = Result<Response<Full<Bytes>>, Closed>;

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Answer {
    let path = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str())
        .to_owned();
    let method = request.method().clone();
    let fault = shared.state().fault.clone();
    if let Some(Fault::Status {
        path: part,
        status,
        body,
    }) = &fault
    {
        if path.contains(part) {
            shared
                .state()
                .requests
                .push(record(&method, &path, 0, false));
            return Ok(respond(*status, *body));
        }
    }
    if path.contains("/images/load") {
        return load(request, &path, fault, &shared).await;
    }
    let mut state = shared.state();
    state.requests.push(record(&method, &path, 0, true));
    if shared.personality.has_containerd_store {
        let query = request.uri().query();
        let path = unversioned(request.uri().path());
        if let Some(answer) = answer_as_containerd(&mut state.oci_store, &method, path, query) {
            return Ok(answer);
        }
    }
    Ok(match path.split('?').next().map(unversioned) {
        Some("/_ping") => ping(shared.personality),
        Some("/version") => respond(200, json!({"Os": "linux", "Arch": "amd64"}).to_string()),
        Some("/info") => respond(
            200,
            json!({"DriverStatus": [["Backing Filesystem", "extfs"]]}).to_string(),
        ),
        Some(path) if path.ends_with("/tag") => tag(&mut state.store, path, request.uri().query()),
        Some(path) if method == Method::DELETE => {
            let name = familiar(path.strip_prefix("/images/").unwrap_or(path));
            match state.store.remove_name(name) {
                true => respond(200, "[]"),
                false => message(404, "No such image"),
            }
        }
        Some(path) => inspect(&state.store, path),
        None => respond(404, ""),
    })
}

/// What the containerd store answers differently; `None` for all else.
fn answer_as_containerd(
    store: &mut OciStore,
    method: &Method,
    path: &str,
    query: Option<&str>,
) -> Option<Response<Full<Bytes>>> {
    let name = path.strip_prefix("/images/");
    Some(match path {
        "/_ping" | "/version" => return None,
        "/info" => {
            let status = json!({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]});
            respond(200, status.to_string())
        }
        "/grpc" => message(403, "not allowed here"),
        _ if path.ends_with("/tag") => {
            let is_tagged =
                image_in(path, "/tag").is_some_and(|image| store.tag(&image, &name_in(query)));
            match is_tagged {
                true => respond(201, ""),
                false => message(404, "No such image"),
            }
        }
        _ if method == Method::DELETE => {
            let image = name.and_then(|name| name.parse().ok());
            respond(
                match image.is_some_and(|image| store.remove(&image)) {
                    true => 200,
                    false => 404,
                },
                "",
            )
        }
        _ => {
            let name = name
                .and_then(|name| name.strip_suffix("/json"))
                .unwrap_or_default();
            match store.inspect(familiar(name), query == Some("manifests=1")) {
                Some(answer) => respond(200, answer.to_string()),
                None => message(404, "No such image"),
            }
        }
    })
}

fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn record(method: &Method, path: &str, body_bytes: usize, complete: bool) -> RecordedRequest {
    RecordedRequest {
        method: method.to_string(),
        path: path.to_owned(),
        body_bytes,
        complete,
    }
}

fn unversioned(path: &str) -> &str {
    match path.strip_prefix("/v1.") {
        Some(rest) => rest.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => path,
    }
}

fn respond(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn message(status: u16, message: &str) -> Response<Full<Bytes>> {
    respond(status, json!({ "message": message }).to_string())
}

fn ping(personality: Personality) -> Response<Full<Bytes>> {
    let mut response = respond(200, "");
    let headers = [
        ("server", personality.server),
        ("api-version", personality.api_version),
    ];
    for (name, value) in headers {
        if !value.is_empty() {
            let value = hyper::header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn image_in(path: &str, end: &str) -> Option<Digest> {
    path.strip_prefix("/images/")?
        .strip_suffix(end)?
        .parse()
        .ok()
}

/// The name that a request to tag an image has in its query.
fn name_in(query: Option<&str>) -> String {
    let parameter = |name| {
        let mut pairs = query
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find_map(|(key, value)| (key == name).then_some(value))
            .unwrap_or_default()
    };
    format!("{}:{}", parameter("repo"), parameter("tag"))
}

fn tag(store: &mut DockerStore, path: &str, query: Option<&str>) -> Response<Full<Bytes>> {
    let name = name_in(query);
    match image_in(path, "/tag") {
        Some(image) if store.tag(&image, &name) => respond(201, ""),
        _ => message(404, "No such image"),
    }
}

fn inspect(store: &DockerStore, path: &str) -> Response<Full<Bytes>> {
    let name = path
        .strip_prefix("/images/")
        .and_then(|path| path.strip_suffix("/json"));
    let image = name.and_then(|name| match name.parse() {
        Ok(id) => store.image(&id).map(|_| id),
        Err(_) => store.name(familiar(name)),
    });
    let Some(image) = image else {
        return message(404, "No such image");
    };
    let layers = store.image(&image).unwrap_or_default();
    let answer = json!({"Id": image, "RepoTags": store.names_of(&image),
        "GraphDriver": {"Name": "overlay2", "Data": {}},
        "RootFS": {"Type": "layers", "Layers": layers}});
    respond(200, answer.to_string())
}

async fn load(
    request: Request<Incoming>,
    path: &str,
    fault: Option<Fault>,
    shared: &Shared,
) -> Answer {
    let method = request.method().clone();
    let (archive, complete) = read_body(request.into_body(), fault.as_ref()).await;
    let mut state = shared.state();
    state
        .requests
        .push(record(&method, path, archive.len(), complete));
    if !complete {
        return match fault {
            Some(Fault::DiskFullAfter { .. }) => Ok(respond(
                200,
                refusal(
                    "write /var/lib/docker/tmp/docker-import-1/layers/x: no space left on device",
                ),
            )),
            _ => Err(Closed),
        };
    }
    Ok(respond(
        200,
        match fault {
            Some(Fault::LoadAnswer { body }) => body.to_owned(),
            Some(Fault::WrongId) => {
                stream(&[format!("Loaded image ID: {}", Digest::of(b"another"))])
            }
            fault if shared.personality.has_containerd_store => {
                load_oci_archive(&mut state.oci_store, &archive, fault.as_ref())
            }
            fault => load_archive(&mut state.store, &archive, fault.as_ref()),
        },
    ))
}

fn load_oci_archive(store: &mut OciStore, archive: &[u8], fault: Option<&Fault>) -> String {
    let mut lines = match store.load(archive) {
        Ok(lines) => lines,
        Err(error) => return refusal(&error),
    };
    if let Some(Fault::NotUnpacked { reason }) = fault {
        lines.push(format!("Error unpacking image: {reason}"));
    }
    stream(&lines)
}

fn load_archive(store: &mut DockerStore, archive: &[u8], fault: Option<&Fault>) -> String {
    let result = store.load(archive);
    match (&result, fault) {
        (Err(_), Some(Fault::PruneAfterProbe { keep })) => store.prune(*keep),
        (Err(error), Some(Fault::LosesOneMore)) => {
            if let Some((missing, _)) = find_layer_path(error) {
                store.prune(missing.saturating_sub(1));
            }
        }
        _ => {}
    }
    match (result, fault) {
        (Err(error), _) => refusal(&error),
        (Ok(_), Some(Fault::NoId)) => String::new(),
        (Ok(lines), _) => stream(&lines),
    }
}

/// Reads a body, as far as `fault` lets it; tells whether that was all of it.
async fn read_body(mut body: Incoming, fault: Option<&Fault>) -> (Vec<u8>, bool) {
    let limit = match fault {
        Some(Fault::CloseAfter { bytes } | Fault::DiskFullAfter { bytes }) => *bytes,
        _ => usize::MAX,
    };
    let mut read = Vec::new();
    while read.len() < limit {
        let Some(frame) = body.frame().await else {
            return (read, true);
        };
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(bytes)) => read.extend_from_slice(&bytes),
            Ok(Err(_)) => {}
            Err(_) => return (read, false),
        }
        if let Some(Fault::SlowReading { pause }) = fault {
            tokio::time::sleep(*pause).await;
        }
    }
    (read, false)
}

fn stream(lines: &[String]) -> String {
    let objects = lines
        .iter()
        .map(|line| json!({ "stream": format!("{line}\n") }));
    objects.map(|object| format!("{object}\r\n")).collect()
}

fn refusal(error: &str) -> String {
    format!(
        "{}\r\n",
        json!({"errorDetail": {"message": error}, "error": error})
    )
}
