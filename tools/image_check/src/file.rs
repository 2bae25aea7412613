//! What is expected at a path.

use std::fs::File;
use std::path::PathBuf;

use stevedore_image::archive::Kind;
use stevedore_image::file_system::{printable, Entry, Links};
use stevedore_image::owner::Owner;

use crate::content::{Content, Contents};
use crate::diff;
use crate::difference::{describe, difference, size};
use crate::error::Error;
use crate::expected::{ExpectedFile, FileType};
use crate::text::TextCheck;

/// What is expected at a path, ready to be compared.
#[derive(Debug)]
pub(crate) struct FileCheck {
    path: String,
    file_type: Option<FileType>,
    mode: Option<u32>,
    /// The owner, and how it was written.
    owner: Option<(Owner, String)>,
    target: Option<String>,
    content: TextCheck,
    content_file: Option<PathBuf>,
}

impl FileCheck {
    pub(crate) fn new(path: String, expected: ExpectedFile) -> Result<Self, Error> {
        let mode = expected.mode.map(|mode| parse_mode(&path, &mode));
        let owner = expected
            .owner
            .map(|owner| Ok::<_, Error>((Owner::parse(&owner)?, owner)));
        Ok(Self {
            mode: mode.transpose()?,
            owner: owner.transpose()?,
            content: TextCheck::new(&format!("file {path}"), &expected.content)?,
            path,
            file_type: expected.file_type,
            target: expected.target,
            content_file: expected.content_file,
        })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        format!("file {}", self.path)
    }

    /// Whether its content matters.
    pub(crate) fn reads_content(&self) -> bool {
        self.content_file.is_some() || !self.content.is_empty()
    }

    /// Whether the image's accounts matter.
    pub(crate) fn reads_accounts(&self) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|(owner, _)| owner.has_name())
    }

    /// What differs; `label` is the target that expects it.
    pub(crate) fn compare(&self, label: &str, contents: &Contents) -> Result<Vec<String>, Error> {
        let is_link = self.file_type == Some(FileType::Symlink) || self.target.is_some();
        let links = match is_link {
            true => Links::Keep,
            false => Links::Follow,
        };
        let entry = match contents.files.find(&self.path, links) {
            Ok(entry) => entry,
            Err(missing) => return Ok(vec![missing.to_string()]),
        };
        let mut differences = Vec::new();
        differences.extend(self.compare_type(entry));
        differences.extend(self.compare_mode(entry));
        differences.extend(self.compare_owner(entry, label, contents));
        if self.reads_content() {
            differences.extend(self.compare_content(entry, contents)?);
        }
        if !differences.is_empty() {
            let layers = contents.files.layers();
            differences.push(describe(self.path.as_bytes(), entry, layers));
        }
        Ok(differences)
    }

    fn compare_type(&self, entry: Entry<'_>) -> Vec<String> {
        let mut differences = Vec::new();
        if let Some(expected) = self.file_type.filter(|expected| !expected.is(entry.kind)) {
            differences.push(difference("type", expected.noun(), entry.kind.noun()));
        }
        match (&self.target, entry.kind) {
            (Some(expected), Kind::Symlink { target }) if expected.as_bytes() != target => {
                let found = printable(target);
                let expected = format!("`{expected}`");
                differences.push(difference("target", expected, format!("`{found}`")));
            }
            (None, _) | (_, Kind::Symlink { .. }) => {}
            (Some(expected), kind) => {
                let expected = format!("a symlink to `{expected}`");
                differences.push(difference("target", expected, kind.noun()));
            }
        }
        differences
    }

    fn compare_mode(&self, entry: Entry<'_>) -> Option<String> {
        let expected = self.mode.filter(|expected| *expected != entry.mode)?;
        let [expected, found] = [expected, entry.mode].map(|mode| format!("`{mode:04o}`"));
        Some(difference("mode", expected, found))
    }

    fn compare_owner(&self, entry: Entry<'_>, label: &str, contents: &Contents) -> Option<String> {
        let (owner, written) = self.owner.as_ref()?;
        let expected = match owner.resolve(&contents.accounts(label)) {
            Ok(expected) => expected,
            Err(unknown) => return Some(format!("owner: {unknown}")),
        };
        if (expected.uid, expected.gid) == (entry.uid, entry.gid) {
            return None;
        }
        let numbers = format!("{}:{}", expected.uid, expected.gid);
        let expected = match *written == numbers {
            true => format!("`{numbers}`"),
            false => format!("`{written}` ({numbers})"),
        };
        Some(difference(
            "owner",
            expected,
            format!("`{}:{}`", entry.uid, entry.gid),
        ))
    }

    fn compare_content(&self, entry: Entry<'_>, contents: &Contents) -> Result<Vec<String>, Error> {
        let Some(found) = contents.of(entry) else {
            return Ok(vec![difference("content", "a file", entry.kind.noun())]);
        };
        let mut differences = Vec::new();
        if let Some(expected) = self.expected_content()? {
            differences.extend(unequal(&expected, found));
        }
        match &found.bytes {
            Some(bytes) => differences.extend(self.content.compare("content", bytes)),
            None if self.content.is_empty() => {}
            None => differences.push(format!(
                "content: {} are too much to be looked into; compare it with a file by `file_contents`",
                size(found.digested.size)
            )),
        }
        Ok(differences)
    }

    /// The content of the file that this one is to be like.
    fn expected_content(&self) -> Result<Option<Content>, Error> {
        let Some(path) = &self.content_file else {
            return Ok(None);
        };
        let read = File::open(path).and_then(|mut file| Content::read(&mut file));
        read.map(Some).map_err(|source| Error::ContentFile {
            path: self.path.clone(),
            file: path.clone(),
            source,
        })
    }
}

impl FileType {
    fn is(self, kind: &Kind) -> bool {
        match self {
            Self::File => matches!(kind, Kind::File { .. }),
            Self::Directory => matches!(kind, Kind::Directory),
            Self::Symlink => matches!(kind, Kind::Symlink { .. }),
            Self::CharacterDevice => matches!(kind, Kind::CharacterDevice { .. }),
            Self::BlockDevice => matches!(kind, Kind::BlockDevice { .. }),
            Self::Fifo => matches!(kind, Kind::Fifo),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a symlink",
            Self::CharacterDevice => "a character device",
            Self::BlockDevice => "a block device",
            Self::Fifo => "a named pipe",
        }
    }
}

fn parse_mode(path: &str, text: &str) -> Result<u32, Error> {
    let mode = u32::from_str_radix(text, 8);
    let mode = mode.ok().filter(|mode| *mode <= 0o7777 && text.len() >= 3);
    mode.ok_or_else(|| Error::Mode {
        path: path.to_owned(),
        found: text.to_owned(),
    })
}

fn unequal(expected: &Content, found: &Content) -> Option<String> {
    if expected.digested == found.digested {
        return None;
    }
    let text = |content: &Content| {
        let bytes = content.bytes.clone()?;
        String::from_utf8(bytes).ok()
    };
    if let (Some(expected), Some(found)) = (text(expected), text(found)) {
        return Some(format!(
            "content differs:\n{}",
            diff::unified(&expected, &found)
        ));
    }
    let [expected, found] = [expected, found].map(|content| {
        let digested = content.digested;
        format!(
            "{} with the digest `{}`",
            size(digested.size),
            digested.digest
        )
    });
    Some(difference("content", expected, found))
}
