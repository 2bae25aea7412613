//! What an engine's own client says and does: the cases ask it, never the code that is tested.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;

use crate::command::{output, run};
use crate::engine::Running;

/// A name that `ctr` gives to the one container that it runs at a time.
const CONTAINER: &str = "matrix";

/// A name that is removed at once.
const COLLECTED: &str = "docker.io/library/collected:dev";

/// The client of a kind of engine.
pub(crate) trait Client {
    /// The `diff_id`s of an image, bottom first; an error if it is not there.
    fn layers(&self, engine: &Running, image: &str) -> Result<Vec<String>>;

    /// The names that a listing of the images shows, sorted.
    fn names(&self, engine: &Running) -> Result<Vec<String>>;

    /// Runs `command` in a container of the image, without a network, and returns what it wrote.
    fn run(&self, engine: &Running, image: &str, command: &[&str]) -> Result<String>;

    /// Writes the image to a file, in the format that skopeo calls [`Client::saved_format`].
    fn save(&self, engine: &Running, image: &str, file: &Path) -> Result<()>;

    /// Writes images to one file, in this format as podman calls them.
    fn save_as(&self, engine: &Running, format: &str, images: &[&str], file: &Path) -> Result<()>;

    /// Writes the files of a new container of the image to a tar.
    fn export(&self, engine: &Running, image: &str, tar: &Path) -> Result<()>;

    /// The ID by which the engine knows the image: `sha256:…`.
    fn id(&self, engine: &Running, image: &str) -> Result<String>;

    /// The architecture that an image is for, as its config has it.
    fn architecture(&self, engine: &Running, image: &str) -> Result<String>;

    /// Loads a Docker archive.
    fn load(&self, engine: &Running, file: &Path) -> Result<()>;

    /// Gives an image one more name.
    fn tag(&self, engine: &Running, image: &str, name: &str) -> Result<()>;

    /// `docker-archive` or `oci-archive`.
    fn saved_format(&self) -> &'static str;

    /// Pushes the image to a registry without TLS, under the name `target`.
    fn push(&self, engine: &Running, image: &str, target: &str) -> Result<()>;

    /// Pulls an image from a registry without TLS.
    fn pull(&self, engine: &Running, name: &str) -> Result<()>;

    /// Removes every image that no container uses, and what only they had.
    fn prune(&self, engine: &Running) -> Result<()>;

    /// Lets the engine look for what nothing refers to: containerd does when something is removed, so a name of the
    /// image comes and goes.
    fn collect(&self, engine: &Running, image: &str) -> Result<()>;
}

/// The client for the engine with this name.
pub(crate) fn client(engine: &str) -> &'static dyn Client {
    match engine.split(['-', '@']).next() {
        Some("podman") => &Cli::Podman,
        Some("containerd") => &Ctr,
        _ => &Cli::Docker,
    }
}

/// The two clients with the same commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cli {
    Docker,
    Podman,
}

impl Cli {
    /// Runs it with these arguments, for the engine behind the socket.
    fn say<S: AsRef<OsStr>>(self, engine: &Running, arguments: &[S]) -> Result<String> {
        let mut command = match self {
            Self::Docker => engine.docker_command(),
            Self::Podman => {
                let mut command = engine.program("podman");
                command.args(["--remote", "--url", &engine.host()]);
                command
            }
        };
        output(command.args(arguments))
    }
}

impl Client for Cli {
    fn layers(&self, engine: &Running, image: &str) -> Result<Vec<String>> {
        let format = "--format={{json .RootFS.Layers}}";
        let layers = self.say(engine, &["image", "inspect", format, image])?;
        serde_json::from_str(&layers).context("`image inspect` wrote no list")
    }

    fn names(&self, engine: &Running) -> Result<Vec<String>> {
        let format = "--format={{.Repository}}:{{.Tag}}";
        Ok(sorted_lines(&self.say(engine, &["images", format])?))
    }

    fn run(&self, engine: &Running, image: &str, command: &[&str]) -> Result<String> {
        let words = ["run", "--rm", "--network=none", image];
        self.say(engine, &[&words, command].concat())
    }

    fn save(&self, engine: &Running, image: &str, file: &Path) -> Result<()> {
        self.save_as(engine, self.saved_format(), &[image], file)
    }

    fn save_as(&self, engine: &Running, format: &str, images: &[&str], file: &Path) -> Result<()> {
        let format = format!("--format={format}");
        let mut words = vec!["image", "save"]
            .into_iter()
            .map(OsStr::new)
            .collect::<Vec<_>>();
        if self == &Self::Podman {
            words.push(OsStr::new(&format));
            words.extend((images.len() > 1).then_some(OsStr::new("--multi-image-archive")));
        }
        words.extend([OsStr::new("--output"), file.as_os_str()]);
        words.extend(images.iter().map(OsStr::new));
        self.say(engine, &words).map(drop)
    }

    fn export(&self, engine: &Running, image: &str, tar: &Path) -> Result<()> {
        let container = self.say(engine, &["create", image])?;
        let container = container.trim();
        let words = ["export", "--output"].map(OsStr::new);
        let files = [tar.as_os_str(), OsStr::new(container)];
        let exported = self.say(engine, &[words, files].concat());
        self.say(engine, &["rm", container])?;
        exported.map(drop)
    }

    fn id(&self, engine: &Running, image: &str) -> Result<String> {
        let id = self.say(engine, &["image", "inspect", "--format={{.Id}}", image])?;
        // podman leaves the algorithm out.
        let hex = id.trim().trim_start_matches("sha256:");
        Ok(format!("sha256:{hex}"))
    }

    fn architecture(&self, engine: &Running, image: &str) -> Result<String> {
        let format = "--format={{.Architecture}}";
        let architecture = self.say(engine, &["image", "inspect", format, image])?;
        Ok(architecture.trim().to_owned())
    }

    fn load(&self, engine: &Running, file: &Path) -> Result<()> {
        let words = ["image", "load", "--input"].map(OsStr::new);
        self.say(engine, &[&words[..], &[file.as_os_str()]].concat())
            .map(drop)
    }

    fn tag(&self, engine: &Running, image: &str, name: &str) -> Result<()> {
        self.say(engine, &["tag", image, name]).map(drop)
    }

    fn saved_format(&self) -> &'static str {
        "docker-archive"
    }

    fn push(&self, engine: &Running, image: &str, target: &str) -> Result<()> {
        self.tag(engine, image, target)?;
        let pushed = match self {
            // It takes registries on the loopback interface without TLS.
            Self::Docker => self.say(engine, &["push", target]),
            Self::Podman => self.say(engine, &["push", "--tls-verify=false", target]),
        };
        self.say(engine, &["rmi", target])?;
        pushed.map(drop)
    }

    fn pull(&self, engine: &Running, name: &str) -> Result<()> {
        let pulled = match self {
            Self::Docker => self.say(engine, &["pull", name]),
            Self::Podman => self.say(engine, &["pull", "--tls-verify=false", name]),
        };
        pulled.map(drop)
    }

    fn prune(&self, engine: &Running) -> Result<()> {
        self.say(engine, &["image", "prune", "--all", "--force"])
            .map(drop)
    }

    fn collect(&self, engine: &Running, image: &str) -> Result<()> {
        self.tag(engine, image, COLLECTED)?;
        self.say(engine, &["rmi", COLLECTED]).map(drop)
    }
}

/// containerd's own client, which has no commands for images as people use them.
struct Ctr;

impl Ctr {
    fn say<S: AsRef<OsStr>>(&self, engine: &Running, arguments: &[S]) -> Result<String> {
        output(engine.docker_command().args(arguments))
    }

    /// The config of an image.
    fn config(&self, engine: &Running, image: &str) -> Result<Value> {
        let digest = self.id(engine, image)?;
        let manifest = self.document(engine, &digest)?;
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        self.document(engine, config)
    }

    /// A JSON document from the content store.
    fn document(&self, engine: &Running, digest: &str) -> Result<Value> {
        let text = self.say(engine, &["content", "get", digest])?;
        serde_json::from_str(&text).with_context(|| format!("`{digest}` is no JSON"))
    }
}

impl Client for Ctr {
    fn layers(&self, engine: &Running, image: &str) -> Result<Vec<String>> {
        let config = self.config(engine, image)?;
        let layers = config["rootfs"]["diff_ids"].clone();
        serde_json::from_value(layers).context("the config has no `diff_ids`")
    }

    fn names(&self, engine: &Running) -> Result<Vec<String>> {
        Ok(sorted_lines(
            &self.say(engine, &["images", "ls", "--quiet"])?,
        ))
    }

    fn run(&self, engine: &Running, image: &str, command: &[&str]) -> Result<String> {
        self.say(
            engine,
            &[&["run", "--rm", image, CONTAINER], command].concat(),
        )
    }

    fn save(&self, engine: &Running, image: &str, file: &Path) -> Result<()> {
        self.save_as(engine, self.saved_format(), &[image], file)
    }

    fn save_as(&self, engine: &Running, format: &str, images: &[&str], file: &Path) -> Result<()> {
        ensure!(
            format == self.saved_format(),
            "containerd has no format `{format}`"
        );
        let mut command = engine.docker_command();
        run(command.args(["images", "export"]).arg(file).args(images))
    }

    fn export(&self, _engine: &Running, _image: &str, _tar: &Path) -> Result<()> {
        bail!("containerd exports no containers")
    }

    fn id(&self, engine: &Running, image: &str) -> Result<String> {
        let filter = format!("name=={image}");
        let listed = self.say(engine, &["images", "ls", &filter])?;
        // A heading, then `REF TYPE DIGEST …`.
        let digest = listed
            .lines()
            .nth(1)
            .and_then(|line| line.split_whitespace().nth(2));
        match digest {
            Some(digest) => Ok(digest.to_owned()),
            None => bail!("there is no image `{image}`: {listed}"),
        }
    }

    fn architecture(&self, engine: &Running, image: &str) -> Result<String> {
        let config = self.config(engine, image)?;
        let architecture = config["architecture"].as_str();
        Ok(architecture
            .context("the config has no `architecture`")?
            .to_owned())
    }

    fn load(&self, engine: &Running, file: &Path) -> Result<()> {
        let mut command = engine.docker_command();
        run(command.args(["images", "import"]).arg(file))
    }

    fn tag(&self, engine: &Running, image: &str, name: &str) -> Result<()> {
        self.say(engine, &["images", "tag", image, name]).map(drop)
    }

    fn saved_format(&self) -> &'static str {
        "oci-archive"
    }

    fn push(&self, engine: &Running, image: &str, target: &str) -> Result<()> {
        self.tag(engine, image, target)?;
        let pushed = self.say(engine, &["images", "push", "--plain-http", target]);
        self.say(engine, &["images", "rm", "--sync", target])?;
        pushed.map(drop)
    }

    fn pull(&self, engine: &Running, name: &str) -> Result<()> {
        self.say(engine, &["images", "pull", "--plain-http", name])
            .map(drop)
    }

    fn prune(&self, engine: &Running) -> Result<()> {
        for image in self.names(engine)? {
            self.say(engine, &["images", "rm", "--sync", &image])?;
        }
        Ok(())
    }

    fn collect(&self, engine: &Running, image: &str) -> Result<()> {
        self.tag(engine, image, COLLECTED)?;
        self.say(engine, &["images", "rm", "--sync", COLLECTED])
            .map(drop)
    }
}

fn sorted_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}
