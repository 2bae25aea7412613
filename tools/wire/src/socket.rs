//! One connection to a server.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a connection over a network may take, TLS included; the Docker CLI waits as long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a [`Socket`] can be made of.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that survives a server which answers early.
///
/// A server that cannot go on (its disk is full, say) answers while an upload is still under way
/// and closes. The next write then fails with a broken pipe, and hyper gives the connection up
/// although the answer lies ready to be read (`poll_write` comes before the error of the read side
/// in hyper's `proto/h1/dispatch.rs`). So from then on what is written is dropped, and the
/// connection ends by what is *read*: the answer or the end of the stream.
pub struct Socket {
    stream: Box<dyn Stream>,
    peer_reads: bool,
    proxied: bool,
}

impl Socket {
    /// A connection on `stream`, which is connected.
    pub fn on(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            peer_reads: true,
            proxied: false,
        }
    }

    /// A connection to a proxy, which wants to be told the whole URL.
    #[must_use]
    pub fn to_proxy(mut self) -> Self {
        self.proxied = true;
        self
    }

    fn note_written(
        &mut self,
        written: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Err(error)) if is_hang_up(&error) => {
                self.peer_reads = false;
                Poll::Ready(Ok(offered))
            }
            other => other,
        }
    }
}

/// Connects to a port; TLS, if any, comes on top.
///
/// # Errors
/// What the operating system said.
pub async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Ends `connecting` with an error if it takes longer than any server should.
///
/// # Errors
/// That of `connecting`, or that time is over.
pub async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected,
        Err(_) => {
            let problem = format!("no connection within {} s", CONNECT_TIMEOUT.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, problem))
        }
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.peer_reads {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if !self.peer_reads {
            return Poll::Ready(Ok(offered));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_written(written, offered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS has what it could not write yet in a buffer.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(error)) if is_hang_up(&error) => {
                self.peer_reads = false;
                Poll::Ready(Ok(()))
            }
            _ if !self.peer_reads => Poll::Ready(Ok(())),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied)
    }
}
