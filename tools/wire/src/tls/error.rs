//! Why TLS with a server fails.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::ClientFiles;

/// Why there is no TLS connection. No key and no certificate is repeated in a message; what to do about it depends on who
/// connects to whom, so that is left to the caller.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("failed to read the {what} `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// A file does not hold what it should.
    #[error("`{path}` holds no {what} in PEM, without encryption: {problem}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the parser said.
        problem: String,
    },
    /// A certificate in a file is none that can be trusted.
    #[error("a certificate in `{path}` cannot be used")]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// The client's key belongs to another certificate.
    #[error("the private key `{key}` does not belong to the certificate `{certificate}`")]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The client's certificate or key is of a kind that cannot be used.
    #[error("the certificate `{certificate}` with the private key `{key}` cannot be used")]
    BadClient {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// There is no authority that could be trusted.
    #[error(
        "the system has no certificates of authorities; install the package `ca-certificates`"
    )]
    NoRoots,
    /// No certificate can be made for such a host.
    #[error("`{host}` is neither a host name nor an IP address, so no certificate can be for it")]
    BadHost {
        /// The host.
        host: String,
    },
    /// The server's certificate is for other hosts.
    #[error("the server's certificate is not for `{host}`, but for {names}")]
    WrongHost {
        /// The host that was connected to.
        host: String,
        /// Those that the certificate is for.
        names: String,
    },
    /// The server's certificate is no longer valid.
    #[error("the server's certificate has expired")]
    Expired,
    /// The server's certificate was signed by somebody else.
    #[error("the server's certificate is signed by an unknown authority")]
    UnknownAuthority,
    /// The server does not take this client, or wants a certificate of it.
    #[error("the server refuses this client's certificate, or wants one ({alert})")]
    Refused {
        /// The alert that it sent.
        alert: String,
    },
    /// What listens there speaks something else.
    #[error("what listens there does not speak TLS")]
    NoTls,
    /// Another failure.
    #[error("the TLS handshake failed")]
    Handshake(#[source] rustls::Error),
}

impl TlsError {
    /// The first failure of TLS among the causes of `error`.
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            // What is inside an I/O error is not among its causes, but the causes of that are.
            let inner = match error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                Some(inner) => inner as &(dyn StdError + 'static),
                None => error,
            };
            if let Some(error) = inner.downcast_ref::<Self>() {
                return Some(error.clone());
            }
            if let Some(error) = inner.downcast_ref::<rustls::Error>() {
                return Some(error.clone().into());
            }
            cause = inner.source();
        }
        None
    }

    pub(super) fn from_pem(path: &Path, what: &'static str, source: pem::Error) -> Self {
        let path = path.to_owned();
        match source {
            pem::Error::Io(source) => Self::Read {
                path,
                what,
                source: Arc::new(source),
            },
            pem::Error::NoItemsFound => Self::Pem {
                path,
                what,
                problem: "nothing of that kind is in it".to_owned(),
            },
            // The others may repeat a line of the file.
            _ => Self::Pem {
                path,
                what,
                problem: "it is damaged".to_owned(),
            },
        }
    }

    pub(super) fn from_client(files: &ClientFiles, source: rustls::Error) -> Self {
        let (certificate, key) = (files.certificate.clone(), files.key.clone());
        match source {
            rustls::Error::InconsistentKeys(_) => Self::KeyMismatch { certificate, key },
            source => Self::BadClient {
                certificate,
                key,
                source,
            },
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(problem) => Self::from_certificate(problem),
            rustls::Error::AlertReceived(
                alert @ (AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied),
            ) => Self::Refused {
                alert: format!("{alert:?}"),
            },
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NoTls,
            error => Self::Handshake(error),
        }
    }
}

impl TlsError {
    fn from_certificate(problem: CertificateError) -> Self {
        match problem {
            // The second one: an authority of the same name, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UnknownAuthority
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::WrongHost {
                host: expected.to_str().into_owned(),
                names: names(&presented),
            },
            problem => Self::Handshake(rustls::Error::InvalidCertificate(problem)),
        }
    }
}

/// The names of a certificate, which come as `DnsName("there")` and `IpAddress(10.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').map_or(name.as_str(), |(_, name)| name);
        format!("`{}`", inside.trim_end_matches(')').trim_matches('"'))
    };
    match presented {
        [] => "no host at all".to_owned(),
        names => names.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::other(error)
    }
}
