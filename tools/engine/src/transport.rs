//! HTTP/1.1 over [`Socket`]s: the one way on which requests leave, so that all are counted.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::address::Address;
use crate::socket;
use stevedore_wire::{Socket, Traffic};

/// The body of a request.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A pool of connections to one engine.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<Connector, Body>,
    traffic: Traffic,
}

impl Transport {
    /// A transport without a connection yet; the first request makes one.
    pub(crate) fn new(address: Address, traffic: Traffic) -> Self {
        let connector = Connector {
            address: Arc::new(address),
            traffic: traffic.clone(),
        };
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            traffic,
        }
    }

    /// Sends `request` and gives the answer's head; its body is still to be read.
    pub(crate) async fn request(
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
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

/// Connects to the one address, whatever the URI says.
#[derive(Clone)]
struct Connector {
    address: Arc<Address>,
    traffic: Traffic,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { address, traffic } = self.clone();
        Box::pin(async move { Ok(TokioIo::new(socket::connect(&address, traffic).await?)) })
    }
}
