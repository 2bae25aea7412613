//! Stands in for Ryuk, the reaper of testcontainers, whose image cannot be pulled where this is tested.
//!
//! A test connects, and names a label a line; each line is answered. When no test has been connected for a while, containers
//! and networks that have one of the labels are removed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{fs, thread};

/// Where it listens: testcontainers expects this port.
const LISTEN: &str = "0.0.0.0:8080";

/// The engine's socket: testcontainers mounts it here.
const ENGINE: &str = "/var/run/docker.sock";

/// Where an engine writes the beginning of the container's ID.
const HOSTNAME: &str = "/etc/hostname";

/// How long the first test, or another one, may take to connect.
const FIRST: Duration = Duration::from_secs(60);
const NEXT: Duration = Duration::from_secs(2);

/// How often it asks for what is still there, and how long it waits in between.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// What is told of the tests.
enum Event {
    Connected,
    /// What is removed when nobody is left: a filter, such as `label=key=value`.
    Named(String),
    Gone,
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(LISTEN)?;
    // Some libraries wait for this word.
    println!("Started on {LISTEN}");
    let (sender, events) = mpsc::channel();
    thread::spawn(move || {
        for test in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || listen(&test, &sender));
        }
    });
    let mut connected = 0;
    let mut patience = FIRST;
    let mut filters = Vec::new();
    loop {
        match events.recv_timeout(patience) {
            Ok(Event::Connected) => connected += 1,
            Ok(Event::Named(filter)) => filters.push(filter),
            Ok(Event::Gone) => (connected, patience) = (connected - 1, NEXT),
            Err(RecvTimeoutError::Timeout) if connected > 0 => {}
            Err(_) => break,
        }
    }
    // A network cannot be removed while a container that uses it is still being removed.
    for _ in 0..ATTEMPTS {
        let mut found = 0;
        for filter in &filters {
            found += remove("containers", "/json?all=1&", "?force=1&v=1", filter)?;
            found += remove("networks", "?", "", filter)?;
        }
        if found == 0 {
            break;
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Reads the lines of one test until it is gone, however it ended.
fn listen(test: &TcpStream, sender: &Sender<Event>) {
    // Nobody listens only when this process ends.
    let tell = |event| drop(sender.send(event));
    tell(Event::Connected);
    for line in BufReader::new(test).lines() {
        let Ok(line) = line else { break };
        tell(Event::Named(line.trim().to_owned()));
        let mut answer = test;
        if answer.write_all(b"ACK\n").is_err() {
            break;
        }
    }
    tell(Event::Gone);
}

/// Removes what the engine lists for the filter, and returns how much that was.
fn remove(kind: &str, list: &str, options: &str, filter: &str) -> io::Result<usize> {
    let (name, value) = filter.split_once('=').unwrap_or((filter, ""));
    let filters = escaped(&format!(r#"{{"{name}":["{value}"]}}"#));
    let listed = ask("GET", &format!("/{kind}{list}filters={filters}"))?;
    let ids = listed.split(r#""Id":""#).skip(1);
    let ids = ids.filter_map(|rest| rest.split('"').next());
    // Its own container has the labels of the test that has started it.
    let own = fs::read_to_string(HOSTNAME)?;
    let ids: Vec<_> = ids.filter(|id| !id.starts_with(own.trim())).collect();
    for id in &ids {
        ask("DELETE", &format!("/{kind}/{id}{options}"))?;
        println!("removing {kind}/{id}");
    }
    Ok(ids.len())
}

/// Sends a request to the engine, and returns the answer with its head.
fn ask(method: &str, path: &str) -> io::Result<String> {
    let mut engine = UnixStream::connect(ENGINE)?;
    // With this version of HTTP the answer comes in one piece, and ends the connection.
    write!(engine, "{method} {path} HTTP/1.0\r\nHost: engine\r\n\r\n")?;
    let mut answer = String::new();
    engine.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The text as it may stand in a query.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
