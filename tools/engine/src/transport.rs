//! The transport of requests to one engine.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::rt::TokioIo;
use stevedore_wire::{Socket, Traffic};

use crate::address::Address;
use crate::socket;

/// A pool of connections to one engine.
pub(crate) type Transport = stevedore_wire::Transport<Connector>;

/// A transport to the engine at `address` without a connection yet; the first request makes one.
pub(crate) fn to(address: Address, traffic: Traffic) -> Transport {
    let connector = Connector {
        address: Arc::new(address),
        traffic: traffic.clone(),
    };
    Transport::new(connector, traffic)
}

/// Connects to the one address, whatever the URI says.
#[derive(Clone)]
pub(crate) struct Connector {
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
