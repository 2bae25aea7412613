//! A request on its way to the registry, and its answer on the way back.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::answer_body::Returning;
use super::body::{Coming, Passed};
use super::record::{Live, PassedRequest};
use super::rule::{Plan, Stop};
use super::Shared;

type Answer = Response<Either<Returning, Full<Bytes>>>;

/// Does with a request what the rules want. An error means that the client's connection is to be reset.
pub(super) async fn pass(request: Request<Incoming>, shared: &Arc<Shared>) -> io::Result<Answer> {
    let record = PassedRequest::of(&request);
    let live = record.live();
    let plan = shared.admit(record);
    tokio::time::sleep(plan.delay).await;
    let answer = answer(request, plan, &live, shared).await?;
    live.answered(answer.status().as_u16());
    Ok(answer)
}

async fn answer(
    request: Request<Incoming>,
    mut plan: Plan,
    live: &Arc<Live>,
    shared: &Shared,
) -> io::Result<Answer> {
    let (head, body) = request.into_parts();
    let length = body.size_hint().exact();
    let is_too_large = |largest: &u64| length.is_some_and(|length| length > *largest);
    let stop = plan.stop.take();
    let coming = Coming {
        body,
        bytes_a_second: plan.bytes_a_second,
        stop_after: stop.as_ref().map(|(bytes, _)| *bytes),
        live: Arc::clone(live),
    };
    if let Some(answer) = plan.answer.take() {
        coming.discard();
        return Ok(answer.response().map(Either::Right));
    }
    let is_refused = plan.largest.as_ref().is_some_and(is_too_large);
    if is_refused || coming.stop_after == Some(0) {
        coming.discard();
        return stopped(stop);
    }
    let (sender, passed) = Passed::new(length);
    let mut request = Request::from_parts(head, passed);
    if plan.ignores_query {
        *request.uri_mut() = request.uri().path().parse().map_err(io::Error::other)?;
    }
    let mut passing = tokio::spawn(coming.pass_on(sender));
    let asking = ask(request, &shared.registry);
    let mut asking = std::pin::pin!(asking);
    // An answer before the end of the body is passed back, and what still comes is thrown away.
    let response = tokio::select! {
        biased;
        was_stopped = &mut passing => match was_stopped? {
            true => return stopped(stop),
            false => asking.await?,
        },
        response = &mut asking => response?,
    };
    if plan.loses_answer {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let returning = |body| Returning::new(body, plan.cuts_answer, plan.changes_answer);
    let mut response = response.map(returning).map(Either::Left);
    lead(&mut response, &plan, shared);
    plan.change_headers(&mut response);
    Ok(response)
}

fn stopped(stop: Option<(u64, Stop)>) -> io::Result<Answer> {
    match stop {
        Some((_, Stop::Answer(answer))) => Ok(answer.response().map(Either::Right)),
        Some((_, Stop::Reset)) | None => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

/// Asks the registry, on a connection of its own.
async fn ask(request: Request<Passed>, registry: &str) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(registry).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(io::Error::other)
}

/// Replaces the registry by the proxy in the address of what was asked for, or by whom the rules want.
fn lead(response: &mut Answer, plan: &Plan, shared: &Shared) {
    let Some(location) = response.headers().get(LOCATION) else {
        return;
    };
    let location = location.to_str().ok();
    let Some(uri) = location.and_then(|text| text.parse::<Uri>().ok()) else {
        return;
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let is_registrys = uri
        .authority()
        .is_some_and(|host| *host == shared.registry.as_str());
    let own = is_registrys.then(|| shared.own.to_string());
    let Some(host) = plan.leads_to.clone().or(own) else {
        return;
    };
    if let Ok(location) = HeaderValue::from_str(&format!("http://{host}{path}")) {
        response.headers_mut().insert(LOCATION, location);
    }
}
