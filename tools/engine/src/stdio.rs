//! A container's standard streams, as the engine multiplexes them on one connection.

use std::io;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// The most that is read at once.
const CHUNK: usize = 32 << 10;

/// A container's standard input.
pub struct Input {
    writer: WriteHalf<TokioIo<Upgraded>>,
}

impl Input {
    pub(crate) fn new(writer: WriteHalf<TokioIo<Upgraded>>) -> Self {
        Self { writer }
    }

    /// Gives the container `bytes` to read.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// Lets the container read the end of its input.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn close(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }
}

/// Bytes that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To its standard output, or to its terminal.
    Stdout(Bytes),
    /// To its standard error.
    Stderr(Bytes),
}

/// A container's output.
///
/// Without a terminal it comes in frames: a byte that names the stream, three zeros, the payload's
/// length in four bytes (big-endian), the payload; see "Attach to a container" in
/// <https://docs.docker.com/reference/api/engine/>. With a terminal it comes as it is.
pub struct OutputReader<R = ReadHalf<TokioIo<Upgraded>>> {
    reader: R,
    framing: Framing,
}

enum Framing {
    None,
    /// The stream's number, and how much of the current frame is still to come.
    Frames {
        stream: u8,
        remaining: usize,
    },
}

impl<R: AsyncRead + Unpin> OutputReader<R> {
    pub(crate) fn new(reader: R, terminal: bool) -> Self {
        Self {
            reader,
            framing: if terminal {
                Framing::None
            } else {
                Framing::Frames {
                    stream: 0,
                    remaining: 0,
                }
            },
        }
    }

    /// Waits for output; `None` when there will be no more.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn next(&mut self) -> io::Result<Option<Output>> {
        let stream = match self.begin_frame().await? {
            None => return Ok(None),
            Some((stream, limit)) => {
                let mut buffer = vec![0; limit.min(CHUNK)];
                let count = self.reader.read(&mut buffer).await?;
                buffer.truncate(count);
                self.note_read(count);
                if count == 0 {
                    return Ok(None);
                }
                (stream, Bytes::from(buffer))
            }
        };
        Ok(Some(match stream {
            (2, bytes) => Output::Stderr(bytes),
            (_, bytes) => Output::Stdout(bytes),
        }))
    }

    /// The stream that comes next, and how much of it; `None` at the end.
    async fn begin_frame(&mut self) -> io::Result<Option<(u8, usize)>> {
        let Framing::Frames { stream, remaining } = &mut self.framing else {
            return Ok(Some((1, CHUNK)));
        };
        while *remaining == 0 {
            let mut header = [0; 8];
            if self.reader.read(&mut header[..1]).await? == 0 {
                return Ok(None);
            }
            self.reader.read_exact(&mut header[1..]).await?;
            *stream = header[0];
            *remaining = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        }
        Ok(Some((*stream, *remaining)))
    }

    fn note_read(&mut self, count: usize) {
        if let Framing::Frames { remaining, .. } = &mut self.framing {
            *remaining -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], terminal: bool) -> io::Result<Vec<Output>> {
        let mut reader = OutputReader::new(bytes, terminal);
        let mut outputs = Vec::new();
        while let Some(output) = reader.next().await? {
            outputs.push(output);
        }
        Ok(outputs)
    }

    #[tokio::test]
    async fn frames_are_sorted_by_stream() -> io::Result<()> {
        let bytes = b"\x01\0\0\0\0\0\0\x02ok\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x01!";
        let expected = [Output::Stdout("ok".into()), Output::Stderr("!".into())];
        assert_eq!(read(bytes, false).await?, expected);
        Ok(())
    }

    #[tokio::test]
    async fn a_terminals_bytes_are_not_interpreted() -> io::Result<()> {
        let expected = [Output::Stdout("\x01\x1b[0m".into())];
        assert_eq!(read(b"\x01\x1b[0m", true).await?, expected);
        Ok(())
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_off_gives_what_came() -> io::Result<()> {
        let expected = [Output::Stdout("o".into())];
        assert_eq!(read(b"\x01\0\0\0\0\0\0\x02o", false).await?, expected);
        assert!(read(b"\x01\0\0", false).await.is_err());
        Ok(())
    }
}
