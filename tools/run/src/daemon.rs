//! Running commands in a container of an engine.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use stevedore_agent::{PlacedInput, FOLDER, SECRETS};
use stevedore_delivery::Network;
use stevedore_engine::{
    Address, Connection, Container, ContainerRequest, Docker, Engine as _, EngineKind, Input,
    LeftoverKind, Output, OutputReader, VolumeMount, Workplace,
};
use stevedore_image::digest::Digest;
use stevedore_image::platform::Platform;

use crate::conversation::Streams;
use crate::error::Error;
use crate::inputs::{self, Inputs, MountedInput};
use crate::marks::{self, Marks};
use crate::spec::RunSpec;
use crate::upload::{self, Item};

/// The host name, the same everywhere, since commands may write it down.
const HOSTNAME: &str = "stevedore";

/// What Docker lets a container do and podman does not, or not every version of it: the same commands work everywhere.
const CAPABILITIES: [&str; 3] = ["AUDIT_WRITE", "MKNOD", "NET_RAW"];

/// The most that secrets take.
const SECRETS_OPTIONS: &str = "size=4m,mode=0755";

/// One run in an engine, and what it has made there.
pub struct Daemon<'a> {
    engine: &'a Docker,
    spec: &'a RunSpec,
    marks: Marks,
    /// Noted before it is made: whoever stops waiting for the answer does not know whether it is.
    made: RefCell<Vec<(LeftoverKind, String)>>,
}

/// The standard streams of the agent.
pub(crate) struct Attached {
    input: Input,
    output: OutputReader,
}

impl Streams for Attached {
    const TELLS_BEGIN: bool = false;

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.write(bytes).await
    }

    async fn next(&mut self) -> io::Result<Option<Output>> {
        self.output.next().await
    }
}

impl<'a> Daemon<'a> {
    /// A run of what `spec` says.
    ///
    /// # Errors
    /// If the engine cannot run commands for us.
    pub fn new(engine: &'a Connection, spec: &'a RunSpec) -> Result<Self, Error> {
        Self::check(engine.address())?;
        let Connection::Docker(docker) = engine else {
            return Err(unfit(engine.address(), "it has no API for that"));
        };
        Ok(Self {
            engine: docker,
            spec,
            marks: Marks::new(&spec.label, spec.timeout()),
            made: RefCell::default(),
        })
    }

    /// Fails if an engine at `address` cannot run commands for us, whatever it says.
    ///
    /// # Errors
    /// If it is not reached by the API of Docker's.
    pub fn check(address: &Address) -> Result<(), Error> {
        match address {
            Address::PodmanCommand { .. } => Err(unfit(
                address,
                "it is the podman command; start its service with `systemctl --user start podman.socket`, or set \
                 `engine = \"sandbox\"`",
            )),
            Address::Containerd { .. } => Err(unfit(
                address,
                "containerd has no containers without a client; name Docker or podman by `DOCKER_HOST`, or set \
                 `engine = \"sandbox\"`",
            )),
            _ => Ok(()),
        }
    }

    /// Removes what runs that are no more have left.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub(crate) async fn remove_leftovers(&self) -> Result<(), Error> {
        for leftover in self.engine.labelled(marks::TARGET).await? {
            if marks::is_left_behind(&leftover.labels) {
                self.engine.remove(leftover.kind, &leftover.id).await?;
            }
        }
        Ok(())
    }

    /// Starts a container of `image`, with `agent` as its program, and gives the agent's streams and the inputs that it has to
    /// move.
    pub(crate) async fn start(
        &self,
        image: Digest,
        platform: Option<&Platform>,
        agent: &Path,
    ) -> Result<(Attached, Vec<PlacedInput>), Error> {
        let Inputs {
            mounted,
            items,
            placed,
        } = Inputs::new(&self.spec.inputs)?;
        let volumes = self.fill_volumes(image, platform, mounted).await?;
        let mut request = self.request(image, platform);
        request.name = Some(self.marks.name().to_owned());
        if let Some(workplace) = &mut request.workplace {
            workplace.volumes.extend(volumes);
        }
        let container = self.create(&request).await?;
        container.upload("/", self.files(agent, items)).await?;
        let (input, output) = container.attach().await?;
        container.start().await?;
        Ok((Attached { input, output }, placed))
    }

    /// Removes everything that this run has made.
    ///
    /// # Errors
    /// If the engine refuses, or cannot be reached.
    pub async fn clean_up(&self) -> Result<(), Error> {
        // The last one first: a volume goes after the containers that have it.
        loop {
            let last = self.made.borrow_mut().pop();
            let Some((kind, id)) = last else {
                return Ok(());
            };
            self.engine.remove(kind, &id).await?;
        }
    }

    async fn create(&self, request: &ContainerRequest) -> Result<Container<'_>, Error> {
        let name = request.name.clone().unwrap_or_default();
        self.note(LeftoverKind::Container, name);
        Ok(self.engine.create_container(request).await?)
    }

    fn note(&self, kind: LeftoverKind, name: String) {
        self.made.borrow_mut().push((kind, name));
    }

    fn request(&self, image: Digest, platform: Option<&Platform>) -> ContainerRequest {
        let spec = self.spec;
        let caches = spec.caches.iter().map(|(target, name)| {
            // One that stays has no label by which it would be removed.
            let name = format!("stevedore-cache-{name}");
            VolumeMount::new(name, target.clone(), false)
        });
        let tmpfs = spec.tmpfs.iter().map(|(target, size)| {
            let size = size.map(|size| format!(",size={size}"));
            let options = format!("mode=1777,exec{}", size.unwrap_or_default());
            (target.clone(), options)
        });
        let secrets =
            (!spec.secrets.is_empty()).then(|| (SECRETS.to_owned(), SECRETS_OPTIONS.to_owned()));
        ContainerRequest {
            entrypoint: vec![format!("{FOLDER}/agent")],
            network: match spec.network {
                Network::None => Some("none".to_owned()),
                Network::Host => Some("host".to_owned()),
                Network::Default => None,
            },
            labels: self.marks.labels(),
            workplace: Some(Workplace {
                hostname: HOSTNAME.to_owned(),
                platform: self.named(platform),
                volumes: caches.collect(),
                tmpfs: tmpfs.chain(secrets).collect(),
                memory: spec.memory,
                nano_cpus: spec.cpus.map(|cpus| (cpus * 1e9) as u64),
                capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            }),
            ..ContainerRequest::new(image)
        }
    }

    /// The platform that a request names; podman takes the image that it is given, whatever it is for.
    fn named(&self, platform: Option<&Platform>) -> Option<Platform> {
        let is_podman = self.engine.identity().kind == EngineKind::Podman;
        platform.filter(|_| !is_podman).cloned()
    }

    fn files(&self, agent: &Path, mut items: Vec<Item>) -> stevedore_wire::Body {
        items.push(Item {
            path: PathBuf::from(FOLDER.trim_start_matches('/')).join("agent"),
            source: agent.to_owned(),
        });
        upload::archive(items)
    }

    /// Makes a volume of each of `inputs`, and fills it.
    async fn fill_volumes(
        &self,
        image: Digest,
        platform: Option<&Platform>,
        inputs: Vec<MountedInput>,
    ) -> Result<Vec<VolumeMount>, Error> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let volume = |number: usize, target: String, read_only| {
            let name = format!("{}-input-{number}", self.marks.name());
            VolumeMount::new(name, target, read_only)
        };
        let path = |number| format!("/{}", inputs::place(number).display());
        let writable = |number| volume(number, path(number), false);
        let numbers = 0..inputs.len();
        let filler = ContainerRequest {
            name: Some(format!("{}-inputs", self.marks.name())),
            labels: self.marks.labels(),
            entrypoint: vec!["/never-started".to_owned()],
            workplace: Some(Workplace {
                platform: self.named(platform),
                volumes: numbers.clone().map(writable).collect(),
                ..Workplace::default()
            }),
            ..ContainerRequest::new(image)
        };
        let labels = self.marks.labels();
        for number in numbers {
            let VolumeMount { name, .. } = writable(number);
            self.note(LeftoverKind::Volume, name.clone());
            self.engine.create_volume(&name, &labels).await?;
        }
        let container = self.create(&filler).await?;
        let mut volumes = Vec::new();
        for (number, input) in inputs.into_iter().enumerate() {
            if container.has(&input.target).await? {
                return Err(Error::Collision {
                    target: input.target,
                });
            }
            container
                .upload(&path(number), upload::archive(input.items))
                .await?;
            volumes.push(volume(number, input.target, true));
        }
        Ok(volumes)
    }
}

fn unfit(address: &Address, reason: &'static str) -> Error {
    Error::Unfit {
        address: address.to_string(),
        reason,
    }
}
