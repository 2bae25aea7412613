//! Uploads that have begun and are not complete.

use std::cell::RefCell;
use std::collections::HashMap;

use hyper::Method;

use crate::error::Action;
use crate::host::{Call, Headers, Target};
use crate::payload::Payload;
use crate::repository_client::RepositoryClient;

/// An upload, as the registry keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Where its next request goes.
    pub(crate) location: Target,
    /// The number of bytes that a part must have at least, if the registry wants parts.
    pub(crate) chunk: Option<u64>,
}

/// All uploads that are open, so that they can be ended when the delivery is.
#[derive(Default)]
pub(crate) struct Sessions {
    open: RefCell<HashMap<u64, (RepositoryClient, Target)>>,
    next: RefCell<u64>,
}

impl Sessions {
    /// Takes note of an upload, and gives the number by which it is known.
    pub(crate) fn add(&self, repository: &RepositoryClient, session: &Session) -> u64 {
        let mut next = self.next.borrow_mut();
        *next += 1;
        self.moved(*next, repository, session);
        *next
    }

    /// The upload goes on at another place.
    pub(crate) fn moved(&self, number: u64, repository: &RepositoryClient, session: &Session) {
        let entry = (repository.clone(), session.location.clone());
        self.open.borrow_mut().insert(number, entry);
    }

    /// The upload is complete, or gone.
    pub(crate) fn remove(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
    }

    /// Ends them all. One that does not let itself be ended is left to the registry.
    pub(crate) async fn cancel(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        let cancelling = open.into_values().map(|(repository, location)| async move {
            cancel(&repository, location).await;
        });
        futures_util::future::join_all(cancelling).await;
    }
}

/// Ends an upload, if the registry lets it be ended.
pub(crate) async fn cancel(repository: &RepositoryClient, location: Target) {
    let call = Call {
        action: Action::CancelUpload,
        method: Method::DELETE,
        target: location,
        headers: Headers::new(),
        payload: Payload::Empty,
    };
    // Registries remove what is left of uploads after a while.
    let _ = repository.send(&call).await;
}
