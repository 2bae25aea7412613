//! Runs a sandbox, and keeps all that it says.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use stevedore_agent::{Collect, Job, Verdict};
use stevedore_image::archive::{Kind, Reader};
use stevedore_sandbox::{start, LayerFile, Network, Request};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What came of a sandbox.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// What followed it.
    pub(crate) tar: Vec<u8>,
    pub(crate) output: String,
    pub(crate) code: Option<i32>,
}

/// A folder for a test, and what is asked for in it.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) request: Request,
    pub(crate) job: Job,
}

impl Bench {
    /// One with these layers, which runs these commands.
    pub(crate) fn new(make: impl FnOnce(&Path) -> Vec<LayerFile>, commands: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layers = make(folder.path());
        let request = Request {
            layers,
            agent: PathBuf::from(std::env::var_os("STEVEDORE_TEST_AGENT").unwrap()),
            mounts: Vec::new(),
            network: Network::None,
            memory: None,
            cpus: None,
            cache: folder.path().join("cache"),
        };
        let shell = |command: &&str| ["/bin/sh", "-e", "-c", command].map(str::to_owned).to_vec();
        let job = Job {
            commands: commands.iter().map(shell).collect(),
            env: [("PATH".to_owned(), "/bin".to_owned())].into(),
            user: String::new(),
            workdir: String::new(),
            secrets: Vec::new(),
            placed_inputs: Vec::new(),
            collect: Collect::Layer {
                latest_mtime: Some(0),
                exclude: Vec::new(),
            },
        };
        Self {
            folder,
            request,
            job,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Outcome {
        runtime().block_on(self.outcome()).unwrap()
    }

    async fn outcome(&self) -> std::io::Result<Outcome> {
        let program = std::env::current_exe()?;
        let mut container = start(&program, &self.request).await.unwrap();
        let mut line = serde_json::to_vec(&self.job)?;
        line.push(b'\n');
        container.stdin.write_all(&line).await?;
        let (mut answer, mut output) = (Vec::new(), String::new());
        tokio::try_join!(
            container.stdout.read_to_end(&mut answer),
            container.stderr.read_to_string(&mut output),
        )?;
        let status = container.process.wait().await?;
        let begun = b"{\"verdict\":\"begun\"}\n";
        let answer_begins = answer.starts_with(begun).then_some(begun.len());
        answer.drain(..answer_begins.unwrap_or_default());
        let end = answer
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or_else(|| panic!("no verdict, but {output}"));
        Ok(Outcome {
            verdict: serde_json::from_slice(&answer[..end])?,
            tar: answer.split_off(end + 1),
            output,
            code: status.code(),
        })
    }

    /// What is left of sandboxes.
    pub(crate) fn remains(&self) -> Vec<String> {
        let runs = std::fs::read_dir(self.request.cache.join("runs")).unwrap();
        let names = runs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

impl Outcome {
    /// The members of the tar, a line each.
    pub(crate) fn members(&self) -> Vec<String> {
        assert_eq!(self.verdict, Verdict::Done, "{}", self.output);
        let mut reader = Reader::new(Path::new("layer"), &self.tar[..]);
        let mut lines = Vec::new();
        while let Some((member, data)) = reader.next_member().unwrap() {
            let name = String::from_utf8_lossy(&member.name).into_owned();
            let about = match &member.kind {
                Kind::File { .. } => {
                    let mut text = String::new();
                    reader.content(&data).read_to_string(&mut text).unwrap();
                    text.trim_end().to_owned()
                }
                Kind::Symlink { target } | Kind::HardLink { target } => {
                    format!("> {}", String::from_utf8_lossy(target))
                }
                _ => member.kind.noun().to_owned(),
            };
            let (mode, uid, gid) = (member.mode, member.uid, member.gid);
            lines.push(format!("{name} {mode:o} {uid}:{gid} {about}"));
        }
        lines
    }
}
