//! TLS before an engine's Unix socket.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Certificate};

/// Listens on this machine's TCP, and passes on to an engine what comes by TLS. It ends when it is dropped.
pub struct TlsFront {
    address: SocketAddr,
    _stop: oneshot::Sender<Infallible>,
}

impl TlsFront {
    /// Starts one before the engine at `upstream`, which shows `certificate`, and wants one of its clients if they are
    /// to be signed by `clients`.
    ///
    /// # Errors
    /// If there is no port, no thread, or the certificate cannot be used.
    pub fn start(
        upstream: &Path,
        certificate: &Certificate,
        clients: Option<&Authority>,
    ) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(configure(certificate, clients)?));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let upstream = upstream.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, acceptor, upstream) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    /// Its port on `localhost`, 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

fn configure(certificate: &Certificate, clients: Option<&Authority>) -> io::Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(read_certificate(&authority.pem())?)
                .map_err(io::Error::other)?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
        }
        None => builder.with_no_client_auth(),
    };
    let key =
        PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).map_err(io::Error::other)?;
    builder
        .with_single_cert(vec![read_certificate(&certificate.pem)?], key)
        .map_err(io::Error::other)
}

fn read_certificate(pem: &str) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)
}

async fn serve(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    upstream: PathBuf,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        // A client that is refused, or that breaks off, is what many tests are about.
        tokio::spawn(pass_on(client, acceptor.clone(), upstream.clone()));
    }
}

async fn pass_on(client: TcpStream, acceptor: TlsAcceptor, upstream: PathBuf) -> io::Result<()> {
    let (mut requests, mut back) = tokio::io::split(acceptor.accept(client).await?);
    let (mut answers, mut engine) = tokio::io::split(UnixStream::connect(upstream).await?);
    let asking = async {
        // An engine that reads no more may still have an answer.
        if tokio::io::copy(&mut requests, &mut engine).await.is_ok() {
            let _ = engine.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        copied = tokio::io::copy(&mut answers, &mut back) => copied?,
        () = asking => 0,
    };
    back.shutdown().await
}
