//! What every connection is made of: TLS, counting, a pool of connections, and a stream that survives an early answer.
#![deny(missing_docs)]

mod counted;
mod socket;
pub mod tls;
mod traffic;
mod transport;

pub use counted::Counted;
pub use socket::{connect_tcp, in_time, Socket, Stream};
pub use tls::{ClientFiles, TlsError, TlsFiles};
pub use traffic::Traffic;
pub use transport::{empty, find_io_error, full, Body, Transport};
