//! Connecting to the hosts of registries and token servers, through a proxy if the environment names one.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use stevedore_wire::{connect_tcp, in_time, tls, Counted, Socket, TlsFiles, Traffic};
use tower_service::Service;

use crate::endpoint::{host_of, is_loopback};

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<Socket>>> + Send>>;

/// Connects to whatever host a URI names.
#[derive(Clone)]
pub(crate) struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    traffic: Traffic,
    proxies: Matcher,
    /// The certificates for each `host[:port]` that was asked for.
    files: Mutex<HashMap<String, TlsFiles>>,
    /// The authorities of all of them, for the hosts that they send us to: token servers, and those that take uploads.
    elsewhere: Mutex<TlsFiles>,
    clients: Mutex<HashMap<String, Arc<ClientConfig>>>,
}

impl Connector {
    /// One that knows no host yet.
    pub(crate) fn new(traffic: Traffic, proxies: Matcher) -> Self {
        Self {
            shared: Arc::new(Shared {
                traffic,
                proxies,
                files: Mutex::default(),
                elsewhere: Mutex::default(),
                clients: Mutex::default(),
            }),
        }
    }

    /// Uses `files` for connections to `authority`, and its authorities for hosts that nothing is known of.
    pub(crate) fn trust(&self, authority: &str, files: TlsFiles) {
        let mut elsewhere = lock(&self.shared.elsewhere);
        elsewhere.and_system = true;
        elsewhere.skip_verify |= files.skip_verify;
        elsewhere.ca.extend(files.ca.iter().cloned());
        lock(&self.shared.files).insert(authority.to_owned(), files);
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let connecting = shared.connect(&uri);
            Ok(TokioIo::new(in_time(connecting).await?))
        })
    }
}

impl Shared {
    async fn connect(&self, uri: &Uri) -> io::Result<Socket> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = host_of(authority);
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let proxy = match is_loopback(host) {
            true => None,
            false => self.proxies.intercept(uri),
        };
        let stream = match &proxy {
            None => self.tcp(host, port).await?,
            Some(proxy) if is_tls => self.tunnel(proxy, uri).await?,
            Some(proxy) => self.to_proxy(proxy).await?.to_proxy(),
        };
        if !is_tls {
            return Ok(stream);
        }
        let client = self.client(authority)?;
        Ok(Socket::on(tls::connect(client, host, stream).await?))
    }

    async fn tcp(&self, host: &str, port: u16) -> io::Result<Socket> {
        let stream = connect_tcp(host, port).await?;
        Ok(Socket::on(Counted::new(stream, self.traffic.clone())))
    }

    async fn to_proxy(&self, proxy: &Intercept) -> io::Result<Socket> {
        let uri = proxy.uri();
        if uri.scheme_str() != Some("http") {
            let host = uri.host().unwrap_or_default();
            let problem = format!(
                "the proxy `{host}` is not one of the kind `http://`, the only one that is known"
            );
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
        let host = uri.host().unwrap_or_default();
        self.tcp(host, uri.port_u16().unwrap_or(80)).await
    }

    async fn tunnel(&self, proxy: &Intercept, uri: &Uri) -> io::Result<Socket> {
        let stream = self.to_proxy(proxy).await?;
        let mut tunnel = Tunnel::new(proxy.uri().clone(), Connected(Some(stream)));
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let host = proxy.uri().host().unwrap_or_default();
        let tunnelled = tunnel.call(uri.clone()).await;
        let stream = tunnelled.map_err(|error| {
            io::Error::other(format!("the proxy `{host}` gives no tunnel: {error}"))
        })?;
        Ok(stream.into_inner())
    }

    fn client(&self, authority: &str) -> io::Result<Arc<ClientConfig>> {
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(authority) {
            return Ok(Arc::clone(client));
        }
        let files = lock(&self.files).get(authority).cloned();
        let files = files.unwrap_or_else(|| lock(&self.elsewhere).clone());
        let client = tls::client(&files)?;
        clients.insert(authority.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a connection that is there already.
struct Connected(Option<Socket>);

impl Service<Uri> for Connected {
    type Response = TokioIo<Socket>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take();
        Box::pin(async move {
            let gone = || io::Error::from(io::ErrorKind::NotConnected);
            stream.map(TokioIo::new).ok_or_else(gone)
        })
    }
}
