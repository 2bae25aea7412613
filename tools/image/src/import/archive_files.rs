//! The members of an archive, by their names.
//!
//! One pass notes where each is; large ones are gone over by seeking. A compressed archive cannot be sought in, so it
//! is decompressed to a temporary file first.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::files::{Files, Opened};
use crate::archive::{Data, Kind, Reader};
use crate::compression::{Compression, Decompressor};
use crate::error::Error;
use crate::output::directory_of;
use crate::threaded_writer::{CopyError, ThreadedWriter};

/// The memory for members' names and places. It is enough for a million of them.
const MAX_MEMBERS_MEMORY: usize = 256 << 20;
/// What a member takes beside its name.
const MEMBER_MEMORY: usize = 128;
/// As many as Linux follows.
const MAX_LINKS: usize = 40;

/// The files of an archive.
pub(super) struct ArchiveFiles {
    archive: PathBuf,
    members: HashMap<String, Place>,
    /// The archive, decompressed.
    spool: Option<NamedTempFile>,
}

/// Where a member is.
enum Place {
    Data(Data),
    /// Another name of the archive.
    Link(String),
    /// Not a file.
    Other,
}

impl ArchiveFiles {
    /// Looks through an archive. `output` is where its image will be written to: a temporary file is made beside it.
    pub(super) fn open(archive: &Path, output: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("read", archive, source);
        let mut file = File::open(archive).map_err(|source| Error::io("open", archive, source))?;
        let mut start = Vec::new();
        (&file).take(4).read_to_end(&mut start).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let spool = match Compression::sniff(&start) {
            Compression::None => None,
            _ => Some(spool(archive, file, output)?),
        };
        let mut files = Self {
            archive: archive.to_owned(),
            members: HashMap::new(),
            spool,
        };
        files.members = members(archive, files.plain()?)?;
        Ok(files)
    }

    /// The archive's path.
    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Some names, for a message.
    pub(super) fn sample(&self) -> String {
        const SHOWN: usize = 5;
        let mut names: Vec<&str> = self.members.keys().map(String::as_str).collect();
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        let shown: Vec<String> = names
            .iter()
            .take(SHOWN)
            .map(|name| format!("`{name}`"))
            .collect();
        match names.len() {
            0 => "nothing".to_owned(),
            count if count > SHOWN => format!("{} and {} more", shown.join(", "), count - SHOWN),
            _ => shown.join(", "),
        }
    }

    /// Where a member leads that is a link to nothing in the archive.
    pub(super) fn link_to_nothing(&self, name: &str) -> Option<&str> {
        match self.members.get(name) {
            Some(Place::Link(target)) if !self.has(name) => Some(target),
            _ => None,
        }
    }

    /// A handle of its own for the plain archive.
    fn plain(&self) -> Result<File, Error> {
        let path = self
            .spool
            .as_ref()
            .map_or(self.archive.as_path(), NamedTempFile::path);
        File::open(path).map_err(|source| Error::io("open", path, source))
    }

    /// Where the bytes of a member are, links followed. One that leads back to itself leads nowhere.
    fn data(&self, name: &str) -> Option<&Data> {
        let mut name = normalized(name);
        for _ in 0..MAX_LINKS {
            match self.members.get(&name) {
                None | Some(Place::Other) => return None,
                Some(Place::Data(data)) => return Some(data),
                Some(Place::Link(target)) => name.clone_from(target),
            }
        }
        None
    }
}

impl Files for ArchiveFiles {
    fn path(&self, name: &str) -> PathBuf {
        self.archive.join(name)
    }

    fn open(&self, name: &str) -> Result<Option<Opened<'_>>, Error> {
        let Some(data) = self.data(name) else {
            return Ok(None);
        };
        let reader = data
            .open(self.plain()?)
            .map_err(|source| Error::io("read", &self.archive, source))?;
        Ok(Some(Opened {
            reader: Box::new(reader),
            size: data.size(),
        }))
    }

    fn has(&self, name: &str) -> bool {
        self.data(name).is_some()
    }
}

/// Notes where the members are.
fn members(archive: &Path, file: File) -> Result<HashMap<String, Place>, Error> {
    let mut members = HashMap::new();
    let mut memory = 0;
    let mut reader = Reader::new(archive, file).seeking();
    while let Some((member, data)) = reader.next_member()? {
        // What an image refers to is named in JSON, and so in UTF-8.
        let Ok(name) = String::from_utf8(member.name) else {
            continue;
        };
        let name = normalized(&name);
        let place = match member.kind {
            Kind::File { .. } => Place::Data(data),
            Kind::HardLink { target } => Place::Link(normalized(&String::from_utf8_lossy(&target))),
            Kind::Symlink { target } => {
                let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
                let target = String::from_utf8_lossy(&target);
                Place::Link(normalized(&format!("{directory}/{target}")))
            }
            _ => Place::Other,
        };
        let linked = match &place {
            Place::Link(target) => target.len(),
            _ => 0,
        };
        memory += name.len() + linked + MEMBER_MEMORY;
        if memory > MAX_MEMBERS_MEMORY {
            return Err(Error::TooManyMembers {
                path: archive.to_owned(),
                count: members.len(),
            });
        }
        members.insert(name, place);
    }
    Ok(members)
}

/// A name without `.`, `..` and superfluous slashes. What leads out of the archive leads nowhere.
fn normalized(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Decompresses an archive to a file beside `output`.
fn spool(archive: &Path, file: File, output: &Path) -> Result<NamedTempFile, Error> {
    let failed = |source| Error::io("read", archive, source);
    let directory = directory_of(output);
    let unwritten = |source| Error::io("write a temporary file in", directory, source);
    let spool = NamedTempFile::new_in(directory).map_err(unwritten)?;
    let plain: File = spool.as_file().try_clone().map_err(unwritten)?;
    let mut writer = ThreadedWriter::new(plain).map_err(unwritten)?;
    let mut reader = Decompressor::new(file).map_err(failed)?;
    writer
        .copy_from(&mut reader, u64::MAX)
        .map_err(|error| match error {
            CopyError::Read(source) => failed(source),
            CopyError::Write(source) => unwritten(source),
        })?;
    writer.finish().map_err(unwritten)?;
    Ok(spool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_to_one_form() {
        for (name, expected) in [
            ("./manifest.json", "manifest.json"),
            ("a/../b/layer.tar", "b/layer.tar"),
            ("../../b", "b"),
            ("/a//b/", "a/b"),
            ("", ""),
        ] {
            assert_eq!(normalized(name), expected, "{name}");
        }
    }
}
