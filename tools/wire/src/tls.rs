//! TLS: whom to trust, and who this client is.

mod error;
mod unverified;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;

pub use error::TlsError;
use unverified::Unverified;

/// The files of a TLS connection, all in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Files with the authorities that are trusted; none: those of the system.
    pub ca: Vec<PathBuf>,
    /// Whether the authorities of the system are trusted beside those of `ca`.
    pub and_system: bool,
    /// The certificate and the private key with which this client shows who it is.
    pub client: Option<ClientFiles>,
    /// Whether any certificate of the server is taken. Only where the user asks for it.
    pub skip_verify: bool,
}

/// A client's certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key: PKCS#1, PKCS#8 or SEC1, not encrypted.
    pub key: PathBuf,
}

/// Reads `files`.
///
/// # Errors
/// If a file cannot be used.
pub fn client(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(files, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Handshake)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(client) = &files.client else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let certificates = certificates(&client.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&client.key)
        .map_err(|source| TlsError::from_pem(&client.key, "private key", source))?;
    let config = builder
        .with_client_auth_cert(certificates, key)
        .map_err(|source| TlsError::from_client(client, source))?;
    Ok(Arc::new(config))
}

/// Talks TLS on `stream` to the server whose certificate is for `host`.
///
/// # Errors
/// A [`TlsError`] inside, or what the stream said.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    client: Arc<ClientConfig>,
    host: &str,
    stream: S,
) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::BadHost {
        host: host.to_owned(),
    })?;
    let connecting = TlsConnector::from(client).connect(name, stream);
    connecting.await.map_err(|error| {
        match TlsError::find(&error) {
            Some(tls) => tls.into(),
            // A connection that breaks while certificates are exchanged.
            None => error,
        }
    })
}

fn verifier(
    files: &TlsFiles,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if files.skip_verify {
        return Ok(Arc::new(Unverified::new(&provider)));
    }
    let mut roots = match files.ca.is_empty() || files.and_system {
        true => system_roots(),
        false => RootCertStore::empty(),
    };
    for path in &files.ca {
        for certificate in certificates(path)? {
            let added = roots.add(certificate);
            added.map_err(|source| TlsError::BadCertificate {
                path: path.clone(),
                source,
            })?;
        }
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    Ok(built.map_err(|_| TlsError::NoRoots)?)
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Among a system's authorities there may be some that cannot be read.
    roots.add_parsable_certificates(found.certs);
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::from_pem(path, "certificate", source);
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    match certificates.is_empty() {
        true => Err(failed(pem::Error::NoItemsFound)),
        false => Ok(certificates),
    }
}
