//! What goes wrong between a delivery and an engine.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use stevedore_image::digest::Digest;
pub use tonic::Code as GrpcCode;

use crate::address::Address;
use crate::ssh::SshError;
use stevedore_wire::TlsError;

/// What was asked of an engine when an [`Error`] occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// `HEAD /_ping`: what engine is it.
    Detect,
    /// `GET /info`: where does it keep its images.
    FindStore,
    /// Ask for the platform whose images run there.
    FindPlatform,
    /// `POST /images/{id}/tag`.
    Tag,
    /// `GET /images/{id}/json`.
    Inspect,
    /// `DELETE /images/{id}`.
    RemoveImage,
    /// `DELETE /images/{name}`.
    RemoveName,
    /// Listing the images, and those that containers have.
    ListImages,
    /// `POST /images/load`.
    Load,
    /// Creating a container.
    CreateContainer,
    /// Attaching to a container's standard streams.
    AttachContainer,
    /// Starting a container.
    StartContainer,
    /// Waiting for a container's end.
    WaitForContainer,
    /// Sending a signal to a container.
    SignalContainer,
    /// Telling a container the size of its terminal.
    ResizeTerminal,
    /// Asking for what is at a path in a container.
    FindFile,
    /// Putting files into a container.
    UploadFiles,
    /// Removing a container.
    RemoveContainer,
    /// Listing containers or volumes that were left behind.
    FindLeftovers,
    /// Making a volume.
    CreateVolume,
    /// Removing a volume.
    RemoveVolume,
    /// Opening an HTTP/2 connection for gRPC.
    OpenGrpc,
    /// `Info` and `List` of containerd's content service.
    FindBlobs,
    /// `Read` of containerd's content service.
    ReadBlob,
    /// `Write` of containerd's content service.
    WriteBlob,
    /// `Update` of containerd's content service.
    LabelBlob,
    /// `Abort` of containerd's content service.
    AbortWrite,
    /// `List` of containerd's namespaces service.
    FindNamespace,
    /// containerd's leases service.
    Lease,
    /// `Stat` of containerd's snapshots service.
    FindSnapshot,
    /// `Prepare` and `Commit` of containerd's snapshots service, `Apply` of its diff service.
    Unpack,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Detect => "detect the engine",
            Self::FindPlatform => "find out the engine's platform",
            Self::FindStore => "find out where the engine keeps its images",
            Self::Tag => "tag the image",
            Self::Inspect => "inspect the image",
            Self::RemoveImage => "remove the image",
            Self::RemoveName => "remove a name of the image",
            Self::ListImages => "list the images",
            Self::Load => "load the image",
            Self::CreateContainer => "create the container",
            Self::AttachContainer => "attach to the container",
            Self::StartContainer => "start the container",
            Self::WaitForContainer => "wait for the container",
            Self::SignalContainer => "send a signal to the container",
            Self::ResizeTerminal => "resize the container's terminal",
            Self::FindFile => "find a file in the container",
            Self::UploadFiles => "put files into the container",
            Self::RemoveContainer => "remove the container",
            Self::FindLeftovers => "find what earlier runs have left",
            Self::CreateVolume => "make the volume",
            Self::RemoveVolume => "remove the volume",
            Self::OpenGrpc => "open a gRPC connection",
            Self::FindBlobs => "find out which blobs are there",
            Self::ReadBlob => "read a blob",
            Self::WriteBlob => "write a blob",
            Self::LabelBlob => "label a blob",
            Self::AbortWrite => "give up writing a blob",
            Self::FindNamespace => "find the namespace",
            Self::Lease => "make or end a lease",
            Self::FindSnapshot => "find out whether the image is unpacked",
            Self::Unpack => "unpack a layer",
        })
    }
}

/// Why an engine could not do what it was asked.
///
/// An archive that the engine refuses is no error of this kind: see [`crate::Refusal`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no socket, or nobody listens on it.
    #[error("no container engine listens at `{address}`; start it, or name another one with `--host` or `DOCKER_HOST`")]
    NotListening {
        /// Where it should be.
        address: Address,
        /// What the operating system said.
        source: io::Error,
    },
    /// The socket is there, and this user may not use it.
    #[error(
        "no permission to use the container engine at `{address}`; {}, or name another engine with `--host` or \
         `DOCKER_HOST`",
        permission(.address)
    )]
    NoPermission {
        /// Where the engine is.
        address: Address,
        /// What the operating system said.
        source: io::Error,
    },
    /// No connection for another reason, such as a host name that is unknown.
    #[error("failed to connect to the container engine at `{address}`")]
    Connect {
        /// Where the engine should be.
        address: Address,
        /// What the operating system said.
        source: io::Error,
    },
    /// No connection by TLS.
    #[error("failed to connect to the container engine at `{address}` by TLS{}", tls_advice(.source))]
    Tls {
        /// Where the engine should be.
        address: Address,
        /// Why.
        source: TlsError,
    },
    /// The engine does not take plain HTTP: Go's servers answer so if they speak TLS.
    #[error(
        "the engine at `{address}` answers a plain request with status 400, as one does that speaks TLS: set \
         `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, or use a context of the Docker CLI"
    )]
    WantsTls {
        /// Where the engine is.
        address: Address,
    },
    /// No connection by ssh.
    #[error("failed to connect to the container engine at `{address}` by ssh")]
    Ssh {
        /// Where the engine should be.
        address: Address,
        /// Why.
        source: SshError,
    },
    /// The engine ended a connection before it had answered.
    #[error(
        "failed to {action}: the connection to `{address}` ended after {bytes_sent} bytes were sent; \
         look into the engine's log, it may have been stopped"
    )]
    ConnectionLost {
        /// What was asked.
        action: Action,
        /// Where the engine is.
        address: Address,
        /// Bytes sent to the engine since the first request.
        bytes_sent: u64,
        /// What the HTTP client said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What listens there does not answer like a container engine.
    #[error("`{address}` answers HTTP requests but is no container engine: its answer to `HEAD /_ping` has no usable `Api-Version` (found `{found}`)")]
    NotAnEngine {
        /// Where it is.
        address: Address,
        /// The header's value, or `none`.
        found: String,
    },
    /// The engine's newest API is older than the oldest that is spoken here.
    #[error(
        "the engine at `{address}` speaks API {found}; {needed} or newer is needed (Docker 20.10)"
    )]
    TooOld {
        /// Where the engine is.
        address: Address,
        /// The engine's API version.
        found: String,
        /// The oldest usable API version.
        needed: String,
    },
    /// The engine answered with an HTTP error.
    #[error("failed to {action}: the engine answered {status}: {message}")]
    Status {
        /// What was asked.
        action: Action,
        /// The HTTP status code.
        status: u16,
        /// The `message` of the JSON answer, or the start of what came instead.
        message: String,
    },
    /// The engine's command cannot be run.
    #[error(
        "failed to run `{program}`; install podman, or name another engine with `--host` or `DOCKER_HOST`"
    )]
    NoCommand {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The engine's command failed.
    #[error("failed to {action}: `{program}` ended with {status}: {message}")]
    Command {
        /// What was asked.
        action: Action,
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote to standard error, or the start of what could not be understood.
        message: String,
    },
    /// The engine's command could not be given its input, or its output not be read.
    #[error("failed to {action}: the connection to `{program}` broke")]
    CommandStreams {
        /// What was asked.
        action: Action,
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The engine's answer cannot be understood.
    #[error("failed to {action}: the engine's answer is malformed at `{excerpt}`")]
    MalformedAnswer {
        /// What was asked.
        action: Action,
        /// The start of what was not understood.
        excerpt: String,
        /// What the JSON parser said.
        source: serde_json::Error,
    },
    /// A gRPC service answered with an error.
    #[error("failed to {action}: the engine answered `{code:?}`: {message}")]
    Grpc {
        /// What was asked.
        action: Action,
        /// The kind of error.
        code: GrpcCode,
        /// The service's own words.
        message: String,
    },
    /// What listens there does not answer like containerd.
    #[error("`{address}` does not answer like containerd; a Docker or podman is named by `unix://` and its socket")]
    NotContainerd {
        /// Where it is.
        address: Address,
        /// What came of asking for its version.
        source: Box<Error>,
    },
    /// A namespace of containerd that nobody has made.
    #[error(
        "`{address}`: there is no namespace `{namespace}`, only `{found}`; \
         if it is meant, make it first: `ctr namespaces create {namespace}`"
    )]
    NoSuchNamespace {
        /// Where containerd is.
        address: Address,
        /// The one that was asked for.
        namespace: String,
        /// Those that are there.
        found: String,
    },
    /// containerd unpacked another tar than the one that was meant.
    #[error("the blob `{blob}` is not the layer that it should be: its diff_id is `{found}`, expected `{expected}`")]
    OtherLayer {
        /// The blob.
        blob: Digest,
        /// The layer's `diff_id`.
        expected: Digest,
        /// The digest of the tar in the blob.
        found: String,
    },
    /// The bytes of a blob that is being written could not be had.
    #[error("failed to write the blob `{digest}`: its bytes ended early")]
    BlobSource {
        /// The blob.
        digest: Digest,
        /// What whoever gives the bytes said.
        source: io::Error,
    },
    /// The engine did not tell how a container ended.
    #[error("failed to {action}: the engine did not tell its exit code: {message}")]
    NoExitCode {
        /// What was asked.
        action: Action,
        /// What it said instead.
        message: String,
    },
}

/// What lets a user use the socket at `address`.
fn permission(address: &Address) -> &'static str {
    match address {
        Address::Containerd { .. } => "containerd's socket is usually root's: run this as root",
        _ => {
            "join the group that owns the socket (usually `docker`: `sudo usermod -aG docker $USER`, then log in again)"
        }
    }
}

impl Error {
    /// Sorts a failed connect by what the user can do about it.
    pub(crate) fn from_connect(address: &Address, source: io::Error) -> Self {
        let address = address.clone();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Self::NotListening { address, source }
            }
            io::ErrorKind::PermissionDenied => Self::NoPermission { address, source },
            _ => Self::Connect { address, source },
        }
    }

    /// The kind of error with which a gRPC service answered; `None` for every other error.
    pub fn grpc_code(&self) -> Option<GrpcCode> {
        match self {
            Self::Grpc { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether no engine was reached at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::NotListening { .. }
                | Self::NoPermission { .. }
                | Self::Connect { .. }
                | Self::Tls { .. }
                | Self::WantsTls { .. }
                | Self::Ssh { .. }
                | Self::NotAnEngine { .. }
                | Self::NotContainerd { .. }
                | Self::TooOld { .. }
                | Self::NoCommand { .. }
        )
    }
}

/// What to do about a failure of TLS, where the Docker CLI's own settings say who is trusted.
fn tls_advice(error: &TlsError) -> &'static str {
    match error {
        TlsError::Read { .. } | TlsError::Pem { .. } | TlsError::NoRoots => {
            "; `DOCKER_CERT_PATH` or the Docker CLI's context names the folder of the certificates"
        }
        TlsError::WrongHost { .. } => {
            "; use a name in the address that the certificate is for, or have one made for this name"
        }
        TlsError::Expired => "; renew the engine's certificate, or set this machine's clock",
        TlsError::UnknownAuthority => {
            "; put the certificate of the engine's authority into `ca.pem` (`DOCKER_CERT_PATH` or the Docker CLI's context \
             names its folder)"
        }
        TlsError::Refused { .. } => {
            "; put `cert.pem` and `key.pem`, signed by the engine's authority, into the folder that `DOCKER_CERT_PATH` or \
             the Docker CLI's context names"
        }
        TlsError::NoTls => {
            "; unset `DOCKER_TLS_VERIFY` and `DOCKER_TLS`, or use a `tcp://` address"
        }
        _ => "",
    }
}
