//! The stream of JSON objects in which an engine answers a load.
//!
//! Docker's `pkg/streamformatter` (moby) writes one object after the other, each followed by `\r\n`;
//! podman puts nothing between them. HTTP status 200 has been sent long before: whether the load
//! succeeded is told by these objects alone.

use serde::Deserialize;

/// The largest object that is waited for; the engines' are below 2 KiB.
const MAX_MESSAGE: usize = 1 << 20;

/// One object of the stream; all its fields are optional, and others are ignored.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Message {
    /// Text for the user, such as `Loaded image: app:dev\n`.
    pub(crate) stream: Option<String>,
    /// What the engine is doing, such as `Loading layer`.
    pub(crate) status: Option<String>,
    /// How far it is.
    #[serde(rename = "progressDetail")]
    pub(crate) progress: Option<ProgressDetail>,
    /// Why it failed, in old engines' form.
    pub(crate) error: Option<String>,
    /// Why it failed.
    #[serde(rename = "errorDetail")]
    pub(crate) error_detail: Option<ErrorDetail>,
}

/// How far an engine is with what `status` says; both in bytes.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct ProgressDetail {
    #[serde(default)]
    pub(crate) current: u64,
    #[serde(default)]
    pub(crate) total: u64,
}

/// Why an engine failed.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct ErrorDetail {
    pub(crate) message: String,
}

/// Why a stream cannot be read on.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// The start of what is no message.
    pub(crate) excerpt: String,
    /// What the parser said.
    pub(crate) source: serde_json::Error,
}

/// Collects the bytes of the stream and gives the messages that are complete.
#[derive(Debug, Default)]
pub(crate) struct MessageReader {
    pending: Vec<u8>,
}

impl MessageReader {
    /// Takes the next bytes and gives the messages that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, Malformed> {
        self.pending.extend_from_slice(bytes);
        let (messages, consumed) = parse(&self.pending)?;
        self.pending.drain(..consumed);
        if self.pending.len() > MAX_MESSAGE {
            return Err(self.malformed(serde::de::Error::custom("a message without an end")));
        }
        Ok(messages)
    }

    /// Checks that the stream did not end inside a message.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.pending.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        Err(self.malformed(serde::de::Error::custom("the stream ends inside a message")))
    }

    fn malformed(&self, source: serde_json::Error) -> Malformed {
        Malformed {
            excerpt: excerpt(&self.pending),
            source,
        }
    }
}

fn parse(bytes: &[u8]) -> Result<(Vec<Message>, usize), Malformed> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<Message>();
    let mut messages = Vec::new();
    let mut consumed = 0;
    while let Some(next) = stream.next() {
        match next {
            Ok(message) => messages.push(message),
            Err(error) if error.is_eof() => break,
            Err(source) => {
                return Err(Malformed {
                    excerpt: excerpt(&bytes[consumed..]),
                    source,
                })
            }
        }
        consumed = stream.byte_offset();
    }
    Ok((messages, consumed))
}

/// The first characters of an answer, for an error message.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const LENGTH: usize = 200;
    let start = &bytes[..bytes.len().min(LENGTH)];
    let text = String::from_utf8_lossy(start).trim().to_owned();
    if bytes.len() > LENGTH {
        text + "…"
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":5,\"total\":10},\"id\":\"ab\"}\r\n\
        {\"stream\":\"Loaded image: a:b\\n\"}{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";

    fn read(pieces: &[&[u8]]) -> Result<Vec<Message>, Malformed> {
        let mut reader = MessageReader::default();
        let mut messages = Vec::new();
        for piece in pieces {
            messages.extend(reader.push(piece)?);
        }
        reader.finish().map(|()| messages)
    }

    #[test]
    fn messages_may_be_split_anywhere() -> Result<(), Malformed> {
        let whole = read(&[STREAM.as_bytes()])?;
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1].stream.as_deref(), Some("Loaded image: a:b\n"));
        for split in 0..STREAM.len() {
            let (head, tail) = STREAM.as_bytes().split_at(split);
            assert_eq!(read(&[head, tail])?, whole, "split at {split}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_json_or_cut_off_is_malformed() {
        for stream in [
            "<html>",
            "{\"stream\":\"a\"}\r\nnope",
            "{\"stream\":",
            "{\"stream\":7}",
        ] {
            let result = read(&[stream.as_bytes()]);
            assert!(result.is_err(), "{stream}: {result:?}");
        }
    }

    #[test]
    fn a_message_without_an_end_is_given_up() {
        let endless = vec![b'a'; MAX_MESSAGE + 1];
        assert!(read(&[b"{\"stream\":\"", &endless]).is_err());
    }
}
