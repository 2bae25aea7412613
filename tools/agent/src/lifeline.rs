//! The standard input, which is open as long as the tool lives.

use std::io::{self, Read};
use std::process;
use std::thread;

use crate::error::Error;

/// Ends this process, and so all that runs in the container, when `input` ends.
pub(crate) fn hold(mut input: impl Read + Send + 'static) -> Result<(), Error> {
    let watch = move || {
        // Nothing is expected; whatever comes is ignored.
        let _ = io::copy(&mut input, &mut io::sink());
        process::exit(1);
    };
    thread::Builder::new()
        .spawn(watch)
        .map(drop)
        .map_err(Error::Thread)
}
