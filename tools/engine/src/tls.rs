//! TLS to an engine: whom to trust, and who this client is.

use std::path::PathBuf;

/// The files of a TLS connection, all in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that are trusted, and no others; `None` for those of the system.
    pub ca: Option<PathBuf>,
    /// The certificate and the private key with which this client shows who it is.
    pub client: Option<ClientFiles>,
    /// Whether any certificate of the engine is taken. Only where Docker's own settings ask for it.
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
