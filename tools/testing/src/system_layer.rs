//! A layer that is a whole small system, for images in which commands run.

use std::io::{self, Write};
use std::process::Command;

use tar::{Builder, EntryType, Header};

/// A version 2 capability set: `cap_net_raw=ep`.
pub const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Where `busybox` is, linked statically, on Debian.
const BUSYBOX: &str = "/usr/bin/busybox";

/// The tar of a system with a shell: busybox under all its names, the accounts `root` and `app` (1000:1001, also in group 29),
/// a few files in `/srv` and `/opt`, of which `/opt/capable` has [`CAPABILITY`]. `extra` are further files.
///
/// # Errors
/// If the machine has no busybox.
pub fn system_layer(extra: &[(&str, &str)]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (folder, mode) in [
        ("bin", 0o755),
        ("etc", 0o755),
        ("opt", 0o755),
        ("root", 0o700),
        ("srv", 0o755),
        ("srv/old", 0o755),
        ("tmp", 0o1777),
    ] {
        let mut header = header(EntryType::Directory, 0, mode);
        tar.append_data(&mut header, format!("{folder}/"), io::empty())?;
    }
    append(&mut tar, "bin/busybox", &std::fs::read(BUSYBOX)?, 0o755)?;
    let names = Command::new(BUSYBOX).arg("--list").output()?;
    for name in String::from_utf8_lossy(&names.stdout).lines() {
        if name != "busybox" {
            let mut link = header(EntryType::Symlink, 0, 0o777);
            tar.append_link(&mut link, format!("bin/{name}"), "busybox")?;
        }
    }
    for (path, content) in [
        (
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\n",
        ),
        ("etc/group", "root:x:0:\napp:x:1001:\naudio:x:29:app\n"),
        ("srv/one", "1"),
        ("srv/two", "2"),
        ("srv/old/a", "a"),
        ("srv/old/b", "b"),
    ]
    .iter()
    .chain(extra)
    {
        append(&mut tar, path, content.as_bytes(), 0o644)?;
    }
    tar.append_pax_extensions([("SCHILY.xattr.security.capability", CAPABILITY)])?;
    append(&mut tar, "opt/capable", b"capable", 0o755)?;
    tar.into_inner()
}

fn append(tar: &mut Builder<impl Write>, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let mut header = header(EntryType::Regular, content.len(), mode);
    tar.append_data(&mut header, path, content)
}

fn header(kind: EntryType, size: usize, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000_000_000);
    header
}
