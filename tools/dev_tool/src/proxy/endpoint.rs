//! Sockets of both kinds: with a path, and with a port.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// Where a server listens; printed as clients name it.
#[derive(Clone, Debug)]
pub(super) enum Endpoint {
    /// A path.
    Socket(PathBuf),
    /// A port. To listen on 0 is to listen on any that is free.
    Port(SocketAddr),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(formatter, "unix://{}", path.display()),
            Self::Port(address) => address.fmt(formatter),
        }
    }
}

impl Endpoint {
    /// Listens here, and tells where that came to be.
    pub(super) fn listen(self) -> io::Result<(Listener, Self)> {
        match self {
            Self::Socket(path) => Ok((
                Listener::Socket(UnixListener::bind(&path)?),
                Self::Socket(path),
            )),
            Self::Port(address) => {
                let listener = TcpListener::bind(address)?;
                let address = listener.local_addr()?;
                Ok((Listener::Port(listener), Self::Port(address)))
            }
        }
    }

    /// A connection to who listens here.
    pub(super) fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Socket(path) => UnixStream::connect(path).map(Stream::Socket),
            Self::Port(address) => Stream::port(TcpStream::connect(address)?),
        }
    }
}

/// Takes connections.
pub(super) enum Listener {
    Socket(UnixListener),
    Port(TcpListener),
}

impl Listener {
    /// The next connection.
    pub(super) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Socket(listener) => Ok(Stream::Socket(listener.accept()?.0)),
            Self::Port(listener) => Stream::port(listener.accept()?.0),
        }
    }
}

/// A connection.
pub(super) enum Stream {
    Socket(UnixStream),
    Port(TcpStream),
}

impl Stream {
    /// What is written goes on at once, as a proxy must not make it wait.
    fn port(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Port(stream))
    }

    /// The same connection once more.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Socket(stream) => Self::Socket(stream.try_clone()?),
            Self::Port(stream) => Self::Port(stream.try_clone()?),
        })
    }

    /// Ends one direction, or both.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Socket(stream) => stream.shutdown(how),
            Self::Port(stream) => stream.shutdown(how),
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(stream) => (&*stream).read(buffer),
            Stream::Port(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(stream) => (&*stream).write(bytes),
            Stream::Port(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
