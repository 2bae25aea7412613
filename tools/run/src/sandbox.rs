//! Running commands in a sandbox on this machine.

use std::cell::RefCell;
use std::env;
use std::io;
use std::path::{absolute, Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use stevedore_agent::SECRETS;
use stevedore_delivery::{Image, Network};
use stevedore_engine::Output;
use stevedore_sandbox::{Cache, InputEntry, LayerFile, Mount, Process, Request};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use crate::conversation::Streams;
use crate::error::Error;
use crate::spec::RunSpec;

/// How long a sandbox has for removing what it has made.
const CLEAN_UP: Duration = Duration::from_secs(30);

/// The most that secrets take.
const SECRETS_SIZE: u64 = 4 << 20;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// One run in a sandbox.
pub struct Sandbox<'a> {
    spec: &'a RunSpec,
    process: RefCell<Option<Process>>,
}

/// The standard streams of the agent.
pub(crate) struct Piped {
    stdin: ChildStdin,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Streams for Piped {
    const TELLS_BEGIN: bool = true;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdin.write_all(bytes).await?;
        self.stdin.flush().await
    }

    async fn next(&mut self) -> io::Result<Option<Output>> {
        loop {
            let output = tokio::select! {
                bytes = read(&mut self.stdout), if self.stdout.is_some() => bytes?.map(Output::Stdout),
                bytes = read(&mut self.stderr), if self.stderr.is_some() => bytes?.map(Output::Stderr),
                else => return Ok(None),
            };
            if output.is_some() {
                return Ok(output);
            }
        }
    }
}

/// Reads what is there; at its end the stream is given up.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>) -> io::Result<Option<Bytes>> {
    let Some(open) = stream else {
        return Ok(None);
    };
    let mut bytes = BytesMut::with_capacity(CHUNK);
    if open.read_buf(&mut bytes).await? == 0 {
        *stream = None;
        return Ok(None);
    }
    Ok(Some(bytes.freeze()))
}

impl<'a> Sandbox<'a> {
    /// A run of what `spec` says.
    pub fn new(spec: &'a RunSpec) -> Self {
        Self {
            spec,
            process: RefCell::default(),
        }
    }

    /// Starts a sandbox of `base`, with `agent` as its program, and gives the agent's streams.
    pub(crate) async fn start(&self, base: &Image, agent: &Path) -> Result<Piped, Error> {
        let request = self.request(base, agent).await?;
        let program = env::current_exe().map_err(|source| Error::Program { source })?;
        let container = stevedore_sandbox::start(&program, &request).await?;
        *self.process.borrow_mut() = Some(container.process);
        Ok(Piped {
            stdin: container.stdin,
            stdout: Some(container.stdout),
            stderr: Some(container.stderr),
        })
    }

    /// Waits until everything that this run has made is removed; its streams have ended, or were dropped.
    ///
    /// # Errors
    /// If it does not end, and not by force either.
    pub async fn clean_up(&self) -> io::Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        match tokio::time::timeout(CLEAN_UP, process.wait()).await {
            Ok(ended) => ended.map(drop),
            Err(_) => process.kill().await,
        }
    }

    async fn request(&self, base: &Image, agent: &Path) -> Result<Request, Error> {
        let spec = self.spec;
        let layers = base.layers(0..base.description().layers.len()).await?;
        let layers = layers.into_iter().map(|(_, layer)| {
            Ok(LayerFile {
                diff_id: layer.description.diff_id,
                path: absolute_path(&layer.path)?,
            })
        });
        let cache = Cache::of_machine(|name| env::var_os(name));
        Ok(Request {
            layers: layers.collect::<Result<_, Error>>()?,
            agent: absolute_path(agent)?,
            mounts: self.mounts()?,
            network: match spec.network {
                Network::None => stevedore_sandbox::Network::None,
                // There is nobody who would make another network.
                Network::Default | Network::Host => stevedore_sandbox::Network::Host,
            },
            memory: spec.memory,
            cpus: spec.cpus,
            cache: cache.writable()?,
        })
    }

    fn mounts(&self) -> Result<Vec<Mount>, Error> {
        let spec = self.spec;
        let mut mounts = Vec::new();
        for input in &spec.inputs {
            let entries = input.entries.iter().map(|entry| {
                Ok(InputEntry {
                    path: entry.path.clone(),
                    source: absolute_path(&entry.source)?,
                })
            });
            mounts.push(Mount::Input {
                target: input.target.clone(),
                entries: entries.collect::<Result<_, Error>>()?,
            });
        }
        let caches = spec.caches.iter();
        mounts.extend(caches.map(|(target, name)| Mount::Cache {
            target: target.clone(),
            name: name.clone(),
        }));
        let secrets = (!spec.secrets.is_empty()).then(|| (SECRETS.to_owned(), Some(SECRETS_SIZE)));
        let tmpfs = spec.tmpfs.clone().into_iter().chain(secrets);
        mounts.extend(tmpfs.map(|(target, size)| Mount::Tmpfs { target, size }));
        Ok(mounts)
    }
}

fn absolute_path(path: &Path) -> Result<PathBuf, Error> {
    absolute(path).map_err(|source| Error::Input {
        path: path.to_owned(),
        source,
    })
}
