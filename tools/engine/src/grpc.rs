//! gRPC over one HTTP/2 connection: tonic's client on hyper, without tonic's own transport.
//!
//! Messages are prost structs that are written by hand beside the calls that use them: of containerd's many only a few
//! are needed, and a build needs no `protoc`.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{CONNECTION, UPGRADE};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use crate::address::Address;
use crate::client::Client;
use crate::error::{Action, Error};
use crate::socket;
use stevedore_wire::empty;
use stevedore_wire::Traffic;

/// The `:authority` of every call. The servers look at paths alone.
const ORIGIN: &str = "http://engine";

/// The key that says in which of containerd's namespaces a call works.
const NAMESPACE: &str = "containerd-namespace";

/// The key that names the lease to which everything is added that a call makes or finds.
const LEASE: &str = "containerd-lease";

/// An HTTP/2 connection on which gRPC services are called, any number at a time. Clones share it.
#[derive(Clone)]
pub(crate) struct Channel {
    connection: Connection,
    address: Arc<Address>,
    metadata: MetadataMap,
}

impl Channel {
    /// A channel on the Unix socket `path`, which is that of `address`.
    pub(crate) async fn on_socket(
        path: &std::path::Path,
        address: Address,
        traffic: Traffic,
    ) -> Result<Self, Error> {
        let socket = socket::connect(&Address::Unix(path.to_owned()), traffic.clone()).await;
        let socket = socket.map_err(|error| Error::from_connect(&address, error))?;
        Self::open(TokioIo::new(socket), address, traffic).await
    }

    /// A channel on a connection of its own to a Docker, which serves gRPC after `POST /grpc` (one more request).
    ///
    /// Docker answers every caller, but has the content service only with the containerd image store.
    pub(crate) async fn on_docker(client: &Client) -> Result<Self, Error> {
        let action = Action::OpenGrpc;
        let request = client
            .request(Method::POST, "/grpc")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "h2c")
            .body(empty());
        let response = client.send(action, request).await?;
        let response = client.successful(action, response).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Status {
                action,
                status: response.status().as_u16(),
                message: "the connection was not upgraded to HTTP/2".to_owned(),
            });
        }
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| client.connection_lost(action, error))?;
        Self::open(upgraded, client.address().clone(), client.traffic().clone()).await
    }

    /// Begins HTTP/2 on `stream`, which counts what is written to it.
    async fn open<S>(stream: S, address: Address, traffic: Traffic) -> Result<Self, Error>
    where
        S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let handshake = http2::Builder::new(TokioExecutor::new())
            .handshake(stream)
            .await;
        let (sender, connection) = handshake.map_err(|error| Error::ConnectionLost {
            action: Action::OpenGrpc,
            address: address.clone(),
            bytes_sent: traffic.bytes_sent(),
            source: error.into(),
        })?;
        // Why it ends is told by the calls that were under way.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            connection: Connection { sender, traffic },
            address: Arc::new(address),
            metadata: MetadataMap::new(),
        })
    }

    /// The same connection; its calls work in containerd's namespace `name`.
    pub(crate) fn in_namespace(&self, name: &str) -> Self {
        self.with(NAMESPACE, name)
    }

    /// The same connection; what its calls make or find is added to the lease `id`.
    pub(crate) fn with_lease(&self, id: &str) -> Self {
        self.with(LEASE, id)
    }

    fn with(&self, key: &'static str, value: &str) -> Self {
        let mut channel = self.clone();
        // What is no header value is no name of containerd's either: it gets none, and says so itself.
        if let Ok(value) = MetadataValue::<Ascii>::try_from(value) {
            channel.metadata.insert(key, value);
        }
        channel
    }

    /// Asks one question that has one answer.
    pub(crate) async fn call<Question, Answer>(
        &self,
        action: Action,
        path: &'static str,
        question: Question,
    ) -> Result<Answer, Error>
    where
        Question: Message + 'static,
        Answer: Message + Default + 'static,
    {
        let codec = ProstCodec::<Question, Answer>::default();
        let answer = self
            .grpc()
            .unary(
                self.request(question),
                PathAndQuery::from_static(path),
                codec,
            )
            .await;
        Ok(answer
            .map_err(|status| self.failed(action, status))?
            .into_inner())
    }

    /// Asks one question that has any number of answers.
    pub(crate) async fn ask<Question, Answer>(
        &self,
        action: Action,
        path: &'static str,
        question: Question,
    ) -> Result<Answers<Answer>, Error>
    where
        Question: Message + 'static,
        Answer: Message + Default + 'static,
    {
        let questions = futures_util::stream::once(std::future::ready(question));
        self.converse(action, path, questions).await
    }

    /// Asks questions, and gets answers meanwhile. Comes back when the first answer has.
    pub(crate) async fn converse<Question, Answer>(
        &self,
        action: Action,
        path: &'static str,
        questions: impl Stream<Item = Question> + Send + 'static,
    ) -> Result<Answers<Answer>, Error>
    where
        Question: Message + 'static,
        Answer: Message + Default + 'static,
    {
        let codec = ProstCodec::<Question, Answer>::default();
        let request = self.request(questions);
        let path = PathAndQuery::from_static(path);
        let answers = self.grpc().streaming(request, path, codec).await;
        Ok(Answers {
            channel: self.clone(),
            action,
            stream: answers
                .map_err(|status| self.failed(action, status))?
                .into_inner(),
        })
    }

    fn grpc(&self) -> Grpc<Connection> {
        Grpc::with_origin(self.connection.clone(), Uri::from_static(ORIGIN))
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// Tells a broken connection from what the service says.
    fn failed(&self, action: Action, status: Status) -> Error {
        let broken = status
            .source()
            .and_then(|source| source.downcast_ref::<Broken>());
        match broken {
            Some(broken) => Error::ConnectionLost {
                action,
                address: Address::clone(&self.address),
                bytes_sent: self.connection.traffic.bytes_sent(),
                source: io::Error::other(broken.clone()).into(),
            },
            None => Error::Grpc {
                action,
                code: status.code(),
                message: status.message().to_owned(),
            },
        }
    }
}

/// Answers that come one by one.
pub(crate) struct Answers<T> {
    channel: Channel,
    action: Action,
    stream: Streaming<T>,
}

impl<T> Answers<T> {
    /// Waits for the next one; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, Error> {
        let answer = self.stream.message().await;
        answer.map_err(|status| self.channel.failed(self.action, status))
    }
}

/// What tonic sends requests through; it counts them.
#[derive(Clone)]
struct Connection {
    sender: SendRequest<Body>,
    traffic: Traffic,
}

impl tower_service::Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.sender.poll_ready(cx).map_err(Broken::from)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.traffic.count_request();
        let response = self.sender.send_request(request);
        Box::pin(async move {
            let response: Response<Incoming> = response.await?;
            Ok(response.map(|body| Body::new(body.map_err(Broken::from))))
        })
    }
}

/// The HTTP/2 connection broke. It is a type of its own because tonic makes a status like any other of hyper's errors.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
struct Broken {
    message: String,
}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self { message }
    }
}
