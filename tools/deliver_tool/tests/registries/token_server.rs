//! Token servers that fail, and servers that lead elsewhere: who gets to see a password, and who does not.

use std::time::{Duration, Instant};

use stevedore_testing::{
    Consignment, PushFiles, PushedDraft, RegistryAnswer, RegistryFault, RegistryProxy, RegistryRule,
};

use crate::bench::{program, ran};
use crate::login::Login;

const REGISTRY: &str = "distribution-2@token";

/// Somebody who logs in at a registry whose token server is behind a proxy of its own.
fn behind_a_proxy() -> (Login, RegistryProxy) {
    let login = Login::at(REGISTRY);
    login.write(".docker/config.json", &login.right());
    let server = login.bench.registry.fact("tokens");
    let proxy = RegistryProxy::start(server.trim_start_matches("http://")).unwrap();
    let challenge = challenge(&login).replace(server, &format!("http://{}", proxy.address()));
    challenges_with(&login, challenge);
    (login, proxy)
}

/// How the registry asks for a token.
fn challenge(login: &Login) -> String {
    let reply = login.bench.api.call("GET", "/v2/", "", b"").unwrap();
    reply.header("www-authenticate").unwrap().to_owned()
}

/// Lets the registry ask for it so.
fn challenges_with(login: &Login, challenge: String) {
    let fault = RegistryFault::SetHeader("www-authenticate", challenge);
    login.bench.add(RegistryRule::on("*", "", fault));
}

/// A server that sends everybody to `address`.
fn moved(address: &str) -> RegistryFault {
    let there = format!("http://{address}/token?from=elsewhere");
    RegistryFault::Answer(RegistryAnswer::status(307).header("location", &there))
}

#[test]
fn one_token_allows_to_push_and_to_mount() {
    let (login, proxy) = behind_a_proxy();
    ran(login.program(), "pushed");
    let layers = [login.bench.base_layer("base"), login.bench.layer("own")];
    let base = login.bench.proxied();
    let other = format!("{base}/other");
    let draft = PushedDraft {
        base_repository: Some(&base),
        ..PushedDraft::new("image", &layers)
    };
    let consignment = Consignment {
        images: &[draft],
        index: None,
        destinations: &[(&other, &["v1"])],
    };
    let files = PushFiles::write_all(&login.bench.place(), &[consignment]).unwrap();
    let home = login.files.home();
    login.bench.proxy.take_requests();
    proxy.take_requests();
    let mut program = program(&files);
    program.command().env("HOME", home);
    let finished = ran(program, "pushed");
    assert_eq!(
        finished.report["layers"]["mounted"], 1,
        "{}",
        finished.report
    );
    let asked = proxy.take_requests();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert!(asked[0].path.contains("pull"), "{asked:#?}");
}

#[test]
fn a_token_server_that_is_busy_is_asked_again() {
    let (login, proxy) = behind_a_proxy();
    for (number, status) in [(1, 503), (2, 429)] {
        let fault = RegistryFault::Answer(RegistryAnswer::status(status));
        proxy.add(RegistryRule::on("GET", "", fault).nth(number));
    }
    ran(login.program(), "pushed");
    let statuses: Vec<u16> = proxy
        .take_requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses[..3], [503, 429, 200]);
}

#[test]
fn a_token_server_that_gives_no_token_is_named() {
    for answer in [
        RegistryAnswer::status(200).body("application/json", "{\"token\": \"\"}"),
        RegistryAnswer::status(200).body("text/html", "<html>log in</html>"),
        RegistryAnswer::status(404).body("text/html", "<html>not here</html>"),
    ] {
        let (login, proxy) = behind_a_proxy();
        proxy.add(RegistryRule::on("*", "", RegistryFault::Answer(answer)));
        login.is_refused(login.program(), &["token", &login.bench.proxy.address()]);
    }
}

#[test]
fn a_token_server_that_leads_elsewhere_does_not_give_the_password_away() {
    let (login, proxy) = behind_a_proxy();
    let other = RegistryProxy::start(&login.bench.registry.address).unwrap();
    proxy.add(RegistryRule::on("GET", "", moved(&other.address())));
    let finished = login.program().run().unwrap();
    assert_ne!(finished.code, Some(0));
    let seen = other.take_requests();
    assert!(!seen.is_empty(), "nobody came");
    assert!(
        seen.iter().all(|request| !request.is_authorized),
        "{seen:#?}"
    );
}

#[test]
fn a_registry_that_leads_elsewhere_does_not_give_the_password_away() {
    let login = Login::at("distribution-2@htpasswd");
    login.write(".docker/config.json", &login.right());
    let other = RegistryProxy::start(&login.bench.registry.address).unwrap();
    let moved = moved(&other.address());
    login
        .bench
        .add(RegistryRule::on("HEAD", "/manifests/", moved).nth(2));
    login.program().run().unwrap();
    let seen = other.take_requests();
    assert!(!seen.is_empty(), "nobody came");
    assert!(
        seen.iter().all(|request| !request.is_authorized),
        "{seen:#?}"
    );
}

#[test]
fn no_password_goes_to_a_token_server_by_plain_http() {
    let login = Login::at(REGISTRY);
    login.write(".docker/config.json", &login.right());
    challenges_with(
        &login,
        "Bearer realm=\"http://tokens.example.com/token\"".to_owned(),
    );
    let texts = ["`http://tokens.example.com/token`", "plain HTTP"];
    login.is_refused(login.program(), &texts);
}

#[test]
fn a_registry_that_does_not_say_what_it_wants_is_named() {
    for challenge in ["", "Negotiate", "Digest realm=\"x\""] {
        let login = Login::at("distribution-2@htpasswd");
        login.write(".docker/config.json", &login.right());
        match challenge {
            "" => {
                let fault = RegistryFault::RemoveHeader("www-authenticate");
                login.bench.add(RegistryRule::on("*", "", fault));
            }
            challenge => challenges_with(&login, challenge.to_owned()),
        }
        login.is_refused(login.program(), &["unknown kind", challenge]);
    }
}

#[test]
fn nothing_that_is_told_for_the_curious_has_a_password_in_it() {
    for name in [REGISTRY, "distribution-2@htpasswd"] {
        let login = Login::at(name);
        login.write(".docker/config.json", &login.right());
        let mut program = login.program();
        program.command().arg("--verbose");
        let finished = ran(program, "pushed");
        login.keeps_silent(&finished);
        for word in ["Bearer ey", "Basic ", "Authorization"] {
            assert!(!finished.stderr.contains(word), "{}", finished.stderr);
        }
    }
}

#[test]
fn a_registry_that_is_in_no_hurry_is_not_asked_without_end() {
    let login = Login::at("distribution-2@htpasswd");
    login.write(".docker/config.json", &login.right());
    let busy = RegistryAnswer::status(429).header("retry-after", "0");
    login
        .bench
        .add(RegistryRule::on("*", "", RegistryFault::Answer(busy)));
    let started = Instant::now();
    let mut program = login.program();
    program.command().arg("--retry-time=3");
    login.is_refused(program, &["gave up after", "status 429"]);
    assert!(started.elapsed() < Duration::from_secs(20));
    let requests = login.bench.proxy.take_requests().len();
    assert!(requests < 20, "{requests} requests");
}
