//! One host: requests go there, and answers come back.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{HeaderName, HeaderValue, CONTENT_LENGTH, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy;
use stevedore_wire::{find_io_error, TlsError, Transport};
use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::connector::Connector;
use crate::endpoint::{is_loopback, Endpoint};
use crate::error::{Action, Error};
use crate::options::{Notice, Options};
use crate::payload::{Payload, Watch};
use crate::retry::Failure;

/// The longest answer that is read into memory: as large as a manifest may be in most registries.
const MAX_ANSWER: usize = 8 << 20;

/// How long a registry may work on a blob that has arrived: some copy it within an object store.
const COMMIT: Duration = Duration::from_secs(600);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

const AGENT: &str = concat!("rules_stevedore/", env!("CARGO_PKG_VERSION"));

pub(crate) type Headers = Vec<(HeaderName, HeaderValue)>;

/// One request, which can be sent several times.
pub(crate) struct Call<'a> {
    pub(crate) action: Action,
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: Headers,
    pub(crate) payload: Payload<'a>,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A path, with a query, at the registry.
    Path(String),
    /// Anywhere.
    Url(Uri),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A registry's host, and the connections to it and to those that it sends us to.
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    options: Rc<Options>,
    transport: Transport<Connector>,
    /// What the host has answered to.
    scheme: Cell<Option<Scheme>>,
    settling: Mutex<()>,
}

impl Host {
    pub(crate) fn new(
        endpoint: Endpoint,
        options: Rc<Options>,
        transport: Transport<Connector>,
    ) -> Self {
        Self {
            endpoint,
            options,
            transport,
            scheme: Cell::new(None),
            settling: Mutex::new(()),
        }
    }

    /// How users call it.
    pub(crate) fn name(&self) -> String {
        self.endpoint.name.clone()
    }

    /// Sends a request and reads the answer, whatever it is. `authorization` goes to this host only.
    pub(crate) async fn exchange(
        &self,
        call: &Call<'_>,
        authorization: &Headers,
    ) -> Result<Answer, Failure> {
        if let Target::Url(url) = &call.target {
            return self.follow(url.clone(), call, authorization).await;
        }
        if let Some(scheme) = self.scheme.get() {
            return self.at(scheme, call, authorization).await;
        }
        // The first request finds out which scheme it is; the others wait for that.
        let _settling = self.settling.lock().await;
        match self.scheme.get() {
            Some(scheme) => self.at(scheme, call, authorization).await,
            None => self.settle(call, authorization).await,
        }
    }

    /// On this machine plain HTTP is what most registries speak, and nobody listens in. Elsewhere it is taken only if that
    /// was asked for, and TLS was tried.
    async fn settle(&self, call: &Call<'_>, authorization: &Headers) -> Result<Answer, Failure> {
        let (first, second) = match (self.endpoint.is_loopback(), self.options.insecure) {
            (true, _) => (Scheme::Http, Some(Scheme::Https)),
            (false, true) => (Scheme::Https, Some(Scheme::Http)),
            (false, false) => (Scheme::Https, None),
        };
        let answered = self.at(first, call, authorization).await;
        let Some(second) = second.filter(|_| first.is_doubtful(&answered)) else {
            return self.settled(first, answered);
        };
        let other = self.at(second, call, authorization).await;
        match &other {
            Err(failure) if second.is_wrong(failure) => self.settled(first, answered),
            _ => self.settled(second, other),
        }
    }

    fn settled(
        &self,
        scheme: Scheme,
        answered: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        if answered.is_ok() {
            self.scheme.set(Some(scheme));
        }
        answered
    }

    async fn at(
        &self,
        scheme: Scheme,
        call: &Call<'_>,
        authorization: &Headers,
    ) -> Result<Answer, Failure> {
        let Target::Path(path) = &call.target else {
            return Err(self.malformed(call).into());
        };
        let scheme = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let url = format!("{scheme}://{}{path}", self.endpoint.authority());
        let url = url.parse().map_err(|_| self.malformed(call))?;
        self.follow(url, call, authorization).await
    }

    /// Sends a request, and follows redirects if nothing is carried.
    async fn follow(
        &self,
        mut url: Uri,
        call: &Call<'_>,
        authorization: &Headers,
    ) -> Result<Answer, Failure> {
        let first = url.clone();
        for _ in 0..REDIRECTS {
            // Another host gets no credentials, neither the registry's nor those that the call itself has for a token server.
            let is_same = (url.scheme(), url.authority()) == (first.scheme(), first.authority());
            let own = call.headers.iter();
            let own = own.filter(|(_, value)| is_same || !value.is_sensitive());
            let is_own = self.is_own(&url);
            let headers = own.chain(authorization.iter().filter(|_| is_own));
            let headers: Headers = headers.cloned().collect();
            let answer = self.send(&url, call, &headers).await?;
            let next = answer.location().filter(|_| is_redirect(answer.status));
            match next.filter(|_| call.payload.is_empty()) {
                Some(next) => url = resolve(&url, next).ok_or_else(|| self.malformed(call))?,
                None => return Ok(answer),
            }
        }
        Err(self.malformed(call).into())
    }

    /// Whether a URL is of this host, so that it may see the credentials.
    pub(crate) fn is_own(&self, url: &Uri) -> bool {
        let is_own =
            url.authority().map(|authority| authority.as_str()) == Some(self.endpoint.authority());
        is_own && self.may_see_credentials(url)
    }

    /// Whether credentials may be sent to a URL: nobody else can read them on the way, or the user does not mind.
    pub(crate) fn may_see_credentials(&self, url: &Uri) -> bool {
        url.scheme_str() == Some("https")
            || self.options.insecure
            || url
                .host()
                .is_some_and(|host| is_loopback(host.trim_matches(['[', ']'])))
    }

    async fn send(&self, url: &Uri, call: &Call<'_>, headers: &Headers) -> Result<Answer, Failure> {
        let (body, watch) = call
            .payload
            .body()
            .map_err(|source| self.unreadable(call, source))?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(url)
            .header(USER_AGENT, AGENT);
        if let Some(authority) = url.authority() {
            request = request.header(HOST, authority.as_str());
        }
        if !matches!(call.method, Method::GET | Method::HEAD) {
            request = request.header(CONTENT_LENGTH, call.payload.length());
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|_| self.malformed(call))?;
        let answer = async {
            let response = self.transport.request(request).await;
            let response = response.map_err(|error| self.failed(call, error))?;
            let (head, body) = response.into_parts();
            let is_blob = matches!(call.action, Action::GetBlob(_));
            let (body, stream) = match is_blob && head.status.is_success() {
                true => (Bytes::new(), Some(body)),
                false => {
                    let body = Limited::new(body, MAX_ANSWER).collect().await;
                    let body = body.map_err(|source| self.lost(&call.action, source))?;
                    (body.to_bytes(), None)
                }
            };
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
                stream,
            })
        };
        let answered = self.in_time(call, &watch, answer).await;
        self.tell(&call.method, url, &answered);
        match watch.take_failure() {
            Some(source) => Err(self.unreadable(call, source).into()),
            None => answered,
        }
    }

    /// Tells who wants to know what was asked. A query may be long, and says nothing to a person.
    fn tell(&self, method: &Method, url: &Uri, answered: &Result<Answer, Failure>) {
        let place = url.authority().map_or("", |authority| authority.as_str());
        let end = match answered {
            Ok(answer) => answer.status.as_u16().to_string(),
            Err(_) => "no answer".to_owned(),
        };
        (self.options.notify)(Notice::Detail {
            text: format!("{method} {place}{}: {end}", url.path()),
        });
    }

    /// Gives an answer up that does not come, and an upload of which nothing is taken any more.
    async fn in_time(
        &self,
        call: &Call<'_>,
        watch: &Watch,
        answer: impl std::future::Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let mut answer = std::pin::pin!(answer);
        let began = Instant::now();
        loop {
            let (idle, is_at_end) = watch.idle();
            let limit = match is_at_end && matches!(call.action, Action::SendBlob(_)) {
                true => COMMIT.max(self.options.answer_patience),
                false => self.options.answer_patience,
            };
            let waited = idle.min(began.elapsed());
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Failure::passing(Error::TimedOut {
                    registry: self.name(),
                    action: call.action.clone(),
                    seconds: limit.as_secs(),
                }));
            };
            if let Ok(answered) = tokio::time::timeout(left, &mut answer).await {
                return answered;
            }
        }
    }

    fn failed(&self, call: &Call<'_>, error: legacy::Error) -> Failure {
        let registry = self.name();
        // A registry may refuse this client's certificate after the handshake.
        if let Some(source) = TlsError::find(&error) {
            return Error::Tls { registry, source }.into();
        }
        if !error.is_connect() {
            return self.lost(&call.action, error);
        }
        let source = find_io_error(&error).unwrap_or_else(|| io::Error::other(error.to_string()));
        let error = Error::Connect { registry, source };
        match self.scheme.get() {
            // It was there a moment ago.
            Some(_) => Failure::passing(error),
            None => error.into(),
        }
    }

    /// The failure of a connection that broke.
    pub(crate) fn lost(
        &self,
        action: &Action,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Failure {
        Failure::passing(Error::ConnectionLost {
            registry: self.name(),
            action: action.clone(),
            source: source.into(),
        })
    }

    fn unreadable(&self, call: &Call<'_>, source: io::Error) -> Error {
        match call.action {
            Action::SendBlob(digest) => Error::Source { digest, source },
            _ => self.malformed(call),
        }
    }

    fn malformed(&self, call: &Call<'_>) -> Error {
        Error::Malformed {
            registry: self.name(),
            action: call.action.clone(),
            missing: "a place to go on",
        }
    }
}

impl Scheme {
    /// Whether an answer may be that of a server which speaks the other scheme.
    fn is_doubtful(self, answered: &Result<Answer, Failure>) -> bool {
        match answered {
            // Go's and nginx's servers answer so to plain HTTP where they speak TLS.
            Ok(answer) => self == Self::Http && answer.status == StatusCode::BAD_REQUEST,
            Err(failure) => self.is_wrong(failure),
        }
    }

    /// Whether a failure tells that the server does not speak this scheme.
    fn is_wrong(self, failure: &Failure) -> bool {
        let (Failure::Passing { error, .. } | Failure::Lasting(error)) = failure;
        match self {
            // An alert of TLS is no HTTP, and some servers just close.
            Self::Http => matches!(error, Error::ConnectionLost { .. }),
            Self::Https => matches!(
                error,
                Error::Connect { .. }
                    | Error::Tls {
                        source: TlsError::NoTls,
                        ..
                    }
            ),
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The URL that `location` means on a page at `base`.
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    match location.strip_prefix("//") {
        Some(rest) => format!("{scheme}://{rest}"),
        None if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        None => {
            let folder = base
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        }
    }
    .parse()
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_as_browsers_do() {
        let base = Uri::from_static("https://reg.io/v2/a/blobs/uploads/?mount=x");
        for (location, expected) in [
            (
                "/v2/a/blobs/uploads/1?_state=x",
                "https://reg.io/v2/a/blobs/uploads/1?_state=x",
            ),
            ("https://other.io/x", "https://other.io/x"),
            ("//other.io/x", "https://other.io/x"),
            ("1", "https://reg.io/v2/a/blobs/uploads/1"),
        ] {
            let found = resolve(&base, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{location}");
        }
    }
}
