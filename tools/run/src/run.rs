//! One run from its first file to its outputs.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use stevedore_agent::{Job, Verdict};
use stevedore_delivery::{Consignment, Event, Image, Manner};
use stevedore_engine::Connection;
use stevedore_image::platform::Platform;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::base::BaseConfig;
use crate::conversation::{self, ConversationError, Streams};
use crate::daemon::Daemon;
use crate::error::{Error, LastLines};
use crate::extract;
use crate::job::job;
use crate::layer::{LayerCounts, LayerFiles};
use crate::log::Log;
use crate::printed::Printed;
use crate::sandbox::Sandbox;
use crate::secret::Secret;
use crate::spec::{CollectSpec, RunSpec};
use crate::stream;
use crate::verdict;

/// What is run, with all that it needs of this machine.
pub struct Run<'a> {
    /// What the target says.
    pub spec: &'a RunSpec,
    /// The image in which the commands run.
    pub base: Image,
    /// The secrets of the commands.
    pub secrets: Vec<Secret>,
    /// The agent, a program that runs in the container.
    pub agent: &'a Path,
    /// Where the layer goes, if one is made.
    pub layer: Option<LayerFiles>,
}

/// What is read of the tar that the agent sends, by another thread.
enum Receipt {
    Layer(JoinHandle<Result<LayerCounts, stevedore_image::Error>>),
    Files(JoinHandle<Result<(), extract::ExtractError>>),
    Nothing,
}

impl Run<'_> {
    /// Runs the commands in a container of `engine`, to which `daemon` belongs, and makes the outputs.
    ///
    /// What the run has made in the engine stays until [`Daemon::clean_up`], which is to be called in any case, also if this
    /// is dropped.
    ///
    /// # Errors
    /// If a command fails, or anything else. No output is there then.
    pub async fn in_engine(
        self,
        engine: &Connection,
        daemon: &Daemon<'_>,
        manner: &Manner,
        log: &mut Log,
    ) -> Result<(), Error> {
        let config = BaseConfig::of(&self.base)?;
        let consignments = [Consignment::new(self.base.clone(), Vec::new())];
        let (loaded, cleaned) = tokio::join!(
            stevedore_delivery::load(engine, &consignments, manner),
            daemon.remove_leftovers(),
        );
        loaded?;
        if let Err(error) = cleaned {
            let text = format!("failed to remove what earlier runs have left: {error}");
            (manner.observer)(Event::Note { text });
        }
        let image = consignments[0].loaded().map(|loaded| loaded.image_id);
        let image = image.unwrap_or(self.base.id());
        let platform = config.platform.as_ref();
        let (mut streams, placed) = daemon.start(image, platform, self.agent).await?;
        let job = job(self.spec, &config, &self.secrets, placed);
        let platform = async || engine.platform().await.ok();
        self.work(&mut streams, &job, &config, log, platform).await
    }

    /// Runs the commands in `sandbox`, and makes the outputs.
    ///
    /// [`Sandbox::clean_up`] is to be called in any case afterwards, also if this is dropped.
    ///
    /// # Errors
    /// If a command fails, or anything else. No output is there then.
    pub async fn in_sandbox(self, sandbox: &Sandbox<'_>, log: &mut Log) -> Result<(), Error> {
        let config = BaseConfig::of(&self.base)?;
        let mut streams = sandbox.start(&self.base, self.agent).await?;
        let job = job(self.spec, &config, &self.secrets, Vec::new());
        let platform = async || Some(Platform::of_this_machine());
        self.work(&mut streams, &job, &config, log, platform).await
    }

    /// Has the agent do `job`, and makes the outputs. `platform` tells what programs run there.
    async fn work(
        &self,
        streams: &mut impl Streams,
        job: &Job,
        config: &BaseConfig,
        log: &mut Log,
        platform: impl AsyncFnOnce() -> Option<Platform>,
    ) -> Result<(), Error> {
        self.secrets
            .iter()
            .for_each(|secret| log.hide(&secret.value));
        let (tar, receipt) = self.receive();
        let verdict = self.converse(streams, job, log, tar).await?;
        verdict::check(self.spec, config, verdict, log, platform).await?;
        self.take(receipt, log).await
    }

    /// Lets the agent do its job, for as long as it may take.
    async fn converse(
        &self,
        streams: &mut impl Streams,
        job: &Job,
        log: &mut Log,
        tar: Sender<Bytes>,
    ) -> Result<Verdict, Error> {
        let limit = self.spec.timeout();
        // Only a trial asks for it.
        let mut printed = Printed::default();
        let held = conversation::hold(streams, job, limit, log, &mut printed, tar).await;
        let lines = LastLines(log.last_lines());
        held.map_err(|source| match source {
            ConversationError::TooLong => Error::Timeout {
                seconds: limit.as_secs(),
                lines,
            },
            source => Error::Conversation { lines, source },
        })
    }

    /// Begins to read what the agent will send.
    fn receive(&self) -> (Sender<Bytes>, Receipt) {
        let (sender, reader) = stream::channel();
        let receipt = match (&self.spec.collect, self.layer.clone()) {
            (CollectSpec::Files(files), _) => {
                let files = files.clone();
                Receipt::Files(tokio::task::spawn_blocking(move || {
                    extract::receive(reader, &files)
                }))
            }
            (CollectSpec::Layer(layer), files) => {
                let may_be_empty = layer.allow_empty;
                let files = files.unwrap_or(LayerFiles {
                    tar: PathBuf::new(),
                    description: PathBuf::new(),
                });
                Receipt::Layer(tokio::task::spawn_blocking(move || {
                    files.receive(reader, may_be_empty)
                }))
            }
            (CollectSpec::Output, _) => Receipt::Nothing,
        };
        (sender, receipt)
    }

    /// Waits for what was made of the tar.
    async fn take(&self, receipt: Receipt, log: &Log) -> Result<(), Error> {
        match receipt {
            Receipt::Nothing => Ok(()),
            Receipt::Files(files) => Ok(files.await.map_err(Error::Thread)??),
            Receipt::Layer(layer) => {
                let counts = layer.await.map_err(Error::Thread)?;
                let counts = counts.map_err(|source| Error::Layer {
                    lines: LastLines(log.last_lines()),
                    source: Box::new(source),
                })?;
                self.check_counts(counts)
            }
        }
    }

    fn check_counts(&self, counts: LayerCounts) -> Result<(), Error> {
        match &self.spec.collect {
            CollectSpec::Layer(layer) if counts.entries == 0 && !layer.allow_empty => {
                Err(Error::Empty)
            }
            _ => Ok(()),
        }
    }
}
