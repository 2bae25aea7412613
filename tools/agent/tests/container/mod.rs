//! A container without an engine: the agent as the first process of its own namespaces, over an overlay of a small root file
//! system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use stevedore_agent::{Collect, Job, Verdict};
use tar::EntryType;
use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";
const AGENT: &str = env!("CARGO_BIN_EXE_stevedore-agent");
const APPLETS: [&str; 19] = [
    "cat", "chmod", "chown", "env", "false", "id", "kill", "ln", "ls", "mkdir", "mkfifo", "mknod",
    "mv", "pwd", "rm", "sh", "sleep", "touch", "true",
];
/// Mounts what a container has, and becomes the agent. `$1` is the folder with the parts, `$2` more commands, run in the
/// root.
const BEGIN: &str = r#"
set -e
PATH=$PATH:/usr/sbin
cd "$1"
mount -t overlay -o "lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=off,metacopy=off" overlay merged
cd merged
mount -t proc proc proc
mount -t tmpfs tmpfs dev
touch dev/null
mount --bind /dev/null dev/null
mount --bind /usr/lib usr/lib
mount --bind /usr/lib64 usr/lib64
eval "$2"
exec chroot . /.stevedore/agent
"#;

/// An image that can be run once.
pub(crate) struct Container {
    folder: TempDir,
    before_start: String,
}

/// What the agent said.
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) tar: Vec<u8>,
}

/// An agent that runs.
pub(crate) struct Running {
    pub(crate) stdin: ChildStdin,
    pub(crate) child: Child,
}

impl Container {
    /// A root file system of busybox, with the users root, and app (1000, group 1001 and audio).
    pub(crate) fn new() -> Self {
        let container = Self {
            folder: TempDir::new().unwrap(),
            before_start: String::new(),
        };
        for folder in ["upper", "work", "merged"] {
            fs::create_dir(container.part(folder)).unwrap();
        }
        let directories = "bin dev etc proc usr/lib usr/lib64 .stevedore tmp";
        for directory in directories.split(' ') {
            fs::create_dir_all(container.lower(directory)).unwrap();
        }
        symlink("usr/lib", container.lower("lib")).unwrap();
        symlink("usr/lib64", container.lower("lib64")).unwrap();
        fs::copy(AGENT, container.lower(".stevedore/agent")).unwrap();
        fs::copy(BUSYBOX, container.lower("bin/busybox")).unwrap();
        for applet in APPLETS {
            symlink("busybox", container.lower("bin").join(applet)).unwrap();
        }
        container
            .with(
                "etc/passwd",
                "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\n",
            )
            .with("etc/group", "root:x:0:\napp:x:1001:\naudio:x:29:app\n")
    }

    /// Where a path of the image is on this machine.
    pub(crate) fn lower(&self, path: &str) -> PathBuf {
        self.part("lower").join(path)
    }

    /// A directory of the overlay: `lower`, the image, or `upper`, what was written.
    pub(crate) fn part(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a file to the image.
    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        let file = self.lower(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    /// Adds shell commands that are run, outside, in the container's root before it starts.
    pub(crate) fn prepared_by(mut self, script: &str) -> Self {
        self.before_start.push_str(script);
        self.before_start.push('\n');
        self
    }

    /// Starts the agent, and hands it the job.
    pub(crate) fn start(&self, job: &Job) -> Running {
        let mut child = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                BEGIN,
                "sh",
            ])
            .arg(self.folder.path())
            .arg(&self.before_start)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut line = serde_json::to_vec(job).unwrap();
        line.push(b'\n');
        stdin.write_all(&line).unwrap();
        Running { stdin, child }
    }

    /// Runs the job to its end.
    pub(crate) fn run(&self, job: &Job) -> Outcome {
        self.start(job).finish()
    }
}

impl Running {
    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Outcome {
        let mut stderr = self.child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        let mut answer = Vec::new();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_end(&mut answer).unwrap();
        let code = self.child.wait().unwrap().code();
        let output = reader.join().unwrap();
        drop(self.stdin);
        let end = answer.iter().position(|byte| *byte == b'\n');
        let end = end.unwrap_or_else(|| panic!("no verdict: {output}"));
        Outcome {
            verdict: serde_json::from_slice(&answer[..end]).unwrap(),
            code,
            output,
            tar: answer.split_off(end + 1),
        }
    }
}

impl Outcome {
    /// The names in the tar.
    pub(crate) fn names(&self) -> Vec<String> {
        assert_eq!(self.verdict, Verdict::Done, "{}", self.output);
        assert_eq!(self.code, Some(0));
        self.entries().into_iter().map(|(name, _)| name).collect()
    }

    /// What the tar has under this name: type, mode, owner, group, time, link, content and extended attributes.
    pub(crate) fn entry(&self, name: &str) -> Value {
        let entries = self.entries();
        let found = entries.into_iter().find(|(found, _)| found == name);
        found
            .unwrap_or_else(|| panic!("no `{name}`: {:?}", self.names()))
            .1
    }

    fn entries(&self) -> Vec<(String, Value)> {
        let mut archive = tar::Archive::new(&self.tar[..]);
        let entries = archive
            .entries()
            .unwrap()
            .map(|entry| described(entry.unwrap()));
        entries.collect()
    }
}

fn described(mut entry: tar::Entry<'_, &[u8]>) -> (String, Value) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = text(&entry.path_bytes());
    let link = entry.link_name_bytes().map(|link| text(&link));
    let xattrs: BTreeMap<String, String> = entry
        .pax_extensions()
        .unwrap()
        .into_iter()
        .flatten()
        .map(|record| record.unwrap())
        .map(|record| (text(record.key_bytes()), text(record.value_bytes())))
        .collect();
    let mut content = Vec::new();
    entry.read_to_end(&mut content).unwrap();
    let header = entry.header();
    // The field is empty where it says nothing.
    let device = |number: std::io::Result<Option<u32>>| number.ok().flatten().unwrap_or_default();
    let kind = match header.entry_type() {
        EntryType::Regular => "file",
        EntryType::Directory => "directory",
        EntryType::Symlink => "symlink",
        EntryType::Link => "hard link",
        EntryType::Fifo => "fifo",
        EntryType::Char => "character device",
        EntryType::Block => "block device",
        _ => "something else",
    };
    let described = serde_json::json!({
        "kind": kind,
        "mode": format!("{:o}", header.mode().unwrap()),
        "owner": format!("{}:{}", header.uid().unwrap(), header.gid().unwrap()),
        "mtime": header.mtime().unwrap(),
        "link": link,
        "content": text(&content),
        "device": [device(header.device_major()), device(header.device_minor())],
        "xattrs": xattrs,
    });
    (name, described)
}

/// A job of these shell commands, whose changes are asked for, with times of 0 at most.
pub(crate) fn shell(scripts: &[&str]) -> Job {
    let command = |script: &&str| ["/bin/sh", "-e", "-c", script].map(str::to_owned).to_vec();
    Job {
        commands: scripts.iter().map(command).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
        user: String::new(),
        workdir: String::new(),
        secrets: Vec::new(),
        placed_inputs: Vec::new(),
        collect: Collect::Layer {
            latest_mtime: Some(0),
            exclude: Vec::new(),
        },
    }
}
