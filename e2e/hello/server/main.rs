//! Serves the files of one folder over HTTP.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::{env, fs, io, thread};

/// Where to listen, and what to serve.
struct Config {
    listen: SocketAddr,
    folder: PathBuf,
}

impl Config {
    /// Reads `name = value` lines; `HELLO_LISTEN` wins over the file.
    fn read(file: &str) -> Result<Self, String> {
        let text =
            fs::read_to_string(file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
        let values: HashMap<_, _> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let value = |name: &str| {
            let value = values.get(name).map(|value| (*value).to_owned());
            value.ok_or_else(|| format!("`{file}` does not set `{name}`"))
        };
        let listen = env::var("HELLO_LISTEN").or_else(|_| value("listen"))?;
        Ok(Self {
            listen: listen
                .parse()
                .map_err(|error| format!("cannot listen on `{listen}`: {error}"))?,
            folder: value("folder")?.into(),
        })
    }
}

fn main() -> Result<(), String> {
    let file = env::var("HELLO_CONFIG").unwrap_or_else(|_| "hello.conf".to_owned());
    let config = Config::read(&file)?;
    let listener = TcpListener::bind(config.listen)
        .map_err(|error| format!("cannot listen on `{}`: {error}", config.listen))?;
    println!("serving {} on {}", config.folder.display(), config.listen);
    for stream in listener.incoming() {
        let folder = config.folder.clone();
        thread::spawn(move || {
            if let Err(error) = stream.and_then(|stream| answer(&stream, &folder)) {
                eprintln!("a connection failed: {error}");
            }
        });
    }
    Ok(())
}

/// Answers the one request of a connection.
fn answer(mut stream: &TcpStream, folder: &Path) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let target = first.split(' ').nth(1).unwrap_or("/");
    let (status, body) = match find(folder, target).map(fs::read) {
        Some(Ok(body)) => ("200 OK", body),
        _ => ("404 Not Found", b"not found\n".to_vec()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// The file that a request's target means, unless it leads out of the folder.
fn find(folder: &Path, target: &str) -> Option<PathBuf> {
    let relative = match target.trim_start_matches('/') {
        "" => Path::new("index.html"),
        other => Path::new(other),
    };
    let inside = relative
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    inside.then(|| folder.join(relative))
}
