//! All registries that one delivery talks to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use stevedore_image::repository::Repository;
use stevedore_wire::Transport;

use crate::authorizer::{Access, Authorizer, Scope};
use crate::certificates;
use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::host::Host;
use crate::options::Options;
use crate::repository_client::RepositoryClient;
use crate::sessions::Sessions;

/// The registries of one delivery; each is talked to over its own connections, which its repositories share.
pub struct Registries {
    options: Rc<Options>,
    connector: Connector,
    transport: Transport<Connector>,
    known: RefCell<HashMap<String, Rc<Registry>>>,
    sessions: Rc<Sessions>,
}

/// One registry.
pub(crate) struct Registry {
    pub(crate) host: Rc<Host>,
    pub(crate) authorizer: Authorizer,
}

impl Registries {
    /// None is talked to yet. Proxies come from the variables that curl reads: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub fn new(options: Options) -> Self {
        let connector = Connector::new(options.traffic.clone(), Matcher::from_env());
        Self {
            transport: Transport::new(connector.clone(), options.traffic.clone()),
            options: Rc::new(options),
            connector,
            known: RefCell::default(),
            sessions: Rc::default(),
        }
    }

    /// A repository; `mounts` are those at the same registry that blobs are mounted from, so that access to them is asked
    /// for at once.
    ///
    /// # Errors
    /// If the registry's certificates cannot be read.
    pub fn repository(
        &self,
        repository: &Repository,
        mounts: &[Repository],
    ) -> Result<RepositoryClient, Error> {
        let registry = self.registry(repository.domain())?;
        let path = |repository: &Repository| registry.host.endpoint.repository(repository.path());
        let mut sources: Vec<_> = mounts
            .iter()
            .filter(|mount| mount.domain() == repository.domain() && *mount != repository)
            .map(path)
            .collect();
        sources.sort();
        sources.dedup();
        let scope = Scope {
            repository: path(repository),
            access: Access::PullAndPush,
            sources,
        };
        Ok(self.client(registry, scope))
    }

    /// A repository that is only read.
    ///
    /// # Errors
    /// If the registry's certificates cannot be read.
    pub fn read_only(&self, repository: &Repository) -> Result<RepositoryClient, Error> {
        let registry = self.registry(repository.domain())?;
        let scope = Scope {
            repository: registry.host.endpoint.repository(repository.path()),
            access: Access::Pull,
            sources: Vec::new(),
        };
        Ok(self.client(registry, scope))
    }

    fn client(&self, registry: Rc<Registry>, scope: Scope) -> RepositoryClient {
        let (options, sessions) = (Rc::clone(&self.options), Rc::clone(&self.sessions));
        RepositoryClient::new(registry, scope, options, sessions)
    }

    /// Ends the uploads that were begun and are not complete, within `patience`.
    pub async fn cancel_uploads(&self, patience: Duration) {
        // What remains is removed by the registry some day.
        let _ = tokio::time::timeout(patience, self.sessions.cancel()).await;
    }

    fn registry(&self, domain: &str) -> Result<Rc<Registry>, Error> {
        if let Some(known) = self.known.borrow().get(domain) {
            return Ok(Rc::clone(known));
        }
        let endpoint = Endpoint::new(domain, &self.options.mirrors);
        let files = certificates::of(&self.options, endpoint.authority())?;
        self.connector.trust(endpoint.authority(), files);
        let host = Host::new(endpoint, Rc::clone(&self.options), self.transport.clone());
        let host = Rc::new(host);
        let authorizer = Authorizer::new(Rc::clone(&host), Rc::clone(&self.options));
        let registry = Rc::new(Registry { host, authorizer });
        let mut known = self.known.borrow_mut();
        known.insert(domain.to_owned(), Rc::clone(&registry));
        Ok(registry)
    }
}
