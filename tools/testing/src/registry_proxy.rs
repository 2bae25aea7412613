//! A proxy between a push and a real registry, that writes down what passes and does something to it.

mod answer_body;
mod body;
mod passage;
mod record;
mod rule;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub use record::PassedRequest;
pub use rule::{RegistryAnswer, RegistryFault, RegistryRule};

use rule::Plan;

/// Listens on this machine's TCP, and passes on to a registry what the rules let pass. It ends when it is dropped.
///
/// Each request has a connection of its own to the registry, so that what happens to one disturbs no other.
pub struct RegistryProxy {
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

/// What all connections share.
struct Shared {
    /// The proxy itself, as `HOST:PORT`.
    own: SocketAddr,
    /// The registry, as `HOST:PORT`.
    registry: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rules: Vec<RegistryRule>,
    requests: Vec<PassedRequest>,
}

impl RegistryProxy {
    /// Starts one before the registry at `registry`, a host and a port.
    ///
    /// # Errors
    /// If there is no port, or no thread.
    pub fn start(registry: &str) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            own: listener.local_addr()?,
            registry: registry.to_owned(),
            state: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
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
            shared,
            _stop: stop,
        })
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.shared.own.to_string()
    }

    /// Adds a rule; all that fit a request apply.
    pub fn add(&self, rule: RegistryRule) {
        self.shared.lock().rules.push(rule);
    }

    /// From now on everything passes.
    pub fn remove_rules(&self) {
        self.shared.lock().rules.clear();
    }

    /// The requests so far, in the order in which they came; those that are under way as far as they are.
    pub fn requests(&self) -> Vec<PassedRequest> {
        let state = self.shared.lock();
        state.requests.iter().map(PassedRequest::seen_now).collect()
    }

    /// The requests since the last call of this, as [`RegistryProxy::requests`] gives them.
    pub fn take_requests(&self) -> Vec<PassedRequest> {
        let requests = std::mem::take(&mut self.shared.lock().requests);
        requests.iter().map(PassedRequest::seen_now).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a request down, and tells what is to happen to it.
    fn admit(&self, request: PassedRequest) -> Plan {
        let mut state = self.lock();
        let mut plan = Plan::default();
        for rule in &mut state.rules {
            if let Some(fault) = rule.fault_for(&request.method, &request.path) {
                plan.add(fault);
            }
        }
        state.requests.push(request);
        plan
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A connection that breaks is what this is for.
        tokio::spawn(connect(stream, Arc::clone(&shared)));
    }
}

async fn connect(stream: TcpStream, shared: Arc<Shared>) -> hyper::Result<()> {
    let resets = Arc::new(AtomicBool::new(false));
    let connection = Connection {
        stream,
        resets: Arc::clone(&resets),
    };
    let service = service_fn(move |request| {
        let (shared, resets) = (Arc::clone(&shared), Arc::clone(&resets));
        async move {
            let passed = passage::pass(request, &shared).await;
            if passed.is_err() {
                resets.store(true, Ordering::SeqCst);
            }
            passed
        }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service)
        .await
}

/// A client's connection. It is reset, not closed, when it is dropped and is said to be.
struct Connection {
    stream: TcpStream,
    resets: Arc<AtomicBool>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.resets.load(Ordering::SeqCst) {
            // Without it the client sees an end, not a reset; the test says so then.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.resets.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
