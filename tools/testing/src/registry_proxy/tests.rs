//! Tests of the proxy, before a server that tells what it has got.
#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;

/// A server that answers every request with `201`, a `Location` at itself and the body `stored`, and tells how long each
/// body was and how it was asked.
fn server() -> (String, mpsc::Receiver<(String, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::channel();
    let own = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, own, sender) = (stream.unwrap(), own.clone(), sender.clone());
            std::thread::spawn(move || {
                let (head, body) = read_message(&mut stream);
                let line = head.lines().next().unwrap_or_default().to_owned();
                let _ = sender.send((line, body.len()));
                let _ = write!(
                    stream,
                    "HTTP/1.1 201 Created\r\nLocation: http://{own}/v2/there?a=b\r\nX-A: 1\r\nContent-Length: 6\r\n\r\nstored"
                );
            });
        }
    });
    (address, receiver)
}

/// The head, and as much of the body as comes.
fn read_message(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut message = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = message.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&message[..end]).to_lowercase();
            let length = head.lines().find_map(|line| {
                let value = line.strip_prefix("content-length: ")?;
                value.parse::<usize>().ok()
            });
            if message.len() >= end + 4 + length.unwrap_or(0) {
                return (head, message.split_off(end + 4));
            }
        }
        match stream.read(&mut piece) {
            Ok(count @ 1..) => message.extend_from_slice(&piece[..count]),
            _ => {
                let end = message.windows(4).position(|part| part == b"\r\n\r\n");
                let body = end.map(|end| message.split_off(end + 4));
                let head = String::from_utf8_lossy(&message).to_lowercase();
                return (head, body.unwrap_or_default());
            }
        }
    }
}

/// What came back: the head in lower case, and the body; an error if the connection was reset.
fn ask(proxy: &RegistryProxy, method: &str, path: &str, size: usize) -> io::Result<String> {
    let mut stream = TcpStream::connect(proxy.address())?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: x\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n",
        proxy.address()
    )?;
    // A proxy that answers early may not read it.
    let _ = stream.write_all(&vec![7; size]);
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.to_lowercase())
}

#[test]
fn everything_passes_and_is_written_down() {
    let (address, received) = server();
    let proxy = RegistryProxy::start(&address).unwrap();
    let answer = ask(&proxy, "PUT", "/v2/app/blobs/uploads/?digest=x", 100_000).unwrap();
    assert!(answer.starts_with("http/1.1 201"), "{answer}");
    let location = format!("location: http://{}/v2/there?a=b\r\n", proxy.address());
    assert!(answer.contains(&location), "{answer}");
    assert!(answer.ends_with("\r\n\r\nstored"), "{answer}");
    let line = "put /v2/app/blobs/uploads/?digest=x http/1.1".to_owned();
    assert_eq!(received.recv().unwrap(), (line, 100_000));
    let requests = proxy.take_requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(request.method, "PUT");
    assert_eq!(request.path, "/v2/app/blobs/uploads/?digest=x");
    assert!(request.is_authorized);
    assert_eq!((request.status, request.body_bytes), (201, 100_000));
    assert!(proxy.take_requests().is_empty());
}

#[test]
fn a_rule_is_for_some_requests() {
    let (address, _received) = server();
    let proxy = RegistryProxy::start(&address).unwrap();
    let busy = RegistryAnswer::status(429).header("retry-after", "1");
    let html = RegistryAnswer::status(503).body("text/html", "<html>");
    proxy.add(RegistryRule::on("GET", "/a", RegistryFault::Answer(busy)).nth(2));
    proxy.add(RegistryRule::on("*", "/b", RegistryFault::Answer(html)).times(1));
    proxy.add(RegistryRule::on(
        "GET",
        "/c",
        RegistryFault::RemoveHeader("x-a"),
    ));
    let changed = RegistryFault::SetHeader("x-a", "2".to_owned());
    proxy.add(RegistryRule::on("GET", "/d", changed));
    for (method, path, status, text) in [
        ("GET", "/a", "201", "x-a: 1"),
        ("PUT", "/a", "201", ""),
        ("GET", "/a?x", "429", "retry-after: 1"),
        ("GET", "/a", "201", ""),
        ("PUT", "/b", "503", "<html>"),
        ("PUT", "/b", "201", ""),
        ("GET", "/d", "201", "x-a: 2"),
    ] {
        let answer = ask(&proxy, method, path, 0).unwrap();
        assert!(answer.contains(status), "{method} {path}: {answer}");
        assert!(answer.contains(text), "{method} {path}: {answer}");
    }
    assert!(!ask(&proxy, "GET", "/c", 0).unwrap().contains("x-a"));
}

#[test]
fn a_connection_is_reset_in_the_middle_of_a_body() {
    let (address, received) = server();
    let proxy = RegistryProxy::start(&address).unwrap();
    proxy.add(RegistryRule::on(
        "PATCH",
        "",
        RegistryFault::CutAfter(50_000),
    ));
    proxy.add(RegistryRule::on("DELETE", "", RegistryFault::CutAfter(0)));
    let error = ask(&proxy, "PATCH", "/v2/", 1_000_000).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(received.recv().unwrap().1, 50_000);
    let error = ask(&proxy, "DELETE", "/v2/", 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(received.try_recv().is_err(), "it was passed on");
    proxy.remove_rules();
    proxy.add(RegistryRule::on("PUT", "", RegistryFault::LoseAnswer));
    let error = ask(&proxy, "PUT", "/v2/", 1000).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(received.recv().unwrap().1, 1000);
    assert!(proxy
        .take_requests()
        .iter()
        .all(|request| request.status == 0));
}

#[test]
fn a_body_is_answered_before_its_end() {
    let (address, received) = server();
    let proxy = RegistryProxy::start(&address).unwrap();
    let broken = RegistryFault::AnswerAfter(70_000, RegistryAnswer::status(500));
    proxy.add(RegistryRule::on("PATCH", "", broken));
    proxy.add(RegistryRule::on(
        "PUT",
        "",
        RegistryFault::RefuseLarger(1000),
    ));
    let answer = ask(&proxy, "PATCH", "/v2/", 1_000_000).unwrap();
    assert!(answer.starts_with("http/1.1 500"), "{answer}");
    assert_eq!(received.recv().unwrap().1, 70_000);
    for (size, status) in [(1000, "201"), (1001, "413")] {
        let answer = ask(&proxy, "PUT", "/v2/", size).unwrap();
        assert!(answer.contains(status), "{answer}");
    }
}

#[test]
fn a_link_is_slow() {
    let (address, received) = server();
    let proxy = RegistryProxy::start(&address).unwrap();
    proxy.add(RegistryRule::on(
        "PUT",
        "",
        RegistryFault::Throttle(100_000),
    ));
    let delay = RegistryFault::Delay(Duration::from_millis(100));
    proxy.add(RegistryRule::on("*", "", delay));
    let started = Instant::now();
    ask(&proxy, "PUT", "/v2/?mount=x", 20_000).unwrap();
    assert!(started.elapsed() > Duration::from_millis(290));
    proxy.add(RegistryRule::on(
        "POST",
        "mount=",
        RegistryFault::IgnoreQuery,
    ));
    ask(&proxy, "POST", "/v2/?mount=x", 0).unwrap();
    let lines = [received.recv().unwrap().0, received.recv().unwrap().0];
    assert_eq!(lines, ["put /v2/?mount=x http/1.1", "post /v2/ http/1.1"]);
}
