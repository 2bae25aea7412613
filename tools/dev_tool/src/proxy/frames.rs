//! An incremental reader of what a client sends over HTTP/2 (RFC 9113): it finds requests, and lets everything pass.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use anyhow::{bail, Result};

use super::request::Request;

/// The first line of a connection; to an HTTP/1 reader it is a head of its own.
pub(super) const FIRST_LINE: &str = "PRI * HTTP/2.0";

/// What follows the blank line after [`FIRST_LINE`]; the frames begin after it.
const REST_OF_PREFACE: &[u8] = b"SM\r\n\r\n";

/// Bytes of a frame's head: length (3), type, flags, stream (4).
const HEAD: usize = 9;

/// Frame types (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// What the next byte belongs to.
#[derive(Debug)]
enum State {
    /// The rest of the preface, of which so many bytes have come.
    Preface(usize),
    /// A frame's head.
    Head(Vec<u8>),
    /// A frame's payload: so many bytes are left, and a body's are counted.
    Payload(u64, Option<Arc<AtomicU64>>),
}

/// Reads one connection, from the line after [`FIRST_LINE`] on.
#[derive(Debug)]
pub(super) struct FrameReader {
    state: State,
    /// The bodies of the requests, by stream.
    bodies: HashMap<u32, Arc<AtomicU64>>,
}

impl FrameReader {
    pub(super) fn new() -> Self {
        Self {
            state: State::Preface(0),
            bodies: HashMap::new(),
        }
    }

    /// Reads the next bytes, and adds the requests that begin in them to `requests`.
    pub(super) fn read(&mut self, mut bytes: &[u8], requests: &mut Vec<Request>) -> Result<()> {
        while !bytes.is_empty() {
            bytes = self.step(bytes, requests)?;
        }
        Ok(())
    }

    fn step<'a>(&mut self, bytes: &'a [u8], requests: &mut Vec<Request>) -> Result<&'a [u8]> {
        match &mut self.state {
            State::Preface(read) => {
                if bytes[0] != REST_OF_PREFACE[*read] {
                    bail!("the preface of HTTP/2 is not whole");
                }
                *read += 1;
                if *read == REST_OF_PREFACE.len() {
                    self.state = State::Head(Vec::new());
                }
                Ok(&bytes[1..])
            }
            State::Head(head) => {
                let length = bytes.len().min(HEAD - head.len());
                head.extend_from_slice(&bytes[..length]);
                if let Ok(head) = <[u8; HEAD]>::try_from(head.as_slice()) {
                    self.begin(head, requests);
                }
                Ok(&bytes[length..])
            }
            State::Payload(left, body) => {
                let length =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                if let Some(body) = body {
                    body.fetch_add(length as u64, Ordering::SeqCst);
                }
                *left -= length as u64;
                if *left == 0 {
                    self.state = State::Head(Vec::new());
                }
                Ok(&bytes[length..])
            }
        }
    }

    /// Begins the frame with this head. The first HEADERS of a stream are a request, later ones its trailers.
    fn begin(&mut self, head: [u8; HEAD], requests: &mut Vec<Request>) {
        let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        if head[3] == HEADERS && !self.bodies.contains_key(&stream) {
            let request = Request::unread(&format!("HTTP/2 stream {stream}"));
            self.bodies.insert(stream, request.counter());
            requests.push(request);
        }
        let body = match head[3] {
            DATA => self.bodies.get(&stream).cloned(),
            _ => None,
        };
        self.state = match length {
            0 => State::Head(Vec::new()),
            _ => State::Payload(length, body),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    #[test]
    fn requests_are_found_wherever_the_stream_is_cut() -> Result<()> {
        let settings = frame(4, 0, &[]);
        let stream = [
            REST_OF_PREFACE,
            &settings,
            &frame(HEADERS, 1, b"one"),
            &frame(HEADERS, 3, b"three"),
            &frame(DATA, 1, b"abc"),
            &frame(DATA, 3, &[b'x'; 300]),
            &frame(DATA, 1, b"de"),
            &frame(HEADERS, 1, b"trailers"),
        ]
        .concat();
        for size in 1..=stream.len() {
            let (mut reader, mut requests) = (FrameReader::new(), Vec::new());
            for piece in stream.chunks(size) {
                reader.read(piece, &mut requests)?;
            }
            let bodies: Vec<_> = requests.iter().map(Request::body).collect();
            assert_eq!(bodies, [5, 300], "pieces of {size}");
        }
        Ok(())
    }

    #[test]
    fn another_preface_is_an_error() {
        let (mut reader, mut requests) = (FrameReader::new(), Vec::new());
        assert!(reader.read(b"SM\r\n\r\r", &mut requests).is_err());
    }
}
