//! What commands print, each stream by itself.

use std::io;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use stevedore_agent::Stream;

/// How much of a stream is kept, in bytes.
const KEPT: usize = 8 << 20;

/// What commands have printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// To standard output; the first 8 MiB of it.
    pub stdout: Vec<u8>,
    /// To standard error; the first 8 MiB of it.
    pub stderr: Vec<u8>,
}

impl Printed {
    /// Takes what the agent tells of a stream.
    ///
    /// # Errors
    /// If `bytes` is not base64.
    pub(crate) fn take(&mut self, stream: Stream, bytes: &str) -> io::Result<()> {
        let bytes = BASE64_STANDARD.decode(bytes).map_err(io::Error::other)?;
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let space = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(space)]);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_are_kept_apart_and_not_without_end() {
        let mut printed = Printed::default();
        let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        printed.take(Stream::Stderr, &encoded(b"warning")).unwrap();
        printed.take(Stream::Stdout, &encoded(b"a\xff")).unwrap();
        printed.take(Stream::Stdout, &encoded(b"b")).unwrap();
        assert_eq!(printed.stdout, b"a\xffb");
        assert_eq!(printed.stderr, b"warning");
        printed
            .take(Stream::Stdout, &encoded(&vec![0; KEPT]))
            .unwrap();
        assert_eq!(printed.stdout.len(), KEPT);
        assert!(printed.take(Stream::Stdout, "?").is_err());
    }
}
