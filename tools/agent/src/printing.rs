//! Where what the commands print goes.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::thread::{self, JoinHandle};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use stevedore_agent::{Collect, Stream, Verdict};

use crate::error::Error;

/// How much is told in one line.
const CHUNK: usize = 16 << 10;

/// Where what the commands print goes.
pub(crate) enum Printing {
    /// All of it to our standard error: our standard output is for the answer.
    Together,
    /// Each stream by itself into lines of the answer, by threads of its own.
    Apart(Vec<JoinHandle<io::Result<()>>>),
}

impl Printing {
    /// As a job wants it that collects this.
    pub(crate) fn of(collect: &Collect) -> Self {
        match collect {
            Collect::Output => Self::Apart(Vec::new()),
            _ => Self::Together,
        }
    }

    /// Standard output and standard error of a command.
    pub(crate) fn streams(&mut self) -> Result<(Stdio, Stdio), Error> {
        let threads = match self {
            Self::Together => return Ok((our_stderr()?, our_stderr()?)),
            Self::Apart(threads) => threads,
        };
        let mut pipe = |stream| {
            let (reader, writer) = io::pipe().map_err(Error::Answer)?;
            let thread = thread::Builder::new().spawn(move || tell(stream, reader));
            threads.push(thread.map_err(Error::Thread)?);
            Ok::<_, Error>(Stdio::from(writer))
        };
        Ok((pipe(Stream::Stdout)?, pipe(Stream::Stderr)?))
    }

    /// Waits until all was told; nothing may run any more that prints.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Self::Apart(threads) = self else {
            return Ok(());
        };
        for thread in threads {
            let told = thread.join().unwrap_or_else(|_| {
                let panicked = io::Error::other("a thread ended early");
                Err(panicked)
            });
            told.map_err(Error::Answer)?;
        }
        Ok(())
    }
}

fn our_stderr() -> Result<Stdio, Error> {
    let descriptor = io::stderr().as_fd().try_clone_to_owned();
    descriptor.map(Stdio::from).map_err(Error::Answer)
}

/// Tells what comes, to the end.
fn tell(stream: Stream, mut reader: PipeReader) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut line = serde_json::to_vec(&Verdict::Printed {
            stream,
            bytes: BASE64_STANDARD.encode(&buffer[..count]),
        })?;
        line.push(b'\n');
        // The lock keeps the lines of the two threads apart.
        let lock = io::stdout().lock();
        let mut out = File::from(lock.as_fd().try_clone_to_owned()?);
        out.write_all(&line)?;
    }
}
