//! The overlay that the commands see as their root.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{chown, symlink, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{mount, MsFlags};

use super::error::Error;
use super::layers::Unpacked;
use super::namespace::Identity;
use super::run_folder::RunFolder;

/// Links to the layers, the lowest first: the kernel takes all options on one page, which longer paths would fill.
const LINKS: &str = "l";
const BELOW: &str = "below";
const BASE: &str = "base";
const ROOT: &str = "root";
const CHANGES: &str = "changes";
const UPPER: &str = "changes/upper";
const WORK: &str = "changes/work";

/// An overlay that is to be: its layers are known.
pub(super) struct Overlay<'a> {
    folder: &'a RunFolder,
    /// The lower directories, the highest first.
    lower: Vec<String>,
    options: &'static str,
}

/// An overlay that is mounted.
pub(super) struct Mounted {
    root: PathBuf,
    upper: PathBuf,
    base: PathBuf,
}

impl<'a> Overlay<'a> {
    /// Over these layers, the lowest first.
    pub(super) fn new(
        folder: &'a RunFolder,
        layers: &[Unpacked],
        identity: &Identity,
    ) -> Result<Self, Error> {
        let links = folder.folder(LINKS)?;
        let mut lower = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, layer) in layers.iter().enumerate().rev() {
            // The kernel refuses a directory that is there twice; all that it has is where it is highest.
            if seen.insert(&layer.files) {
                let link = links.join(index.to_string());
                symlink(&layer.files, &link).map_err(Error::io("make", &link))?;
                lower.push(format!("{LINKS}/{index}"));
            }
        }
        // What follows names paths in it.
        let path = folder.path("");
        env::set_current_dir(&path).map_err(Error::io("enter", &path))?;
        Ok(Self {
            folder,
            lower,
            options: match identity.is_machines_root() {
                // A layer must not depend on what else is in the overlay.
                true => ",redirect_dir=off,metacopy=off,index=off",
                // Both are off with this one.
                false => ",userxattr,index=off",
            },
        })
    }

    /// A view of the layers alone.
    pub(super) fn below(&self) -> Result<PathBuf, Error> {
        self.view(BELOW, &self.lower)
    }

    /// Mounts the overlay, with `scaffold` above the layers, and a view of what is in it before anything changes.
    pub(super) fn mount(&self, scaffold: &Path) -> Result<Mounted, Error> {
        let scaffold_name = scaffold.file_name().unwrap_or_default().to_string_lossy();
        let mut lower = vec![scaffold_name.into_owned()];
        lower.extend(self.lower.iter().cloned());
        let base = self.view(BASE, &lower)?;
        let (changes, root) = (self.folder.folder(CHANGES)?, self.folder.folder(ROOT)?);
        let options = format!(
            "lowerdir={},upperdir={UPPER},workdir={WORK}{}",
            lower.join(":"),
            self.options
        );
        self.make_upper(scaffold)?;
        let mut mounted = mount_writable(&root, &options);
        if mounted == Err(Errno::EINVAL) {
            // An overlay, as the root of a container is one, cannot be below another's changes: memory can.
            let kind = Some("tmpfs");
            self.checked(mount(
                kind,
                &changes,
                kind,
                MsFlags::empty(),
                Some("mode=755"),
            ))?;
            self.folder.note_mount(&changes);
            self.make_upper(scaffold)?;
            mounted = mount_writable(&root, &options);
        }
        self.checked(mounted)?;
        self.folder.note_mount(&root);
        Ok(Mounted {
            root,
            upper: self.folder.path(UPPER),
            base,
        })
    }

    /// Makes the directories for what changes. The root's attributes are those of the highest directory.
    fn make_upper(&self, scaffold: &Path) -> Result<(), Error> {
        self.folder.folder(WORK)?;
        let upper = self.folder.folder(UPPER)?;
        let metadata = fs::metadata(scaffold).map_err(Error::io("look at", scaffold))?;
        let set = || -> io::Result<()> {
            chown(&upper, Some(metadata.uid()), Some(metadata.gid()))?;
            fs::set_permissions(&upper, fs::Permissions::from_mode(metadata.mode() & 0o7777))
        };
        set().map_err(Error::io("set the attributes of", &upper))
    }

    /// A view of lower directories without an upper one: an overlay if there are several.
    fn view(&self, name: &str, lower: &[String]) -> Result<PathBuf, Error> {
        if let [only] = lower {
            return Ok(self.folder.path(only));
        }
        let view = self.folder.folder(name)?;
        if !lower.is_empty() {
            let options = format!("lowerdir={}{}", lower.join(":"), self.options);
            self.checked(mount_overlay(&view, &options))?;
            self.folder.note_mount(&view);
        }
        Ok(view)
    }

    fn checked(&self, result: nix::Result<()>) -> Result<(), Error> {
        result.map_err(|errno| Error::Overlay {
            path: self.folder.path(""),
            source: errno.into(),
        })
    }
}

impl Mounted {
    /// What the commands see.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What they changed.
    pub(super) fn upper(&self) -> &Path {
        &self.upper
    }

    /// What they saw at first.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }
}

/// What is in it is read once and removed, so no command needs to wait for the disk.
fn mount_writable(at: &Path, options: &str) -> nix::Result<()> {
    match mount_overlay(at, &format!("{options},volatile")) {
        // Before Linux 5.10.
        Err(Errno::EINVAL) => mount_overlay(at, options),
        mounted => mounted,
    }
}

fn mount_overlay(at: &Path, options: &str) -> nix::Result<()> {
    let kind = Some("overlay");
    mount(kind, at, kind, MsFlags::empty(), Some(options))
}
