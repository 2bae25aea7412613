//! Directories of a layer that is being unpacked.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::fs::{mkdirat, openat2, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// What a directory gets that the layer has no entry for.
const IMPLIED: u32 = 0o755;

/// Opens directories below the layer's root. Symbolic links of the layer are followed, and none leads out of it.
pub(super) struct Parents {
    root: Rc<OwnedFd>,
    /// The one that was opened last: most members are in the directory of the one before.
    last: Option<(Vec<u8>, Rc<OwnedFd>)>,
}

impl Parents {
    pub(super) fn new(root: OwnedFd) -> Self {
        Self {
            root: Rc::new(root),
            last: None,
        }
    }

    /// Opens the directory at `path`. What of it is not there is made, and noted in `implied`.
    pub(super) fn open(
        &mut self,
        path: &[u8],
        implied: &mut BTreeSet<Vec<u8>>,
    ) -> io::Result<Rc<OwnedFd>> {
        if path.is_empty() {
            return Ok(Rc::clone(&self.root));
        }
        if let Some((_, directory)) = self.last.as_ref().filter(|(last, _)| last == path) {
            return Ok(Rc::clone(directory));
        }
        let opened = match self.open_other(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(path, implied)?,
            opened => opened?,
        };
        let opened = Rc::new(opened);
        self.last = Some((path.to_vec(), Rc::clone(&opened)));
        Ok(opened)
    }

    /// Opens a directory that must be there.
    pub(super) fn open_other(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&*self.root, path, flags, Mode::empty(), resolve)?)
    }

    /// Looks again for what was opened last.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    fn make(&self, path: &[u8], implied: &mut BTreeSet<Vec<u8>>) -> io::Result<OwnedFd> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends = slashes.map(|(index, _)| index).chain([path.len()]);
        let mut parent = self.open_other(b"")?;
        let mut start = 0;
        for end in ends {
            parent = match self.open_other(&path[..end]) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match mkdirat(&parent, &path[start..end], Mode::from_raw_mode(IMPLIED)) {
                        // A link that leads to nothing; engines make what it leads to, and none of ours makes such layers.
                        Err(Errno::EXIST) => return Err(error),
                        made => made?,
                    }
                    implied.insert(path[..end].to_vec());
                    self.open_other(&path[..end])?
                }
                opened => opened?,
            };
            start = end + 1;
        }
        Ok(parent)
    }
}
