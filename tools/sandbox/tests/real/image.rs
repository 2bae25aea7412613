//! Images to run commands in.

use std::fs;
use std::path::{Path, PathBuf};

use stevedore_image::archive::{end_of_archive, header, padding, Kind, Member};
use stevedore_image::digest::Digest;
use stevedore_sandbox::LayerFile;

const BUSYBOX: &str = "/bin/busybox";

/// A layer that is being written.
#[derive(Default)]
pub(crate) struct Layer(Vec<u8>);

impl Layer {
    /// A shell, users, and what else commands expect.
    pub(crate) fn base() -> Self {
        let mut layer = Self::default();
        for name in ["bin/", "etc/", "proc/", "root/", "tmp/"] {
            layer.directory(name, 0o755);
        }
        layer.file("bin/busybox", 0o755, &fs::read(BUSYBOX).unwrap());
        for name in [
            "sh", "cat", "chmod", "chown", "cp", "id", "ln", "ls", "mkdir", "mkfifo", "mknod",
            "mv", "rm", "sleep", "stat", "touch", "true",
        ] {
            layer.symlink(&format!("bin/{name}"), "busybox");
        }
        let users = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
        layer.file("etc/passwd", 0o644, users.as_bytes());
        layer.file("etc/group", 0o644, b"root:x:0:\nuser:x:1000:\n");
        layer
    }

    pub(crate) fn directory(&mut self, name: &str, mode: u32) {
        self.add(&member(name, Kind::Directory, mode), &[]);
    }

    pub(crate) fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        let size = content.len() as u64;
        self.add(&member(name, Kind::File { size }, mode), content);
    }

    pub(crate) fn symlink(&mut self, name: &str, target: &str) {
        let target = target.as_bytes().to_vec();
        self.add(&member(name, Kind::Symlink { target }, 0o777), &[]);
    }

    /// Adds a member as it is.
    pub(crate) fn add(&mut self, member: &Member, content: &[u8]) {
        self.0.extend(header(member));
        self.0.extend(content);
        self.0.extend(padding(content.len() as u64));
    }

    /// Writes the layer's file.
    pub(crate) fn write(mut self, folder: &Path, name: &str) -> LayerFile {
        self.0.extend(end_of_archive());
        let path: PathBuf = folder.join(name);
        fs::write(&path, &self.0).unwrap();
        LayerFile {
            diff_id: Digest::of(&self.0),
            path,
        }
    }
}

pub(crate) fn member(name: &str, kind: Kind, mode: u32) -> Member {
    Member {
        name: name.as_bytes().to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: 1_000_000_000,
        xattrs: Vec::new(),
    }
}
