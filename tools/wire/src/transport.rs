//! HTTP/1.1 over [`Socket`]s: the one way on which requests leave, so that all are counted.

use std::io;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tower_service::Service;

use crate::socket::Socket;
use crate::traffic::Traffic;

/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A pool of connections that a connector `C` makes.
#[derive(Clone)]
pub struct Transport<C> {
    client: Client<C, Body>,
    traffic: Traffic,
}

impl<C> Transport<C>
where
    C: Service<Uri, Response = TokioIo<Socket>, Error = io::Error> + Clone + Send + Sync + 'static,
    C::Future: Send + Unpin,
{
    /// A transport without a connection yet; the first request makes one.
    pub fn new(connector: C, traffic: Traffic) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            traffic,
        }
    }

    /// Sends `request` and gives the answer's head; its body is still to be read.
    ///
    /// # Errors
    /// If there is no connection, or it breaks.
    pub async fn request(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        self.traffic.count_request();
        let response = self.client.request(request).await;
        if matches!(&response, Err(error) if error.is_connect()) {
            self.traffic.discount_request();
        }
        response
    }

    /// The counters of this transport.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

/// A request body without a byte.
pub fn empty() -> Body {
    full(Bytes::new())
}

/// A request body that is in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The first I/O error among the causes of `error`, copied.
pub fn find_io_error(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            });
        }
        cause = error.source();
    }
    None
}
