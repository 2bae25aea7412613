//! Tests of engines that nobody has named.
#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixListener;

use stevedore_testing::{FakeDocker, Personality};

use super::*;
use crate::cli::ProgressStyle;

fn usual(address: &str) -> Candidate {
    Candidate {
        address: address.parse().unwrap(),
        origin: Origin::Usual("an engine"),
    }
}

fn connect(candidates: Vec<Candidate>) -> (anyhow::Result<Connection>, u64) {
    let traffic = Traffic::default();
    let progress = Progress::new(ProgressStyle::None, false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let connected = runtime.block_on(to_first(candidates, &traffic, &progress));
    (connected, traffic.requests())
}

#[test]
fn the_first_that_answers_is_taken() {
    let docker = FakeDocker::start(Personality::DOCKER_28).unwrap();
    let other = FakeDocker::start(Personality::DOCKER_28).unwrap();
    let candidates = ["/nonexistent/d.sock", &docker.host(), &other.host()].map(usual);
    let (connected, requests) = connect(candidates.into());
    assert!(connected.is_ok());
    assert_eq!(requests, 1, "what was not sent is not counted");
    assert_eq!(docker.take_requests().len(), 1);
    assert_eq!(other.take_requests(), []);
}

#[test]
fn if_none_answers_each_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let personality = Personality {
        server: "nginx",
        api_version: "",
        ..Personality::DOCKER_28
    };
    let no_engine = FakeDocker::start(personality).unwrap();
    let candidates = [
        "/nonexistent/d.sock",
        dead.to_str().unwrap(),
        &no_engine.host(),
    ];
    let (connected, _) = connect(candidates.map(usual).into());
    let error = connected.err().unwrap();
    assert_eq!(crate::exit_code::of(&error), 3);
    let text = error.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].contains("no container engine answers; start one"));
    assert_eq!(
        lines[1],
        "  `unix:///nonexistent/d.sock` (an engine): no such file"
    );
    assert!(lines[2].ends_with("dead.sock` (an engine): nobody listens: start the engine"));
    assert!(lines[3].contains("is no container engine"), "{text}");
}

#[test]
fn an_engine_that_is_named_is_told_by_whom() {
    let mut candidate = usual("/nonexistent/d.sock");
    candidate.origin = Origin::Variable("DOCKER_HOST");
    let error = connect(vec![candidate]).0.err().unwrap();
    assert_eq!(crate::exit_code::of(&error), 3);
    let text = format!("{error:#}");
    assert!(text.starts_with("`DOCKER_HOST` names an engine that cannot be used: no container"));
}
