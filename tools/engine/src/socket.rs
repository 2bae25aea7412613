//! Connecting to an engine.

use std::io;

use stevedore_wire::{connect_tcp, in_time, tls, Counted, Socket, Traffic};
use tokio::net::UnixStream;

use crate::address::Address;
use crate::ssh::SshStream;

/// Connects to `address`. An error may have a [`stevedore_wire::TlsError`] or a [`crate::ssh::SshError`] inside.
///
/// What is counted is what leaves this program: with TLS its records, with ssh what is handed to it.
pub(crate) async fn connect(address: &Address, traffic: Traffic) -> io::Result<Socket> {
    Ok(match address {
        Address::Unix(path) => Socket::on(Counted::new(UnixStream::connect(path).await?, traffic)),
        Address::Tcp { host, port } => {
            let stream = in_time(connect_tcp(host, *port)).await?;
            Socket::on(Counted::new(stream, traffic))
        }
        Address::Tls { host, port, files } => {
            let connecting = async {
                let client = tls::client(files)?;
                let stream = Counted::new(connect_tcp(host, *port).await?, traffic);
                tls::connect(client, host, stream).await
            };
            Socket::on(in_time(connecting).await?)
        }
        Address::Ssh(ssh) => Socket::on(Counted::new(SshStream::start(ssh)?, traffic)),
        Address::Containerd { .. } | Address::PodmanCommand { .. } => {
            let problem = format!("`{address}` is not the address of an HTTP API");
            return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
        }
    })
}
