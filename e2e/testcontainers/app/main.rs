//! An HTTP server that counts its visits in Redis, at the address that `REDIS` has.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, thread};

/// Where it listens: the port is published by whoever runs the container.
const LISTEN: &str = "0.0.0.0:8080";

fn main() -> io::Result<()> {
    let redis = env::var("REDIS").unwrap_or_else(|_| "redis:6379".to_owned());
    let listener = TcpListener::bind(LISTEN)?;
    println!("listening on {LISTEN}");
    for stream in listener.incoming() {
        let redis = redis.clone();
        thread::spawn(move || {
            if let Err(error) = stream.and_then(|stream| answer(&stream, &redis)) {
                eprintln!("a connection failed: {error}");
            }
        });
    }
    Ok(())
}

/// Answers the one request of a connection: `/` counts, `/health` does not.
fn answer(mut stream: &TcpStream, redis: &str) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = match first.split(' ').nth(1) {
        Some("/health") => ("200 OK", "ok".to_owned()),
        Some("/") => match count(redis) {
            Ok(count) => ("200 OK", count),
            Err(error) => ("502 Bad Gateway", format!("`{redis}`: {error}")),
        },
        _ => ("404 Not Found", "not found".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Adds one to the visits, and returns how many there are now.
fn count(redis: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(redis)?;
    stream.write_all(b"INCR visits\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    match line.trim_end().strip_prefix(':') {
        Some(count) => Ok(count.to_owned()),
        None => Err(io::Error::other(format!("it answered `{}`", line.trim_end()))),
    }
}
