//! One connection to an engine, counted.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;
use crate::counted::Counted;
use crate::ssh::SshStream;
use crate::tls;
use crate::traffic::Traffic;

/// How long a connection over a network may take, TLS included; the Docker CLI waits as long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that counts what is written to it and that survives an engine which answers early.
///
/// An engine that cannot go on (its disk is full, say) answers while an upload is still under way
/// and closes. The next write then fails with a broken pipe, and hyper gives the connection up
/// although the answer lies ready to be read (`poll_write` comes before the error of the read side
/// in hyper's `proto/h1/dispatch.rs`). So from then on what is written is dropped, nothing of it is
/// counted, and the connection ends by what is *read*: the answer or the end of the stream.
///
/// What is counted is what leaves this program: with TLS its records, with ssh what is handed to it.
pub(crate) struct Socket {
    stream: Box<dyn Stream>,
    peer_reads: bool,
}

impl Socket {
    /// Connects to `address`. An error may have a [`tls::TlsError`] or a [`crate::ssh::SshError`] inside.
    pub(crate) async fn connect(address: &Address, traffic: Traffic) -> io::Result<Self> {
        Ok(Self {
            stream: open(address, traffic).await?,
            peer_reads: true,
        })
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

async fn open(address: &Address, traffic: Traffic) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        Address::Unix(path) => Box::new(Counted::new(UnixStream::connect(path).await?, traffic)),
        Address::Tcp { host, port } => {
            let stream = in_time(connect_tcp(host, *port)).await?;
            Box::new(Counted::new(stream, traffic))
        }
        Address::Tls { host, port, files } => {
            let connecting = async {
                let client = tls::client(files)?;
                let stream = Counted::new(connect_tcp(host, *port).await?, traffic);
                tls::connect(client, host, stream).await
            };
            Box::new(in_time(connecting).await?)
        }
        Address::Ssh(ssh) => Box::new(Counted::new(SshStream::start(ssh)?, traffic)),
        Address::Containerd { .. } | Address::PodmanCommand { .. } => {
            let problem = format!("`{address}` is not the address of an HTTP API");
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
    })
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
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
        Connected::new()
    }
}
