//! Layers with programs of this machine, for images that are run.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// A tar with `programs` (absolute paths) and the shared libraries that they need, each at its own path.
///
/// # Errors
/// If a program is missing, or `ldd` is.
pub fn program_layer(programs: &[&str]) -> io::Result<Vec<u8>> {
    let mut files: BTreeSet<PathBuf> = programs.iter().map(PathBuf::from).collect();
    for program in programs {
        let output = Command::new("ldd").arg(program).output()?;
        let listing = String::from_utf8_lossy(&output.stdout);
        // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, or `/lib64/ld-linux-x86-64.so.2 (0x…)`.
        let words = listing.split_whitespace();
        files.extend(
            words
                .filter(|word| word.starts_with('/'))
                .map(PathBuf::from),
        );
    }
    let mut archive = tar::Builder::new(Vec::new());
    for path in files {
        let content = std::fs::read(&path)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        let name = path.strip_prefix("/").map_err(io::Error::other)?;
        archive.append_data(&mut header, name, &content[..])?;
    }
    archive.into_inner()
}
