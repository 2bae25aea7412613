//! What shows a registry who is there: found out when it asks, and renewed before it ends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use hyper::header::{HeaderName, HeaderValue, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode, Uri};
use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::challenge::{self, Challenge};
use crate::credentials::{Credentials, Secret};
use crate::error::{Action, Error};
use crate::host::{Call, Headers, Host, Target};
use crate::options::Options;
use crate::payload::Payload;
use crate::retry::{Failure, Retries};
use crate::token::{self, Token};

/// What is to be done in one repository, and those that it mounts from.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The repository's path.
    pub(crate) repository: String,
    /// What is done there.
    pub(crate) access: Access,
    /// Paths of repositories whose blobs are mounted.
    pub(crate) sources: Vec<String>,
}

/// What a token is to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    PullAndPush,
}

/// Answers the challenges of one registry.
pub(crate) struct Authorizer {
    host: Rc<Host>,
    options: Rc<Options>,
    challenge: RefCell<Option<Challenge>>,
    grants: RefCell<HashMap<String, Rc<Mutex<Option<Grant>>>>>,
    /// Where the credentials for each repository came from, for messages.
    sources: RefCell<HashMap<String, String>>,
}

/// What a repository's requests carry.
struct Grant {
    headers: Headers,
    /// `None`: as long as it is not refused.
    renew_at: Option<Instant>,
}

impl Authorizer {
    pub(crate) fn new(host: Rc<Host>, options: Rc<Options>) -> Self {
        Self {
            host,
            options,
            challenge: RefCell::default(),
            grants: RefCell::default(),
            sources: RefCell::default(),
        }
    }

    /// The headers for the next request; none as long as the registry has not asked for any.
    pub(crate) async fn headers(&self, scope: &Scope) -> Result<Headers, Error> {
        let Some(challenge) = self.challenge.borrow().clone() else {
            return Ok(Headers::new());
        };
        // One at a time, so that a token is asked for once.
        let grant = self.grant(&scope.repository);
        let mut grant = grant.lock().await;
        if let Some(grant) = grant.as_ref().filter(|grant| grant.is_fresh()) {
            return Ok(grant.headers.clone());
        }
        let new = self.obtain(&challenge, scope).await?;
        Ok(grant.insert(new).headers.clone())
    }

    /// Takes note of an answer with status 401 to a request that had the headers `used`.
    ///
    /// # Errors
    /// If the registry asks for something unknown.
    pub(crate) async fn challenged(
        &self,
        answer: &Answer,
        scope: &Scope,
        used: &Headers,
    ) -> Result<(), Error> {
        let values = answer.headers.get_all(WWW_AUTHENTICATE);
        let values: Vec<_> = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let challenge = challenge::parse(values.iter().copied());
        let challenge = challenge.ok_or_else(|| Error::UnknownChallenge {
            registry: self.host.name(),
            challenge: values.join(", "),
        })?;
        self.challenge.replace(Some(challenge));
        let grant = self.grant(&scope.repository);
        let mut grant = grant.lock().await;
        // Somebody else may have renewed it meanwhile.
        if grant.as_ref().is_some_and(|grant| grant.headers == *used) {
            *grant = None;
        }
        Ok(())
    }

    /// Where the credentials for a repository came from.
    fn source(&self, repository: &str) -> String {
        let sources = self.sources.borrow();
        sources
            .get(repository)
            .cloned()
            .unwrap_or_else(|| "nobody".to_owned())
    }

    fn grant(&self, repository: &str) -> Rc<Mutex<Option<Grant>>> {
        let mut grants = self.grants.borrow_mut();
        Rc::clone(grants.entry(repository.to_owned()).or_default())
    }

    async fn obtain(&self, challenge: &Challenge, scope: &Scope) -> Result<Grant, Error> {
        let Credentials { secret, source } = self.credentials(scope).await?;
        let source = source.to_string();
        self.sources
            .borrow_mut()
            .insert(scope.repository.clone(), source);
        match (challenge, secret) {
            (_, Secret::RegistryToken(token)) => self.lasting(format!("Bearer {token}")),
            (Challenge::Basic, Secret::Basic { user, password }) => {
                self.lasting(basic(&user, &password))
            }
            (Challenge::Bearer { .. }, Secret::Headers(headers))
                if authorization(&headers).is_some_and(|value| value.starts_with("Basic ")) =>
            {
                self.bearer(challenge, scope, Secret::Headers(headers))
                    .await
            }
            (_, Secret::Headers(headers)) => self.lasting_headers(&headers),
            (Challenge::Bearer { .. }, secret) => self.bearer(challenge, scope, secret).await,
            (Challenge::Basic, _) => Ok(Grant {
                headers: Headers::new(),
                renew_at: None,
            }),
        }
    }

    async fn credentials(&self, scope: &Scope) -> Result<Credentials, Error> {
        let name = &self.host.endpoint.name;
        let uri = format!(
            "https://{}/v2/{}/",
            self.host.endpoint.authority(),
            scope.repository
        );
        let found = self
            .options
            .credentials
            .find(name, &scope.repository, &uri)
            .await;
        found.map_err(|source| Error::Credentials {
            registry: self.host.name(),
            source: Box::new(source),
        })
    }

    fn lasting(&self, authorization: String) -> Result<Grant, Error> {
        self.lasting_headers(&[("authorization".to_owned(), authorization)])
    }

    fn lasting_headers(&self, headers: &[(String, String)]) -> Result<Grant, Error> {
        Ok(Grant {
            headers: self.sensitive(headers)?,
            renew_at: None,
        })
    }

    fn sensitive(&self, headers: &[(String, String)]) -> Result<Headers, Error> {
        let convert = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        };
        let converted: Option<Headers> = headers.iter().map(convert).collect();
        converted.ok_or_else(|| Error::Malformed {
            registry: self.host.name(),
            action: Action::GetToken,
            missing: "credentials that can be sent in a header",
        })
    }

    /// Asks the token server. One that refuses a repository to mount from may refuse everything for that: then it is asked for
    /// the own one alone.
    async fn bearer(
        &self,
        challenge: &Challenge,
        scope: &Scope,
        secret: Secret,
    ) -> Result<Grant, Error> {
        let asked = self.bearer_for(challenge, scope, secret.clone()).await;
        match &asked {
            Err(Error::Unauthorized { .. } | Error::Denied { .. } | Error::Status { .. })
                if !scope.sources.is_empty() =>
            {
                let own = Scope {
                    sources: Vec::new(),
                    ..scope.clone()
                };
                // The first refusal says no more than this one.
                self.bearer_for(challenge, &own, secret).await
            }
            _ => asked,
        }
    }

    async fn bearer_for(
        &self,
        challenge: &Challenge,
        scope: &Scope,
        secret: Secret,
    ) -> Result<Grant, Error> {
        let Challenge::Bearer { realm, service } = challenge else {
            return self.lasting_headers(&[]);
        };
        let scopes = scope.texts();
        let call = self.token_call(realm, service.as_deref(), &scopes, &secret)?;
        let headers = match &secret {
            Secret::Basic { user, password } => {
                self.sensitive(&[("authorization".to_owned(), basic(user, password))])?
            }
            Secret::Headers(headers) => self.sensitive(headers)?,
            _ => Headers::new(),
        };
        let call = Call {
            headers: call.headers.into_iter().chain(headers).collect(),
            ..call
        };
        let asked = Instant::now();
        let answer = self.ask(&call, scope).await?;
        let no_token = |problem: String| Error::Token {
            registry: self.host.name(),
            realm: realm.clone(),
            problem,
        };
        let Some(token) = Token::parse(&answer.body, asked) else {
            let problem = "its answer has neither `token` nor `access_token`";
            return Err(no_token(problem.to_owned()));
        };
        let bearer = format!("Bearer {}", token.value);
        Ok(Grant {
            headers: self.sensitive(&[("authorization".to_owned(), bearer)])?,
            renew_at: Some(token.renew_at),
        })
    }

    fn token_call(
        &self,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
        secret: &Secret,
    ) -> Result<Call<'static>, Error> {
        let no_token = |problem: &str| Error::Token {
            registry: self.host.name(),
            realm: realm.to_owned(),
            problem: problem.to_owned(),
        };
        let is_refresh = matches!(secret, Secret::IdentityToken(_));
        let account = match secret {
            Secret::Basic { user, .. } => Some(user.as_str()),
            _ => None,
        };
        let url = match is_refresh {
            true => realm.to_owned(),
            false => {
                let separator = if realm.contains('?') { '&' } else { '?' };
                format!(
                    "{realm}{separator}{}",
                    token::query(service, scopes, account)
                )
            }
        };
        let url: Uri = url.parse().map_err(|_| no_token("that is no URL"))?;
        if !matches!(secret, Secret::None) && !self.host.may_see_credentials(&url) {
            return Err(no_token(
                "it would get the credentials by plain HTTP; `--insecure` allows that",
            ));
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let (method, headers, payload) = match secret {
            Secret::IdentityToken(token) => (
                Method::POST,
                vec![(CONTENT_TYPE, form)],
                Payload::Bytes(token::refresh_form(service, scopes, token)),
            ),
            _ => (Method::GET, Headers::new(), Payload::Empty),
        };
        Ok(Call {
            action: Action::GetToken,
            method,
            target: Target::Url(url),
            headers,
            payload,
        })
    }

    async fn ask(&self, call: &Call<'_>, scope: &Scope) -> Result<Answer, Error> {
        let mut retries = Retries::new(&self.options);
        loop {
            let failure = match self.host.exchange(call, &Headers::new()).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => {
                    let error = self.refused(Action::GetToken, &answer, &scope.repository);
                    Failure::of_answer(&answer, error)
                }
                Err(failure) => failure,
            };
            retries.after(failure).await?;
        }
    }

    /// The error for an answer that lets nobody in: of the registry, about `repository`, or of its token server.
    pub(crate) fn refused(&self, action: Action, answer: &Answer, repository: &str) -> Error {
        let registry = self.host.name();
        let message = answer.message();
        let credentials = self.source(repository);
        let repository = repository.to_owned();
        match answer.status {
            StatusCode::UNAUTHORIZED => Error::Unauthorized {
                registry,
                repository,
                action,
                message,
                credentials,
            },
            StatusCode::FORBIDDEN => Error::Denied {
                registry,
                repository,
                action,
                message,
                credentials,
            },
            status => Error::Status {
                registry,
                action,
                status: status.as_u16(),
                message,
            },
        }
    }
}

impl Grant {
    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

impl Scope {
    /// As token servers read it.
    fn texts(&self) -> Vec<String> {
        let access = match self.access {
            Access::Pull => "pull",
            Access::PullAndPush => "pull,push",
        };
        let own = format!("repository:{}:{access}", self.repository);
        let sources = self
            .sources
            .iter()
            .map(|path| format!("repository:{path}:pull"));
        std::iter::once(own).chain(sources).collect()
    }
}

fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}

fn authorization(headers: &[(String, String)]) -> Option<&str> {
    let mut headers = headers.iter();
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()));
    found.map(|(_, value)| value.as_str())
}
