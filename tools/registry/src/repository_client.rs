//! One repository of a registry: requests with credentials, tried again where that may help.

use std::rc::Rc;

use hyper::{Method, StatusCode};

use crate::answer::Answer;
use crate::authorizer::Scope;
use crate::error::{Action, Error};
use crate::host::{Call, Headers, Target};
use crate::options::Options;
use crate::payload::Payload;
use crate::registries::Registry;
use crate::retry::{is_passing, Failure, Retries};
use crate::sessions::Sessions;

/// A repository, as one delivery sees it.
#[derive(Clone)]
pub struct RepositoryClient {
    pub(crate) registry: Rc<Registry>,
    scope: Rc<Scope>,
    pub(crate) options: Rc<Options>,
    pub(crate) sessions: Rc<Sessions>,
}

impl RepositoryClient {
    pub(crate) fn new(
        registry: Rc<Registry>,
        scope: Scope,
        options: Rc<Options>,
        sessions: Rc<Sessions>,
    ) -> Self {
        Self {
            registry,
            scope: Rc::new(scope),
            options,
            sessions,
        }
    }

    /// The repository's path at its host.
    pub(crate) fn path(&self) -> &str {
        &self.scope.repository
    }

    /// Where requests of the repository go; `rest` follows its name.
    pub(crate) fn target(&self, rest: &str) -> Target {
        Target::Path(format!("/v2/{}/{rest}", self.path()))
    }

    /// The registry's name, for messages.
    pub(crate) fn name(&self) -> String {
        self.registry.host.name()
    }

    /// Sends a request that carries nothing, until it is answered by something that does not pass.
    pub(crate) async fn ask(
        &self,
        action: Action,
        method: Method,
        target: Target,
        headers: Headers,
    ) -> Result<Answer, Error> {
        let call = Call {
            action,
            method,
            target,
            headers,
            payload: Payload::Empty,
        };
        self.persist(&call).await
    }

    /// Sends a request, with credentials and as often as it takes. An answer with another status than 401, 403 and those
    /// that pass is given, whatever it is.
    pub(crate) async fn persist(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let mut retries = Retries::new(&self.options);
        loop {
            match self.send(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => retries.after(failure).await?,
            }
        }
    }

    /// Sends a request once, with credentials: twice if those were not known, or have ended.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let authorizer = &self.registry.authorizer;
        let mut refused = 0;
        loop {
            let headers = authorizer.headers(&self.scope).await?;
            let answer = self.registry.host.exchange(call, &headers).await?;
            match answer.status {
                // Without credentials; with those that have ended; and with new ones.
                StatusCode::UNAUTHORIZED if refused < 2 => {
                    authorizer
                        .challenged(&answer, &self.scope, &headers)
                        .await?;
                    let is_in_vain = !headers.is_empty() && refused > 0;
                    if is_in_vain {
                        return Err(self.refused(call, &answer).into());
                    }
                    refused += 1;
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(self.refused(call, &answer).into())
                }
                status if is_passing(status) => {
                    let error = self.unexpected(call.action.clone(), &answer);
                    return Err(Failure::of_answer(&answer, error));
                }
                _ if answer.is_html() && answer.status.is_success() => {
                    return Err(self.not_a_registry(call.action.clone(), &answer).into())
                }
                _ => return Ok(answer),
            }
        }
    }

    fn refused(&self, call: &Call<'_>, answer: &Answer) -> Error {
        let authorizer = &self.registry.authorizer;
        authorizer.refused(call.action.clone(), answer, self.path())
    }

    /// The error for an answer that is none of those expected.
    pub(crate) fn unexpected(&self, action: Action, answer: &Answer) -> Error {
        if answer.is_html() && !is_passing(answer.status) {
            return self.not_a_registry(action, answer);
        }
        Error::Status {
            registry: self.name(),
            action,
            status: answer.status.as_u16(),
            message: match answer.is_html() {
                true => "a page of HTML".to_owned(),
                false => answer.message(),
            },
        }
    }

    fn not_a_registry(&self, action: Action, answer: &Answer) -> Error {
        Error::NotARegistry {
            registry: self.name(),
            action,
            status: answer.status.as_u16(),
        }
    }
}
