//! A proxy between two sockets that counts: so that figures about a tool come from outside the tool.

mod distance;
mod disturbance;
mod endpoint;
mod frames;
mod request;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub(crate) use disturbance::Disturbance;
use disturbance::Gate;
use endpoint::{Endpoint, Stream};
pub(crate) use request::Request;
use request::RequestReader;

/// As much as is forwarded at once.
const BUFFER: usize = 256 * 1024;

/// What has passed since the proxy was started, or since it was last asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// The requests, in the order in which their heads came.
    pub(crate) requests: Vec<Request>,
    /// Bytes from the client to the server: heads, framing and bodies.
    pub(crate) sent: u64,
    /// Bytes from the server to the client.
    pub(crate) received: u64,
    /// What was not HTTP: the counts are then worthless.
    faults: Vec<String>,
}

impl Traffic {
    /// Requests that do not merely find out what the engine is.
    pub(crate) fn beyond_detection(&self) -> usize {
        self.requests
            .iter()
            .filter(|request| !detects(request))
            .count()
    }

    /// Requests that upload an image.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = &Request> {
        let requests = self.requests.iter();
        requests.filter(|request| posts_to(request, "/images/load"))
    }

    /// Requests that an engine pull an image.
    pub(crate) fn pulls(&self) -> impl Iterator<Item = &Request> {
        let requests = self.requests.iter();
        requests.filter(|request| posts_to(request, "/images/create"))
    }
}

fn posts_to(request: &Request, end: &str) -> bool {
    request.method == "POST" && path_of(request).ends_with(end)
}

fn detects(request: &Request) -> bool {
    ["/_ping", "/version", "/info"]
        .iter()
        .any(|end| path_of(request).ends_with(end))
}

fn path_of(request: &Request) -> &str {
    match request.target.split_once('?') {
        Some((path, _)) => path,
        None => &request.target,
    }
}

type Shared = Arc<Mutex<Traffic>>;

fn lock(traffic: &Shared) -> MutexGuard<'_, Traffic> {
    traffic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A proxy that listens until the process ends.
pub(crate) struct Proxy {
    endpoint: Endpoint,
    traffic: Shared,
    gate: Arc<Gate>,
}

impl Proxy {
    /// Listens on `socket`, which must not exist, and forwards to the server behind `upstream`.
    pub(crate) fn start(socket: &Path, upstream: &Path) -> Result<Self> {
        Self::disturbing(socket, upstream, Disturbance::None)
    }

    /// [`Proxy::start`] for one that does not leave the bytes alone.
    pub(crate) fn disturbing(
        socket: &Path,
        upstream: &Path,
        disturbance: Disturbance,
    ) -> Result<Self> {
        let socket = Endpoint::Socket(socket.to_owned());
        Self::between(socket, Endpoint::Socket(upstream.to_owned()), disturbance)
    }

    /// Listens on a port of the loopback interface, and forwards to the server at `upstream` (`127.0.0.1:5000`).
    pub(crate) fn before(upstream: &str, disturbance: Disturbance) -> Result<Self> {
        let upstream = upstream
            .parse()
            .with_context(|| format!("`{upstream}` is no address and port"))?;
        let port = Endpoint::Port((Ipv4Addr::LOCALHOST, 0).into());
        Self::between(port, Endpoint::Port(upstream), disturbance)
    }

    fn between(endpoint: Endpoint, upstream: Endpoint, disturbance: Disturbance) -> Result<Self> {
        let (listener, endpoint) = endpoint
            .clone()
            .listen()
            .with_context(|| format!("failed to listen on `{endpoint}`"))?;
        let traffic = Shared::default();
        let counting = Arc::clone(&traffic);
        let gate = Arc::new(Gate::new(disturbance));
        let passing = Arc::clone(&gate);
        thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || loop {
                let served = listener
                    .accept()
                    .context("failed to accept a connection")
                    .and_then(|client| serve(client, &upstream, &counting, &passing));
                if let Err(error) = served {
                    lock(&counting).faults.push(format!("{error:#}"));
                }
            })
            .context("failed to start the proxy")?;
        Ok(Self {
            endpoint,
            traffic,
            gate,
        })
    }

    /// Where it listens: as `DOCKER_HOST` names a socket, or `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        self.endpoint.to_string()
    }

    /// Whether it holds bytes back, as [`Disturbance::StopAfter`] says.
    pub(crate) fn holds(&self) -> bool {
        self.gate.holds()
    }

    /// Lets them go on.
    pub(crate) fn open(&self) {
        self.gate.open();
    }

    /// The bytes that clients have sent since the last [`Proxy::take`].
    pub(crate) fn sent(&self) -> u64 {
        lock(&self.traffic).sent
    }

    /// What has passed since the last call; an error if some of it could not be understood.
    pub(crate) fn take(&self) -> Result<Traffic> {
        let traffic = std::mem::take(&mut *lock(&self.traffic));
        match traffic.faults.first() {
            Some(fault) => anyhow::bail!("the proxy saw something that is not HTTP: {fault}"),
            None => Ok(traffic),
        }
    }
}

/// Starts the two threads of a connection: one for each direction.
fn serve(client: Stream, upstream: &Endpoint, traffic: &Shared, gate: &Arc<Gate>) -> Result<()> {
    let server = upstream
        .connect()
        .with_context(|| format!("failed to connect to `{upstream}`"))?;
    let reader = Arc::new(Mutex::new(RequestReader::new()));
    let up = Upward {
        reader: Arc::clone(&reader),
        traffic: Arc::clone(traffic),
        gate: Arc::clone(gate),
    };
    let down = Downward {
        reader,
        traffic: Arc::clone(traffic),
        gate: Arc::clone(gate),
    };
    let (client_up, server_up) = (client.try_clone()?, server.try_clone()?);
    let now = Instant::now();
    let way = gate.distance();
    // A connection that is made over a distance takes a round trip.
    let opens = now + way.unwrap_or_default() * 2;
    thread::spawn(move || forward(&client_up, &server_up, (way, opens), |bytes| up.pass(bytes)));
    thread::spawn(move || forward(&server, &client, (way, now), |bytes| down.pass(bytes)));
    Ok(())
}

/// Forwards until `from` ends, `to` takes no more, or `pass` says that no more may go on. It counts the bytes before they do:
/// whoever has an answer finds its request counted.
fn forward(
    from: &Stream,
    mut to: &Stream,
    (way, opens): (Option<Duration>, Instant),
    pass: impl Fn(&[u8]) -> bool,
) {
    match way {
        None => each_piece(from, |piece| pass(piece) && to.write_all(piece).is_ok()),
        Some(takes) => thread::scope(|scope| {
            let (way, arrival) = distance::way(takes, opens);
            scope.spawn(move || {
                while let Some(piece) = arrival.next() {
                    if to.write_all(&piece).is_err() {
                        ignore_closed(from.shutdown(Shutdown::Read));
                        break;
                    }
                }
            });
            each_piece(from, |piece| pass(piece) && way.send(piece));
            drop(way);
        }),
    }
    ignore_closed(to.shutdown(Shutdown::Write));
}

/// Hands out what comes, until it ends or `pass` says that no more can be passed on.
fn each_piece(mut from: &Stream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        if !pass(&buffer[..length]) {
            // The peer has closed: let the other side notice, as it would without a proxy.
            return ignore_closed(from.shutdown(Shutdown::Read));
        }
    }
}

/// Shutting down a socket fails only if its peer was quicker.
fn ignore_closed(_: std::io::Result<()>) {}

struct Upward {
    reader: Arc<Mutex<RequestReader>>,
    traffic: Shared,
    gate: Arc<Gate>,
}

impl Upward {
    fn pass(&self, bytes: &[u8]) -> bool {
        self.count(bytes);
        self.gate.up(bytes.len() as u64)
    }

    fn count(&self, bytes: &[u8]) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut traffic = lock(&self.traffic);
        traffic.sent += bytes.len() as u64;
        if let Err(error) = reader.read(bytes, &mut traffic.requests) {
            traffic.faults.push(format!("{error:#}"));
        }
    }
}

struct Downward {
    reader: Arc<Mutex<RequestReader>>,
    traffic: Shared,
    gate: Arc<Gate>,
}

impl Downward {
    fn pass(&self, bytes: &[u8]) -> bool {
        self.count(bytes);
        self.gate.down();
        true
    }

    fn count(&self, bytes: &[u8]) {
        lock(&self.traffic).received += bytes.len() as u64;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.asked_for_upgrade() {
            let status = bytes.split(|byte| *byte == b' ').nth(1);
            reader.answered(status == Some(b"101"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// A server that answers every connection once, after `length` bytes.
    fn answer(socket: &Path, length: usize) -> Result<()> {
        let listener = UnixListener::bind(socket)?;
        thread::spawn(move || -> std::io::Result<()> {
            for stream in listener.incoming() {
                let mut stream = stream?;
                stream.read_exact(&mut vec![0; length])?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            Ok(())
        });
        Ok(())
    }

    #[test]
    fn counts_what_passes() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (server, socket) = (folder.path().join("server"), folder.path().join("proxy"));
        let head = b"POST /v1.41/images/load HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
        answer(&server, head.len() + 1_000_000)?;
        let proxy = Proxy::start(&socket, &server)?;
        let mut client = UnixStream::connect(&socket)?;
        client.write_all(head)?;
        client.write_all(&vec![b'x'; 1_000_000])?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        assert!(answer.ends_with("ok"), "{answer}");
        let traffic = proxy.take()?;
        assert_eq!(traffic.sent, head.len() as u64 + 1_000_000);
        assert_eq!(traffic.received, answer.len() as u64);
        assert_eq!(
            traffic.uploads().map(Request::body).collect::<Vec<_>>(),
            [1_000_000]
        );
        assert_eq!(traffic.beyond_detection(), 1);
        assert_eq!(proxy.take()?.sent, 0);
        Ok(())
    }

    #[test]
    fn what_is_not_http_makes_the_figures_an_error() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (server, socket) = (folder.path().join("server"), folder.path().join("proxy"));
        answer(&server, 6)?;
        let proxy = Proxy::start(&socket, &server)?;
        let mut client = UnixStream::connect(&socket)?;
        client.write_all(b"?\r\n\r\n\r\n")?;
        client.read_to_end(&mut Vec::new())?;
        assert!(proxy.take().is_err());
        Ok(())
    }

    #[test]
    fn a_distance_costs_each_round_trip_and_the_connection() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let head = b"GET / HTTP/1.1\r\n\r\n";
            while stream.read_exact(&mut vec![0; head.len()]).is_ok() {
                stream.write_all(b"ok")?;
            }
            Ok(())
        });
        let way = Duration::from_millis(20);
        let proxy = Proxy::before(&address, Disturbance::Distance(way))?;
        let start = Instant::now();
        let mut client = TcpStream::connect(proxy.address())?;
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
            client.read_exact(&mut [0; 2])?;
        }
        // Three round trips.
        assert!(start.elapsed() >= way * 6, "{:?}", start.elapsed());
        assert_eq!(proxy.take()?.requests.len(), 2);
        Ok(())
    }
}
