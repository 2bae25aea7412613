//! Owner, mode and time of every entry: the defaults, and the globs that change them.

use std::fs;
use std::io::Read;

use super::assembly::Assembly;
use super::entry::{Attributes, Entry, Node};
use super::recipe::{Override, Recipe, Spec};
use crate::archive::Kind;
use crate::error::Error;
use crate::glob::Glob;
use crate::image_path::ImagePath;
use crate::owner::{Accounts, Ids, Owner};

const DIRECTORY_MODE: u32 = 0o755;
const SYMLINK_MODE: u32 = 0o777;
/// Larger passwd and group files are not read further.
const MAX_ACCOUNTS: u64 = 16 << 20;

/// What decides the attributes of a layer's entries.
pub(super) struct Rules {
    label: String,
    owner: Ids,
    mode: u32,
    mtime: i64,
    globs: Vec<Rule>,
}

struct Rule {
    /// As the user wrote it.
    written: String,
    glob: Glob,
    owner: Option<Ids>,
    mode: Option<u32>,
    mtime: Option<i64>,
}

impl Rules {
    /// Parses the defaults and globs of a recipe. Names of owners are looked up in the layer itself, and then in the
    /// files that the recipe names.
    pub(super) fn new(recipe: &Recipe, assembly: &Assembly) -> Result<Self, Error> {
        let spec = &recipe.spec;
        let default = Owner::parse(&spec.owner)?;
        let mut overrides = Vec::new();
        for (written, change) in &spec.metadata {
            let owner = change.owner.as_deref().map(Owner::parse).transpose()?;
            overrides.push((written, owner, change));
        }
        let has_name = overrides
            .iter()
            .filter_map(|(_, owner, _)| owner.as_ref())
            .chain([&default])
            .any(Owner::has_name);
        let accounts = match has_name {
            true => accounts(spec, assembly)?,
            false => Accounts::of_layer(&spec.label),
        };
        let globs = overrides
            .into_iter()
            .map(|(written, owner, change)| {
                Rule::new(&spec.label, written, owner, change, &accounts)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            label: spec.label.to_string(),
            owner: default.resolve(&accounts)?,
            mode: parse_mode(&spec.mode)?,
            mtime: spec.mtime,
            globs,
        })
    }

    /// Sets the attributes of all entries.
    pub(super) fn apply(&self, assembly: &mut Assembly) -> Result<(), Error> {
        let mut matched = vec![false; self.globs.len()];
        for (path, entry) in &mut assembly.entries {
            entry.attributes = self.defaults(path, entry);
            for (rule, matched) in self.globs.iter().zip(&mut matched) {
                if rule.glob.matches(path.as_bytes()) {
                    *matched = true;
                    rule.apply(entry);
                }
            }
        }
        if let Some(index) = matched.iter().position(|matched| !matched) {
            return Err(Error::UnmatchedGlob {
                label: self.label.clone(),
                glob: self.globs[index].written.clone(),
                sample: sample(assembly),
            });
        }
        unite_hard_links(assembly);
        Ok(())
    }

    fn defaults(&self, path: &ImagePath, entry: &Entry) -> Attributes {
        let (ids, mode) = match &entry.node {
            Node::Member { .. } => return entry.attributes,
            Node::Directory { is_implied: true } => (Ids { uid: 0, gid: 0 }, directory_mode(path)),
            Node::Directory { is_implied: false } => (self.owner, directory_mode(path)),
            Node::File {
                executable: true, ..
            } => (self.owner, with_execution(self.mode)),
            Node::File { .. } | Node::Empty => (self.owner, self.mode),
            Node::Symlink { .. } => (self.owner, SYMLINK_MODE),
        };
        Attributes {
            ids,
            mode,
            mtime: self.mtime,
        }
    }
}

impl Rule {
    fn new(
        label: &str,
        written: &str,
        owner: Option<Owner>,
        change: &Override,
        accounts: &Accounts,
    ) -> Result<Self, Error> {
        Ok(Self {
            written: written.to_owned(),
            glob: Glob::parse(label, "metadata", written)?,
            owner: owner.map(|owner| owner.resolve(accounts)).transpose()?,
            mode: change.mode.as_deref().map(parse_mode).transpose()?,
            mtime: change.mtime,
        })
    }

    fn apply(&self, entry: &mut Entry) {
        let is_directory = entry.is_directory();
        let is_symlink = match &entry.node {
            Node::Symlink { .. } => true,
            Node::Member { member, .. } => matches!(member.kind, Kind::Symlink { .. }),
            _ => false,
        };
        let attributes = &mut entry.attributes;
        if let Some(ids) = self.owner {
            attributes.ids = ids;
        }
        match self.mode {
            // A symlink has no mode of its own.
            Some(_) if is_symlink => {}
            // A glob such as `/app/**` is meant for files; a directory that can be read and not entered is of no use.
            Some(mode) if is_directory => attributes.mode = with_execution(mode),
            Some(mode) => attributes.mode = mode,
            None => {}
        }
        if let Some(mtime) = self.mtime {
            attributes.mtime = mtime;
        }
    }
}

/// The names of a file have its attributes: engines apply those of every one of them to the same file.
fn unite_hard_links(assembly: &mut Assembly) {
    let attributes: Vec<(ImagePath, Attributes)> = assembly
        .entries
        .iter()
        .filter_map(|(path, entry)| {
            let target = assembly
                .entries
                .get(&ImagePath::from_safe(entry.hard_link()?))?;
            Some((path.clone(), target.attributes))
        })
        .collect();
    for (path, attributes) in attributes {
        if let Some(entry) = assembly.entries.get_mut(&path) {
            entry.attributes = attributes;
        }
    }
}

fn directory_mode(path: &ImagePath) -> u32 {
    match path.as_bytes() {
        b"tmp" | b"var/tmp" => 0o1777,
        b"root" => 0o700,
        _ => DIRECTORY_MODE,
    }
}

/// Whoever may read may execute too.
fn with_execution(mode: u32) -> u32 {
    mode | (mode & 0o444) >> 2
}

fn parse_mode(text: &str) -> Result<u32, Error> {
    let is_octal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 && text.len() >= 3 && is_octal(text) => Ok(mode),
        _ => Err(Error::InvalidMode {
            found: text.to_owned(),
        }),
    }
}

fn accounts(spec: &Spec, assembly: &Assembly) -> Result<Accounts, Error> {
    let mut accounts = Accounts::of_layer(&spec.label);
    if let Some(text) = content(assembly, "etc/passwd")? {
        accounts.take_passwd("`/etc/passwd` of the layer".to_owned(), &text);
    }
    if let Some(text) = content(assembly, "etc/group")? {
        accounts.take_group("`/etc/group` of the layer".to_owned(), &text);
    }
    let read = |path| fs::read(path).map_err(|source| Error::io("read", path, source));
    if let Some(path) = &spec.passwd {
        accounts.take_passwd(format!("`{}`", path.display()), &read(path)?);
    }
    if let Some(path) = &spec.group {
        accounts.take_group(format!("`{}`", path.display()), &read(path)?);
    }
    Ok(accounts)
}

/// The content of a file in the layer, if it is there.
fn content(assembly: &Assembly, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = ImagePath::from_safe(path.as_bytes());
    let mut text = Vec::new();
    match assembly.entries.get(&path).map(|entry| &entry.node) {
        Some(Node::File { disk, .. }) => fs::File::open(disk)
            .and_then(|file| file.take(MAX_ACCOUNTS).read_to_end(&mut text))
            .map_err(|source| Error::io("read", disk, source))?,
        Some(Node::Member { archive, data, .. }) => {
            let archive = &assembly.archives[*archive];
            data.open(&archive.file)
                .and_then(|data| data.take(MAX_ACCOUNTS).read_to_end(&mut text))
                .map_err(|source| Error::io("read", &archive.path, source))?
        }
        _ => return Ok(None),
    };
    Ok(Some(text))
}

/// Some of the paths that a glob could have matched.
fn sample(assembly: &Assembly) -> String {
    let mut paths: Vec<String> = assembly
        .entries
        .keys()
        .take(5)
        .map(|path| format!("`{path}`"))
        .collect();
    match assembly.entries.len() {
        0 => "no paths".to_owned(),
        count => {
            if count > paths.len() {
                paths.push(format!("{} more", count - paths.len()));
            }
            paths.join(", ")
        }
    }
}
