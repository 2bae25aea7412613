//! A proxy as companies have them, before one registry.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Passes on to one server whatever host it is asked for, by a tunnel (`CONNECT`) or with the whole URL. It runs until the
/// program ends.
pub struct WebProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    /// The value of `Proxy-Authorization` that opens it; `None`: it is open.
    password: Option<String>,
    lines: Mutex<Vec<String>>,
}

impl WebProxy {
    /// Starts one before the server at `upstream`, a host and a port. With a `password`, the value of
    /// `Proxy-Authorization`, nobody else gets through.
    ///
    /// # Errors
    /// If there is no port, or no thread.
    pub fn start(upstream: &str, password: Option<&str>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            password: password.map(ToOwned::to_owned),
            lines: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        thread::Builder::new().spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A connection that breaks is the client's affair.
                thread::spawn(move || shared.serve(&client));
            }
        })?;
        Ok(Self { port, shared })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The first line of each connection so far.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.shared.lines.lock();
        lines.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let line = head.lines().next().unwrap_or_default().to_owned();
        let is_tunnel = line.starts_with("CONNECT ");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        drop(lines);
        let mut client = client;
        if !self.lets_in(&head) {
            return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        }
        let mut server = TcpStream::connect(&self.upstream)?;
        match is_tunnel {
            true => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?,
            false => server.write_all(head.as_bytes())?,
        }
        let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let copied = io::copy(&mut answers, &mut back);
            back.shutdown(Shutdown::Write).and(copied)
        });
        io::copy(&mut reader, &mut server)?;
        server.shutdown(Shutdown::Write)
    }

    fn lets_in(&self, head: &str) -> bool {
        let Some(password) = &self.password else {
            return true;
        };
        head.lines().any(|line| {
            let header = line.split_once(':');
            header.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == password
            })
        })
    }
}
