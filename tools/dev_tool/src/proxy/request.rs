//! An incremental reader of the requests on one HTTP/1.1 connection (RFC 9112): it keeps heads, and lets bodies pass.
//! A connection that goes over to HTTP/2, or begins with it, is read on as such.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use anyhow::{bail, Context, Result};

use super::frames::{FrameReader, FIRST_LINE};

/// More than any client's head; a longer one means that the stream is not HTTP.
const LONGEST_HEAD: usize = 64 * 1024;

/// One request, as far as its head tells.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`, `POST`, …
    pub(crate) method: String,
    /// Path and query; in HTTP/2, where heads are compressed, the stream.
    pub(crate) target: String,
    /// Bytes of its body so far; the connection's reader adds to them.
    body: Arc<AtomicU64>,
}

impl Request {
    /// Bytes of its body so far, without the framing of chunks.
    pub(crate) fn body(&self) -> u64 {
        self.body.load(Ordering::SeqCst)
    }

    /// A call over HTTP/2, whose head is not read; all that are made to engines are gRPC, so POST.
    pub(super) fn unread(target: &str) -> Self {
        Self {
            method: "POST".to_owned(),
            target: target.to_owned(),
            body: Arc::default(),
        }
    }

    /// Where the bytes of its body are counted.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.body)
    }
}

/// What the next byte of the stream belongs to.
#[derive(Debug)]
enum State {
    /// A request's head.
    Head(Vec<u8>),
    /// A body of known length: so many bytes are left.
    Body(u64),
    /// The line with a chunk's size.
    ChunkSize(Vec<u8>),
    /// A chunk: so many bytes are left.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd(Vec<u8>),
    /// The trailer after the last chunk: its current line.
    Trailer(Vec<u8>),
    /// The server has been asked for another protocol and has not answered.
    Asked(Protocol),
    /// HTTP/2.
    Frames(FrameReader),
    /// Another protocol.
    Upgraded,
}

/// What a connection may go over to.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Http2,
    Other,
}

/// Reads what one client sends on one connection.
#[derive(Debug)]
pub(crate) struct RequestReader {
    state: State,
    /// Where the bytes of the current request's body are counted.
    body: Arc<AtomicU64>,
}

impl RequestReader {
    /// A reader at the beginning of a connection.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head(Vec::new()),
            body: Arc::default(),
        }
    }

    /// Whether the next bytes from the server answer a request for another protocol.
    pub(crate) fn asked_for_upgrade(&self) -> bool {
        matches!(self.state, State::Asked(_))
    }

    /// Takes in the server's answer to a request for another protocol.
    pub(crate) fn answered(&mut self, switched: bool) {
        self.state = match self.state {
            State::Asked(Protocol::Other) if switched => State::Upgraded,
            // HTTP/2 begins with a head of its own.
            _ => State::Head(Vec::new()),
        };
    }

    /// Reads the next bytes, and adds the requests that begin in them to `requests`.
    pub(crate) fn read(&mut self, mut bytes: &[u8], requests: &mut Vec<Request>) -> Result<()> {
        while !bytes.is_empty() {
            bytes = self.step(bytes, requests)?;
        }
        Ok(())
    }

    /// Reads one piece and returns what comes after it.
    fn step<'a>(&mut self, bytes: &'a [u8], requests: &mut Vec<Request>) -> Result<&'a [u8]> {
        let (state, rest) = match std::mem::replace(&mut self.state, State::Upgraded) {
            State::Head(line) => match read_head(line, bytes)? {
                (Head::Part(line), rest) => (State::Head(line), rest),
                (Head::Whole(request, state), rest) => {
                    self.body = Arc::clone(&request.body);
                    requests.push(request);
                    (state, rest)
                }
                (Head::Http2, rest) => (State::Frames(FrameReader::new()), rest),
            },
            State::Body(left) => match self.pass(left, bytes) {
                (0, rest) => (State::Head(Vec::new()), rest),
                (left, rest) => (State::Body(left), rest),
            },
            State::ChunkSize(line) => match read_line(line, bytes)? {
                (Line::Part(line), rest) => (State::ChunkSize(line), rest),
                (Line::Whole(line), rest) => match chunk_size(&line)? {
                    0 => (State::Trailer(Vec::new()), rest),
                    size => (State::Chunk(size), rest),
                },
            },
            State::Chunk(left) => match self.pass(left, bytes) {
                (0, rest) => (State::ChunkEnd(Vec::new()), rest),
                (left, rest) => (State::Chunk(left), rest),
            },
            State::ChunkEnd(line) => match read_line(line, bytes)? {
                (Line::Part(line), rest) => (State::ChunkEnd(line), rest),
                (Line::Whole(line), _) if !line.is_empty() => {
                    bail!("a chunk does not end where its size says")
                }
                (Line::Whole(_), rest) => (State::ChunkSize(Vec::new()), rest),
            },
            State::Trailer(line) => match read_line(line, bytes)? {
                (Line::Part(line), rest) => (State::Trailer(line), rest),
                (Line::Whole(line), rest) if line.is_empty() => (State::Head(Vec::new()), rest),
                (Line::Whole(_), rest) => (State::Trailer(Vec::new()), rest),
            },
            State::Frames(mut frames) => {
                frames.read(bytes, requests)?;
                (State::Frames(frames), &bytes[bytes.len()..])
            }
            // What a client sends before it is answered belongs to the protocol that it asked for.
            state @ (State::Asked(_) | State::Upgraded) => (state, &bytes[bytes.len()..]),
        };
        self.state = state;
        Ok(rest)
    }

    /// Counts up to `left` bytes of a body; returns how many are still to come, and the bytes after these.
    fn pass<'a>(&self, left: u64, bytes: &'a [u8]) -> (u64, &'a [u8]) {
        let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.body.fetch_add(length as u64, Ordering::SeqCst);
        (left - length as u64, &bytes[length..])
    }
}

/// A line that has come whole, without its end, or in part.
enum Line {
    Whole(Vec<u8>),
    Part(Vec<u8>),
}

/// Adds bytes to `line` up to the next line end.
fn read_line(mut line: Vec<u8>, bytes: &[u8]) -> Result<(Line, &[u8])> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        line.extend_from_slice(bytes);
        if line.len() > LONGEST_HEAD {
            bail!("a line is longer than {LONGEST_HEAD} bytes");
        }
        return Ok((Line::Part(line), &[]));
    };
    line.extend_from_slice(&bytes[..end]);
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok((Line::Whole(line), &bytes[end + 1..]))
}

/// A head that has come whole, with what follows it, or in part.
enum Head {
    Whole(Request, State),
    Part(Vec<u8>),
    /// Not a request's: the beginning of HTTP/2.
    Http2,
}

/// Adds bytes to `head` up to the blank line that ends it.
fn read_head(mut head: Vec<u8>, bytes: &[u8]) -> Result<(Head, &[u8])> {
    let before = head.len();
    head.extend_from_slice(bytes);
    let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else {
        if head.len() > LONGEST_HEAD {
            bail!("a request's head is longer than {LONGEST_HEAD} bytes");
        }
        return Ok((Head::Part(head), &[]));
    };
    head.truncate(end);
    let text = String::from_utf8(head).context("a request's head is not UTF-8")?;
    let head = match text == FIRST_LINE {
        true => Head::Http2,
        false => parse_head(&text)?,
    };
    Ok((head, &bytes[end + 4 - before..]))
}

/// The request that a head tells of, and what follows it.
fn parse_head(text: &str) -> Result<Head> {
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        bail!("`{first}` is no request line");
    };
    if !version.starts_with("HTTP/1.") {
        bail!("`{first}` is no HTTP/1 request line");
    }
    let mut after = State::Head(Vec::new());
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            bail!("`{line}` is no header line");
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "upgrade" if value.eq_ignore_ascii_case("h2c") => {
                after = State::Asked(Protocol::Http2);
            }
            "upgrade" => after = State::Asked(Protocol::Other),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => {
                after = State::ChunkSize(Vec::new());
            }
            "content-length" => {
                let length = value
                    .parse()
                    .with_context(|| format!("`{value}` is no content length"))?;
                if length > 0 && !matches!(after, State::Asked(_)) {
                    after = State::Body(length);
                }
            }
            _ => {}
        }
    }
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body: Arc::default(),
    };
    Ok(Head::Whole(request, after))
}

/// The size in a chunk's first line; what may follow it is an extension.
fn chunk_size(line: &[u8]) -> Result<u64> {
    let line = String::from_utf8_lossy(line);
    let digits = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(digits, 16).with_context(|| format!("`{line}` is no chunk size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in_pieces(stream: &[u8], size: usize) -> Result<Vec<(String, u64)>> {
        let mut reader = RequestReader::new();
        let mut requests = Vec::new();
        for piece in stream.chunks(size) {
            reader.read(piece, &mut requests)?;
        }
        Ok(requests
            .into_iter()
            .map(|request| {
                (
                    format!("{} {}", request.method, request.target),
                    request.body(),
                )
            })
            .collect())
    }

    #[test]
    fn requests_are_found_wherever_the_stream_is_cut() -> Result<()> {
        let stream = b"GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n\
            POST /images/load?quiet=1 HTTP/1.1\r\nContent-Length: 12\r\n\r\nGET / HTTP/1\
            POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            5;ext=1\r\nGET /\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n\
            DELETE /images/x HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
        let expected = [
            ("GET /_ping".to_owned(), 0),
            ("POST /images/load?quiet=1".to_owned(), 12),
            ("POST /chunks".to_owned(), 31),
            ("DELETE /images/x".to_owned(), 0),
        ];
        for size in 1..=stream.len() {
            assert_eq!(read_in_pieces(stream, size)?, expected, "pieces of {size}");
        }
        Ok(())
    }

    #[test]
    fn nothing_is_read_after_an_upgrade() -> Result<()> {
        let mut reader = RequestReader::new();
        let mut requests = Vec::new();
        let ask = b"POST /attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        reader.read(ask, &mut requests)?;
        assert!(reader.asked_for_upgrade());
        reader.answered(true);
        reader.read(b"GET / HTTP/1.1\r\n\r\n", &mut requests)?;
        assert_eq!(requests.len(), 1);
        Ok(())
    }

    /// The beginning of HTTP/2, and a frame HEADERS of the first stream.
    const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x01\x05\0\0\0\x01";

    #[test]
    fn http2_is_read_after_an_upgrade() -> Result<()> {
        let mut reader = RequestReader::new();
        let mut requests = Vec::new();
        let ask = b"POST /grpc HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        reader.read(ask, &mut requests)?;
        reader.answered(true);
        reader.read(HTTP2, &mut requests)?;
        assert_eq!(requests.len(), 2);
        Ok(())
    }

    #[test]
    fn http2_is_read_from_the_start() -> Result<()> {
        for size in 1..HTTP2.len() {
            assert_eq!(read_in_pieces(HTTP2, size)?.len(), 1, "pieces of {size}");
        }
        Ok(())
    }

    #[test]
    fn requests_go_on_after_a_refused_upgrade() -> Result<()> {
        let mut reader = RequestReader::new();
        let mut requests = Vec::new();
        reader.read(
            b"POST /grpc HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
            &mut requests,
        )?;
        reader.answered(false);
        reader.read(b"GET /info HTTP/1.1\r\n\r\n", &mut requests)?;
        assert_eq!(requests.len(), 2);
        Ok(())
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        for stream in [
            &b"SSH-2.0-OpenSSH\r\n\r\n"[..],
            b"GET / HTTP/2\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ] {
            assert!(read_in_pieces(stream, 7).is_err());
        }
    }
}
