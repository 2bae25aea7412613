//! What commands print, each stream by itself.

use std::io;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use stevedore_agent::Stream;

/// What commands have printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// To standard output.
    pub stdout: PrintedStream,
    /// To standard error.
    pub stderr: PrintedStream,
    /// How much of each is kept, in bytes.
    most: u64,
}

/// What commands have printed to a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrintedStream {
    /// The beginning of it.
    pub bytes: Vec<u8>,
    /// How many bytes all of it was.
    pub size: u64,
}

impl Printed {
    /// Nothing yet; of each stream `most` bytes will be kept.
    pub(crate) fn keeping(most: u64) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Takes what the agent tells of a stream.
    ///
    /// # Errors
    /// If `bytes` is not base64.
    pub(crate) fn take(&mut self, stream: Stream, bytes: &str) -> io::Result<()> {
        let bytes = BASE64_STANDARD.decode(bytes).map_err(io::Error::other)?;
        let stream = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let space = self.most.saturating_sub(stream.size);
        let space = usize::try_from(space).unwrap_or(usize::MAX);
        stream
            .bytes
            .extend_from_slice(&bytes[..bytes.len().min(space)]);
        stream.size += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_are_kept_apart_and_not_without_end() {
        let mut printed = Printed::keeping(5);
        let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        printed.take(Stream::Stderr, &encoded(b"warning")).unwrap();
        printed.take(Stream::Stdout, &encoded(b"a\xff")).unwrap();
        printed.take(Stream::Stdout, &encoded(b"b")).unwrap();
        assert_eq!(printed.stdout.bytes, b"a\xffb");
        assert_eq!(printed.stdout.size, 3);
        assert_eq!(printed.stderr.bytes, b"warni");
        assert_eq!(printed.stderr.size, 7);
        printed.take(Stream::Stdout, &encoded(b"cde")).unwrap();
        printed.take(Stream::Stdout, &encoded(b"f")).unwrap();
        assert_eq!(printed.stdout.bytes, b"a\xffbcd");
        assert_eq!(printed.stdout.size, 7);
        assert!(printed.take(Stream::Stdout, "?").is_err());
    }
}
