//! Why a registry could not do what it was asked.

use std::fmt;
use std::io;
use std::path::PathBuf;

use stevedore_image::digest::Digest;
use stevedore_wire::TlsError;

use crate::credentials::CredentialError;

/// What was asked of a registry when an [`Error`] occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// `HEAD` or `GET` of a manifest, by tag or digest.
    FindManifest(String),
    /// `PUT` of a manifest, by tag or digest.
    PutManifest(String),
    /// `HEAD` of a blob.
    FindBlob(Digest),
    /// `POST` to begin an upload, or to mount a blob.
    BeginUpload(Digest),
    /// `PUT` or `PATCH` of a blob's bytes.
    SendBlob(Digest),
    /// `GET` of an upload's offset.
    FindOffset(Digest),
    /// `DELETE` of an upload.
    CancelUpload,
    /// `GET` of a blob.
    GetBlob(Digest),
    /// `GET` or `POST` at the token server.
    GetToken,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FindManifest(reference) => write!(f, "look for the manifest `{reference}`"),
            Self::PutManifest(reference) => write!(f, "put the manifest `{reference}`"),
            Self::FindBlob(digest) => write!(f, "look for the blob `{digest}`"),
            Self::BeginUpload(digest) => write!(f, "begin the upload of the blob `{digest}`"),
            Self::SendBlob(digest) => write!(f, "send the blob `{digest}`"),
            Self::FindOffset(digest) => {
                write!(f, "find out how much of the blob `{digest}` has arrived")
            }
            Self::CancelUpload => f.write_str("cancel an upload"),
            Self::GetBlob(digest) => write!(f, "get the blob `{digest}`"),
            Self::GetToken => f.write_str("get a token"),
        }
    }
}

/// Why a registry could not do what it was asked. No credentials are in a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder of certificates cannot be read.
    #[error("failed to read the folder of certificates `{path}`")]
    CertificateFolder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A client's certificate without its key, or a key without a certificate.
    #[error("`{found}` has no `{missing}` beside it; a client's certificate is a pair of files, `NAME.cert` and `NAME.key`")]
    HalfPair {
        /// The file that is there.
        found: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// No connection.
    #[error("failed to connect to the registry `{registry}`; is its name right, and does it run?")]
    Connect {
        /// Host and port.
        registry: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// No connection by TLS.
    #[error("failed to connect to the registry `{registry}` by TLS{}", tls_advice(.source))]
    Tls {
        /// Host and port.
        registry: String,
        /// Why.
        source: TlsError,
    },
    /// The connection broke.
    #[error("the connection to `{registry}` broke: failed to {action}")]
    ConnectionLost {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// What the HTTP library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer.
    #[error("`{registry}` does not answer: failed to {action} within {seconds} s")]
    TimedOut {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// How long nothing came.
        seconds: u64,
    },
    /// An answer that tells failure.
    #[error("`{registry}` answered with status {status}: failed to {action}{}", colon(.message))]
    Status {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// The HTTP status.
        status: u16,
        /// The registry's error codes and messages, or the start of the body.
        message: String,
    },
    /// Status 401 with the credentials that there are.
    #[error(
        "`{registry}` wants other credentials: failed to {action} in `{repository}`{}; credentials: {credentials}; log in \
         with `docker login {registry}`, or correct that source",
        colon(.message)
    )]
    Unauthorized {
        /// Host and port.
        registry: String,
        /// The repository's path.
        repository: String,
        /// What was asked.
        action: Action,
        /// The registry's or the token server's words.
        message: String,
        /// Where the credentials came from.
        credentials: String,
    },
    /// Status 403.
    #[error(
        "`{registry}` does not allow it: failed to {action} in `{repository}`{}; credentials: {credentials}; does \
         the repository exist, and may this user do that there?",
        colon(.message)
    )]
    Denied {
        /// Host and port.
        registry: String,
        /// The repository's path.
        repository: String,
        /// What was asked.
        action: Action,
        /// The registry's or the token server's words.
        message: String,
        /// Where the credentials came from.
        credentials: String,
    },
    /// The registry asks for a kind of credentials that is not known.
    #[error("`{registry}` asks for credentials of an unknown kind (`{challenge}`); expected `Basic` or `Bearer`")]
    UnknownChallenge {
        /// Host and port.
        registry: String,
        /// The header `WWW-Authenticate`.
        challenge: String,
    },
    /// The token server did not give what it should.
    #[error("the token server `{realm}` of `{registry}` gave no token: {problem}")]
    Token {
        /// Host and port.
        registry: String,
        /// The URL.
        realm: String,
        /// What is wrong.
        problem: String,
    },
    /// A source of credentials fails.
    #[error("failed to get the credentials for `{registry}`")]
    Credentials {
        /// Host and port.
        registry: String,
        /// Which, and why.
        source: Box<CredentialError>,
    },
    /// What answers is no registry.
    #[error(
        "what answers at `{registry}` is no registry: a page of HTML came (status {status}), failed to {action}; is the \
         registry's name right, and is there a proxy with a log-in page?"
    )]
    NotARegistry {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// The HTTP status.
        status: u16,
    },
    /// An answer lacks what it must have.
    #[error("`{registry}` gave an answer without {missing}: failed to {action}")]
    Malformed {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// What is missing.
        missing: &'static str,
    },
    /// The registry has something else than was sent.
    #[error("`{registry}` says that it has stored `{found}`, expected `{expected}`: failed to {action}; the registry is at fault")]
    WrongDigest {
        /// Host and port.
        registry: String,
        /// What was asked.
        action: Action,
        /// What was sent.
        expected: Digest,
        /// What the registry says.
        found: String,
    },
    /// The registry found other bytes than it was told to expect.
    #[error("`{registry}` received other bytes than those of the blob `{digest}`{}", colon(.message))]
    DigestRefused {
        /// Host and port.
        registry: String,
        /// What the blob should have been.
        digest: Digest,
        /// The registry's words.
        message: String,
    },
    /// The registry says that a manifest's blob is not there.
    #[error("`{registry}` lacks a blob of the manifest `{reference}`{}", colon(.message))]
    BlobUnknown {
        /// Host and port.
        registry: String,
        /// Tag or digest.
        reference: String,
        /// The registry's words.
        message: String,
    },
    /// A blob that was to be fetched is not there.
    #[error(
        "`{registry}` has no blob `{digest}` in `{repository}`; was the image removed there? pull another version of it"
    )]
    NoSuchBlob {
        /// Host and port.
        registry: String,
        /// The repository's path.
        repository: String,
        /// The blob.
        digest: Digest,
    },
    /// A blob that was fetched has more bytes, or fewer, than its descriptor says.
    #[error("`{registry}` gave {found} bytes{} of the blob `{digest}`, expected {expected}; the registry is at fault", or_more(*.found > *.expected))]
    BlobSize {
        /// Host and port.
        registry: String,
        /// The blob.
        digest: Digest,
        /// Its size in bytes, as the manifest has it.
        expected: u64,
        /// How many came.
        found: u64,
    },
    /// The bytes that were fetched cannot be kept.
    #[error("failed to write the blob `{digest}`")]
    Sink {
        /// The blob.
        digest: Digest,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bytes to be sent cannot be had.
    #[error("failed to read the blob `{digest}`")]
    Source {
        /// The blob.
        digest: Digest,
        /// What its source said.
        source: io::Error,
    },
    /// It was tried again and again.
    #[error("gave up after {attempts} attempts in {seconds} s")]
    GaveUp {
        /// How often it was tried.
        attempts: u32,
        /// How long all that took.
        seconds: u64,
        /// The last failure.
        source: Box<Error>,
    },
}

impl Error {
    /// Whether no registry was reached.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Tls { .. } | Self::NotARegistry { .. } => true,
            Self::GaveUp { source, .. } => source.is_unreachable(),
            _ => false,
        }
    }

    /// Whether what was to be sent could not be had.
    pub fn is_about_source(&self) -> bool {
        match self {
            Self::Source { .. } => true,
            Self::GaveUp { source, .. } => source.is_about_source(),
            _ => false,
        }
    }
}

fn or_more(is_more: bool) -> &'static str {
    match is_more {
        true => " or more",
        false => "",
    }
}

fn colon(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

fn tls_advice(error: &TlsError) -> &'static str {
    match error {
        TlsError::UnknownAuthority => {
            "; put the certificate of its authority into a folder as `ca.crt` and name that with `--cert-dir`, or into \
             `/etc/docker/certs.d/HOST:PORT`"
        }
        TlsError::WrongHost { .. } => "; use a name that the certificate is for",
        TlsError::Expired => "; have the certificate renewed, or set this machine's clock",
        TlsError::Refused { .. } => {
            "; put `client.cert` and `client.key`, signed by the registry's authority, into the folder that `--cert-dir` names"
        }
        TlsError::NoTls => "; `--insecure` also tries plain HTTP",
        _ => "",
    }
}
