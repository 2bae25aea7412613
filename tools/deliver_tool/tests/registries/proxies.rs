//! Proxies that the environment names.

use stevedore_testing::{Program, PushFiles, WebProxy};

use crate::bench::{failed, program, ran, Bench};

/// A host that only the proxy knows.
const FAR: &str = "registry.test";

/// `me:secret`, as `Proxy-Authorization` has it.
const ME: &str = "Basic bWU6c2VjcmV0";

/// A push to that host, through a proxy.
struct Through {
    bench: Bench,
    files: PushFiles,
    proxy: WebProxy,
}

impl Through {
    fn to(registry: &str, password: Option<&str>) -> Self {
        let bench = Bench::with(registry);
        let layers = [bench.layer("app")];
        let repository = format!("{FAR}/{}", bench.repository);
        Self {
            files: PushFiles::write(&bench.place(), &layers, &repository, &["v1"]).unwrap(),
            proxy: WebProxy::start(&bench.registry.address, password).unwrap(),
            bench,
        }
    }

    fn program(&self, login: &str) -> Program {
        let proxy = format!("http://{login}{}", self.proxy.address());
        let mut program = program(&self.files);
        let command = program.command();
        command.env("HTTP_PROXY", &proxy).env("HTTPS_PROXY", &proxy);
        program
    }
}

#[test]
fn a_proxy_is_told_the_whole_url_where_there_is_no_tls() {
    let through = Through::to("distribution-2", None);
    ran(through.program("").arg("--insecure"), "pushed");
    through.bench.has(&through.files.images[0]);
    let lines = through.proxy.lines();
    assert_eq!(lines[0], format!("CONNECT {FAR}:443 HTTP/1.1"));
    let begin = format!("HEAD http://{FAR}/v2/");
    assert!(lines[1].starts_with(&begin), "{lines:?}");
}

#[test]
fn a_proxy_makes_a_tunnel_where_there_is_tls() {
    let through = Through::to("distribution-2@tls", Some(ME));
    for outcome in ["pushed", "unchanged"] {
        // The registry's certificate is for another host.
        ran(through.program("me:secret@").arg("--insecure"), outcome);
    }
    let lines = through.proxy.lines();
    let is_tunnel = |line: &String| *line == format!("CONNECT {FAR}:443 HTTP/1.1");
    assert!(lines.iter().all(is_tunnel), "{lines:?}");
}

#[test]
fn a_proxy_that_lets_nobody_in_is_named_without_the_password() {
    let through = Through::to("distribution-2@tls", Some(ME));
    let program = through.program("me:wrong-secret@");
    let finished = failed(program, 3, &[FAR, "the proxy `127.0.0.1`"]);
    assert!(
        !finished.stderr.contains("wrong-secret"),
        "{}",
        finished.stderr
    );
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let bench = Bench::with("distribution-2");
    let files = bench.small_image();
    let mut program = program(&files);
    let nobody = "http://127.0.0.1:9";
    let command = program.command();
    command.env("HTTP_PROXY", nobody).env("ALL_PROXY", nobody);
    ran(program, "pushed");
}
