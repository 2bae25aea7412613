//! A token server for a registry
//! (<https://distribution.github.io/distribution/spec/auth/token/> and `oauth/`): it knows one user.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{json, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::certificates::Authority;
use crate::web_token::Signer;

/// How long after its end the registry still takes a token
/// (<https://github.com/distribution/distribution/blob/v2.8.3/registry/auth/token/token.go#L24>).
const LEEWAY: Duration = Duration::from_secs(60);

/// Who issues the tokens, and whom they are for: what the registry's settings have to say too.
pub(crate) const ISSUER: &str = "stevedore tokens";
pub(crate) const SERVICE: &str = "stevedore registry";

/// The one user that a [`TokenServer`] knows.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name.
    pub user: String,
    /// The password, for HTTP's basic authentication or an OAuth2 form.
    pub password: String,
    /// What stands for both in an OAuth2 form: a refresh token.
    pub identity_token: String,
}

/// How long tokens are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// When the registry begins to refuse one, after it was issued; in whole seconds.
    pub real: Duration,
    /// Whether the client is told. If not, it has to take 60 s for granted.
    pub told: bool,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The user; empty if nobody in particular.
    pub user: String,
    /// The scopes, such as `repository:app:pull,push`.
    pub scopes: Vec<String>,
    /// Whether it got a token.
    pub granted: bool,
}

/// Gives tokens to those who may have them, on a port of the loopback interface. Whoever comes without a name may pull,
/// [`Account`] may do everything. It ends when it is dropped. `GET /requests` answers with what was asked so far, as JSON.
pub struct TokenServer {
    address: SocketAddr,
    root: String,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    account: Account,
    life: TokenLife,
    signer: Signer,
    requests: Mutex<Vec<TokenRequest>>,
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Vec<TokenRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenServer {
    /// Starts one.
    ///
    /// # Errors
    /// If there is no port, no thread or no key.
    pub fn start(account: Account, life: TokenLife) -> io::Result<Self> {
        let authority = Authority::new("stevedore tokens")?;
        let shared = Arc::new(Shared {
            account,
            life,
            signer: Signer::new(&authority)?,
            requests: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&shared);
        thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            address,
            root: authority.pem(),
            shared,
            _stop: stop,
        })
    }

    /// Its address, `http://127.0.0.1:PORT`. Tokens are at `/token`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the registry is to be told: keys of `auth.token` in the settings of distribution, and their values. `root` is a
    /// file that has [`TokenServer::root_certificate`].
    pub fn registry_settings(&self, root: &str) -> [(&'static str, String); 4] {
        [
            ("realm", format!("{}/token", self.url())),
            ("service", SERVICE.to_owned()),
            ("issuer", ISSUER.to_owned()),
            ("rootcertbundle", root.to_owned()),
        ]
    }

    /// Whose signature the registry has to trust, in PEM.
    pub fn root_certificate(&self) -> &str {
        &self.root
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.shared.requests().clone()
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve_connection(connection, Arc::clone(&shared)));
    }
}

async fn serve_connection(connection: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that breaks off is none of this server's business.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let answer = match head.uri.path() {
        "/requests" => (200, json!(*shared.requests())),
        "/token" if head.method == Method::POST => {
            let body = body.collect().await?.to_bytes();
            issue(&shared, Asked::by_form(&String::from_utf8_lossy(&body)))
        }
        "/token" => {
            let credentials = head.headers.get(AUTHORIZATION);
            let credentials = credentials.and_then(|value| value.to_str().ok());
            let query = head.uri.query().unwrap_or_default();
            issue(&shared, Asked::by_query(query, credentials))
        }
        _ => (404, json!({"errors": [{"code": "NOT_FOUND"}]})),
    };
    Ok(respond(answer))
}

fn respond((status, body): (u16, Value)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Who asks for what.
struct Asked {
    method: &'static str,
    proof: Proof,
    scopes: Vec<String>,
}

enum Proof {
    Nothing,
    /// `user:password`, as HTTP has it.
    Basic(String),
    Password(String, String),
    RefreshToken(String),
}

impl Asked {
    fn by_query(query: &str, authorization: Option<&str>) -> Self {
        let basic = authorization.and_then(|value| value.strip_prefix("Basic "));
        Self {
            method: "GET",
            proof: basic.map_or(Proof::Nothing, |value| Proof::Basic(value.to_owned())),
            scopes: scopes(&fields(query)),
        }
    }

    fn by_form(form: &str) -> Self {
        let fields = fields(form);
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        Self {
            method: "POST",
            proof: match field("grant_type").as_str() {
                "refresh_token" => Proof::RefreshToken(field("refresh_token")),
                _ => Proof::Password(field("username"), field("password")),
            },
            scopes: scopes(&fields),
        }
    }

    /// The user's name, if the proof holds; empty if there is none.
    fn user(&self, account: &Account) -> Option<String> {
        let proved = match &self.proof {
            Proof::Nothing => return Some(String::new()),
            Proof::Basic(value) => {
                *value == STANDARD.encode(format!("{}:{}", account.user, account.password))
            }
            Proof::Password(user, password) => {
                (user, password) == (&account.user, &account.password)
            }
            Proof::RefreshToken(token) => *token == account.identity_token,
        };
        proved.then(|| account.user.clone())
    }
}

/// The fields of a form or a query.
fn fields(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// A query repeats the field, a form has spaces in it.
fn scopes(fields: &[(String, String)]) -> Vec<String> {
    fields
        .iter()
        .filter(|(name, _)| name == "scope")
        .flat_map(|(_, value)| value.split_whitespace().map(ToOwned::to_owned))
        .collect()
}

fn issue(shared: &Shared, asked: Asked) -> (u16, Value) {
    let user = asked.user(&shared.account);
    let token = user
        .as_deref()
        .map(|user| token(shared, user, &asked.scopes));
    shared.requests().push(TokenRequest {
        method: asked.method.to_owned(),
        user: user.clone().unwrap_or_default(),
        scopes: asked.scopes,
        granted: user.is_some(),
    });
    match token {
        Some(Ok(token)) => {
            // One form wants the first name, the other the second; all that are in use send both.
            let mut answer = json!({"token": token, "access_token": token});
            if shared.life.told {
                answer["expires_in"] = shared.life.real.as_secs().into();
            }
            (200, answer)
        }
        Some(Err(error)) => (500, json!({"details": error.to_string()})),
        None => (401, json!({"details": "incorrect username or password"})),
    }
}

fn token(shared: &Shared, user: &str, scopes: &[String]) -> io::Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?
        .as_secs();
    let access: Vec<_> = scopes
        .iter()
        .filter_map(|scope| granted(scope, !user.is_empty()))
        .collect();
    shared.signer.sign(&json!({
        "iss": ISSUER,
        "aud": SERVICE,
        "sub": user,
        "iat": now,
        // Before its end, which the leeway may have put into the past.
        "nbf": now - 2 * LEEWAY.as_secs(),
        "exp": (now + shared.life.real.as_secs()).saturating_sub(LEEWAY.as_secs()),
        "jti": format!("{now}-{}", shared.requests().len()),
        "access": access,
    }))
}

/// What of a scope is granted; repositories' names may have colons before a port.
fn granted(scope: &str, is_known: bool) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<_> = actions
        .split(',')
        .filter(|action| is_known || *action == "pull")
        .collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            user: "somebody".to_owned(),
            password: "pass word".to_owned(),
            identity_token: "identity".to_owned(),
        }
    }

    #[test]
    fn who_proves_to_be_the_user_is_known() {
        let basic = format!("Basic {}", STANDARD.encode("somebody:pass word"));
        let known = [
            Asked::by_query("scope=a", Some(&basic)),
            Asked::by_form("grant_type=password&username=somebody&password=pass+word"),
            Asked::by_form("grant_type=refresh_token&refresh_token=identity"),
        ];
        for asked in known {
            assert_eq!(asked.user(&account()).as_deref(), Some("somebody"));
        }
        assert_eq!(
            Asked::by_query("", None).user(&account()).as_deref(),
            Some("")
        );
        let wrong = [
            Asked::by_query("", Some("Basic d3Jvbmc=")),
            Asked::by_form("grant_type=refresh_token&refresh_token=other"),
            Asked::by_form("username=somebody"),
        ];
        for asked in wrong {
            assert_eq!(asked.user(&account()), None);
        }
    }

    #[test]
    fn scopes_are_read_from_a_query_and_a_form() {
        let expected = ["repository:a/b:pull,push", "repository:c:pull"];
        let query = "service=x&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository:c:pull";
        assert_eq!(Asked::by_query(query, None).scopes, expected);
        let form = "scope=repository%3Aa%2Fb%3Apull%2Cpush+repository%3Ac%3Apull";
        assert_eq!(Asked::by_form(form).scopes, expected);
    }

    #[test]
    fn without_a_name_one_may_pull() {
        let scope = "repository:a:pull,push";
        assert_eq!(
            granted(scope, false),
            Some(json!({"type": "repository", "name": "a", "actions": ["pull"]}))
        );
        assert_eq!(
            granted(scope, true),
            Some(json!({"type": "repository", "name": "a", "actions": ["pull", "push"]}))
        );
    }
}
