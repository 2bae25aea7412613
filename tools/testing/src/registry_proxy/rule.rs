//! What happens to which request.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::Response;

/// What happens to a request, or to its answer.
#[derive(Clone, Debug)]
pub enum RegistryFault {
    /// It is answered so, and the registry is not asked. The body is read and thrown away, as most servers do.
    Answer(RegistryAnswer),
    /// As [`RegistryFault::Answer`], when so many bytes of the body have been passed on.
    AnswerAfter(u64, RegistryAnswer),
    /// A body that is larger is refused with 413: at once if its length is known, else when so many bytes have come.
    RefuseLarger(u64),
    /// The client's connection is reset when so many bytes of the body have been passed on; 0 is before it.
    CutAfter(u64),
    /// The registry does as it is asked, and the client's connection is reset instead of the answer.
    LoseAnswer,
    /// It waits so long before it is passed on.
    Delay(Duration),
    /// Its body is passed on with so many bytes a second.
    Throttle(u64),
    /// The answer gets this header, in place of its own.
    SetHeader(&'static str, String),
    /// The answer loses this header.
    RemoveHeader(&'static str),
    /// The answer's `Location` leads to this host and port.
    LeadTo(String),
    /// The answer breaks off, and the connection with it, when so many bytes of its body have been passed back.
    CutAnswerAfter(u64),
    /// The first byte of the answer's body is another one.
    ChangeAnswer,
    /// The query is dropped, so that an upload begins where a mount was asked for.
    IgnoreQuery,
}

/// An answer that does not come from the registry.
#[derive(Clone, Debug)]
pub struct RegistryAnswer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// Which requests something happens to: all of a method and path, or some of them.
#[derive(Clone, Debug)]
pub struct RegistryRule {
    method: &'static str,
    path: String,
    /// The first one that it happens to, from 1, and how many it happens to.
    first: usize,
    count: usize,
    seen: usize,
    fault: RegistryFault,
}

impl RegistryAnswer {
    /// With this status, and nothing else.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.header("content-type", content_type)
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.body));
        *response.status_mut() = self.status.try_into().unwrap_or_default();
        for (name, value) in self.headers {
            set_header(&mut response, name, &value);
        }
        response
    }
}

/// Sets a header; one that is none is a mistake in a test, which sees that it is missing.
pub(super) fn set_header<B>(response: &mut Response<B>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, value);
    }
}

impl RegistryRule {
    /// `fault` happens to every request with this method (`*` is any) whose path and query contain `path`.
    pub fn on(method: &'static str, path: &str, fault: RegistryFault) -> Self {
        Self {
            method,
            path: path.to_owned(),
            first: 1,
            count: usize::MAX,
            seen: 0,
            fault,
        }
    }

    /// Only to the one with this number, from 1.
    #[must_use]
    pub fn nth(self, number: usize) -> Self {
        Self {
            first: number,
            count: 1,
            ..self
        }
    }

    /// Only to so many from the start.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { count, ..self }
    }

    pub(super) fn fault_for(&mut self, method: &str, path: &str) -> Option<RegistryFault> {
        if !matches!(self.method, "*") && self.method != method || !path.contains(&self.path) {
            return None;
        }
        self.seen += 1;
        let since = self.seen.checked_sub(self.first)?;
        (since < self.count).then(|| self.fault.clone())
    }
}

/// All that happens to one request.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) delay: Duration,
    pub(super) answer: Option<RegistryAnswer>,
    pub(super) bytes_a_second: Option<u64>,
    /// After how many bytes of the body what happens.
    pub(super) stop: Option<(u64, Stop)>,
    pub(super) largest: Option<u64>,
    pub(super) loses_answer: bool,
    pub(super) ignores_query: bool,
    /// After how many bytes of its body the answer breaks off.
    pub(super) cuts_answer: Option<u64>,
    pub(super) changes_answer: bool,
    /// The host and port of the answer's `Location`; `None`: the proxy's, if it was the registry's.
    pub(super) leads_to: Option<String>,
    headers: Vec<(&'static str, Option<String>)>,
}

/// What happens in the middle of a body.
pub(super) enum Stop {
    Reset,
    Answer(RegistryAnswer),
}

impl Plan {
    pub(super) fn add(&mut self, fault: RegistryFault) {
        match fault {
            RegistryFault::Answer(answer) => self.answer = Some(answer),
            RegistryFault::AnswerAfter(bytes, answer) => {
                self.stop = Some((bytes, Stop::Answer(answer)));
            }
            RegistryFault::RefuseLarger(bytes) => {
                let refused = RegistryAnswer::status(413);
                self.stop = Some((bytes + 1, Stop::Answer(refused)));
                self.largest = Some(bytes);
            }
            RegistryFault::CutAfter(bytes) => self.stop = Some((bytes, Stop::Reset)),
            RegistryFault::LoseAnswer => self.loses_answer = true,
            RegistryFault::Delay(delay) => self.delay += delay,
            RegistryFault::Throttle(bytes) => self.bytes_a_second = Some(bytes),
            RegistryFault::SetHeader(name, value) => self.headers.push((name, Some(value))),
            RegistryFault::RemoveHeader(name) => self.headers.push((name, None)),
            RegistryFault::LeadTo(address) => self.leads_to = Some(address),
            RegistryFault::CutAnswerAfter(bytes) => self.cuts_answer = Some(bytes),
            RegistryFault::ChangeAnswer => self.changes_answer = true,
            RegistryFault::IgnoreQuery => self.ignores_query = true,
        }
    }

    pub(super) fn change_headers<B>(&self, response: &mut Response<B>) {
        for (name, value) in &self.headers {
            match value {
                Some(value) => set_header(response, name, value),
                None => {
                    response.headers_mut().remove(*name);
                }
            }
        }
    }
}
