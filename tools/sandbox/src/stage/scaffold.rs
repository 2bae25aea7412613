//! The places at which something is mounted, as a layer of their own between the image's and what the commands change.
//!
//! A runtime makes the mount points that an image does not have, and they would look like something that the commands made.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{chown, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{lsetxattr, XattrFlags};

use super::error::Error;
use super::layers::Unpacked;
use super::run_folder::RunFolder;

/// As many as Linux follows.
const MAX_LINKS: usize = 40;
const NAME: &str = "scaffold";

/// What kind of thing is mounted somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Directory,
    File,
}

/// Where something can be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The path in the sandbox, absolute, with no symbolic link on the way.
    pub(super) path: PathBuf,
    /// What the image has there.
    pub(super) found: Option<Shape>,
}

/// The layer that is being made.
pub(super) struct Scaffold {
    path: PathBuf,
    below: PathBuf,
    /// Directories that the image has too, and their times, which are set when nothing more is made in them.
    mirrored: Vec<(PathBuf, FileTimes)>,
}

impl Scaffold {
    /// An empty one over what is seen at `below`.
    pub(super) fn new(folder: &RunFolder, below: PathBuf) -> Result<Self, Error> {
        let path = folder.folder(NAME)?;
        let mut scaffold = Self {
            path,
            below,
            mirrored: Vec::new(),
        };
        let (root, below) = (scaffold.path.clone(), scaffold.below.clone());
        scaffold.copy_attributes(&below, &root)?;
        Ok(scaffold)
    }

    /// Makes sure that something can be mounted at `target`. What of its way the image does not have is made.
    pub(super) fn place(&mut self, target: &str, shape: Shape) -> Result<Spot, Error> {
        let spot = self.find(target)?;
        match (spot.found, shape) {
            (Some(found), _) if found != shape => {
                return Err(Error::Collides {
                    target: target.to_owned(),
                })
            }
            (Some(_), _) => {}
            (None, Shape::Directory) => self.make_directories(&spot.path)?,
            (None, Shape::File) => {
                if let Some(parent) = spot.path.parent() {
                    self.make_directories(parent)?;
                }
                let path = self.own(&spot.path);
                File::create(&path).map_err(Error::io("make", &path))?;
                set_mode(&path, 0o644)?;
            }
        }
        Ok(spot)
    }

    /// Where `target` is when the image's links are followed.
    pub(super) fn find(&self, target: &str) -> Result<Spot, Error> {
        let mut ahead: VecDeque<OsString> = parts(Path::new(target)).collect();
        let mut path = PathBuf::from("/");
        let mut found = Some(Shape::Directory);
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                path.pop();
                found = Some(Shape::Directory);
                continue;
            }
            path.push(&part);
            match self.look_at(&path)? {
                Some(metadata) if metadata.is_symlink() => {
                    links += 1;
                    if links > MAX_LINKS {
                        let target = target.to_owned();
                        return Err(Error::Circle { target });
                    }
                    let link = self.below(&path);
                    let leads_to = fs::read_link(&link).map_err(Error::io("read", &link))?;
                    path.pop();
                    if leads_to.is_absolute() {
                        path = PathBuf::from("/");
                    }
                    for part in parts(&leads_to).collect::<Vec<_>>().into_iter().rev() {
                        ahead.push_front(part);
                    }
                    found = Some(Shape::Directory);
                }
                Some(metadata) if metadata.is_dir() => found = Some(Shape::Directory),
                // Below a file there can be nothing.
                Some(_) if !ahead.is_empty() => {
                    let target = target.to_owned();
                    return Err(Error::Collides { target });
                }
                Some(_) => found = Some(Shape::File),
                None => found = None,
            }
        }
        Ok(Spot { path, found })
    }

    /// Gives directories that a layer has only by what is in them the attributes that layers below it say.
    pub(super) fn restore_implied(&mut self, layers: &[Unpacked]) -> Result<(), Error> {
        let implied = layers.iter().flat_map(|layer| &layer.notes.implied);
        for path in implied {
            let relative = Path::new(OsStr::from_bytes(path));
            let in_layers = layers.iter().rev().filter_map(|layer| {
                let own = layer.files.join(relative);
                let is_there = fs::symlink_metadata(&own).is_ok_and(|own| own.is_dir());
                is_there.then_some((own, layer.notes.implied.contains(path)))
            });
            let mut in_layers = in_layers.skip_while(|(_, is_implied)| *is_implied);
            let absolute = Path::new("/").join(relative);
            let is_seen = self.look_at(&absolute)?.is_some_and(|seen| seen.is_dir());
            if let Some((source, _)) = in_layers.next().filter(|_| is_seen) {
                self.make_directories(&absolute)?;
                let own = self.own(&absolute);
                self.copy_attributes(&source, &own)?;
            }
        }
        Ok(())
    }

    /// The finished layer.
    pub(super) fn finish(self) -> Result<PathBuf, Error> {
        for (path, times) in self.mirrored.iter().rev() {
            let set = File::open(path).and_then(|directory| directory.set_times(*times));
            set.map_err(Error::io("set the times of", path))?;
        }
        Ok(self.path)
    }

    /// Makes a directory that nothing is in the way of; those that the image has are as they are there.
    fn make_directories(&mut self, path: &Path) -> Result<(), Error> {
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            let own = self.own(ancestor);
            if own.is_dir() {
                continue;
            }
            fs::create_dir(&own).map_err(Error::io("make", &own))?;
            let below = self.below(ancestor);
            match below.is_dir() {
                true => self.copy_attributes(&below, &own)?,
                false => set_mode(&own, 0o755)?,
            }
        }
        Ok(())
    }

    fn copy_attributes(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let copy = || -> io::Result<FileTimes> {
            let metadata = fs::metadata(from)?;
            chown(to, Some(metadata.uid()), Some(metadata.gid()))?;
            fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
            Ok(FileTimes::new().set_modified(metadata.modified()?))
        };
        let times = copy().map_err(Error::io("set the attributes of", to))?;
        for (name, value) in stevedore_rootfs::xattrs(from).map_err(Error::Changes)? {
            lsetxattr(to, &name[..], &value, XattrFlags::empty())
                .map_err(|errno| Error::io("set an attribute of", to)(errno.into()))?;
        }
        self.mirrored.push((to.to_owned(), times));
        Ok(())
    }

    /// What is at a path so far.
    fn look_at(&self, path: &Path) -> Result<Option<Metadata>, Error> {
        for place in [self.below(path), self.own(path)] {
            match fs::symlink_metadata(&place) {
                Ok(metadata) => return Ok(Some(metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("look at", &place)(error)),
            }
        }
        Ok(None)
    }

    fn own(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn below(&self, path: &Path) -> PathBuf {
        self.below.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set.map_err(Error::io("set the attributes of", path))
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    use std::path::Component;
    path.components().filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}
