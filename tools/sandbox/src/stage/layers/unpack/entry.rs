//! One file of a layer that is being unpacked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    chmodat, chownat, linkat, makedev, mkdirat, mknodat, openat, statat, symlinkat, unlinkat,
    utimensat, AtFlags, FileType, Gid, Mode, OFlags, Uid,
};
use rustix::io::Errno;
use stevedore_image::archive::{Kind, Member};

use super::times;
use super::xattrs;

/// How much of a file is copied at once.
const BUFFER: usize = 128 << 10;

/// A name in a directory.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) directory: BorrowedFd<'a>,
    pub(super) name: &'a [u8],
    /// Whether the overlay will be one of the machine's root.
    pub(super) is_root: bool,
}

impl<'a> Entry<'a> {
    /// Another name in the same directory.
    pub(super) fn named(self, name: &'a [u8]) -> Self {
        Self { name, ..self }
    }

    /// Says that what lower layers have here is gone. What this layer has here stays.
    pub(super) fn white_out(self) -> io::Result<()> {
        if matches!(self.name, b"" | b"." | b"..") {
            return Err(io::Error::other(
                "is a whiteout of a directory that it is in",
            ));
        }
        match self.file_type()? {
            None => self.make_whiteout(),
            Some(FileType::Directory) => {
                xattrs::set_opaque(self.directory, self.name, self.is_root)
            }
            Some(_) => Ok(()),
        }
    }

    /// Makes a directory, unless there is one; if what was here was said to be gone, one that hides what is below.
    pub(super) fn make_directory(self) -> io::Result<()> {
        let found = self.file_type()?;
        if found == Some(FileType::Directory) {
            return Ok(());
        }
        let was_gone = found == Some(FileType::CharacterDevice) && self.is_whiteout()?;
        if found.is_some() {
            self.remove()?;
        }
        mkdirat(self.directory, self.name, Mode::from_raw_mode(0o755))?;
        match was_gone {
            true => xattrs::set_opaque(self.directory, self.name, self.is_root),
            false => Ok(()),
        }
    }

    /// Makes a file.
    pub(super) fn make_file(self, content: &mut impl Read) -> io::Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let open = || openat(self.directory, self.name, flags, Mode::from_raw_mode(0o600));
        let file: OwnedFd = self.in_place_of_others(open)?;
        let mut file = File::from(file);
        let mut buffer = vec![0; BUFFER];
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(()),
                count => file.write_all(&buffer[..count])?,
            }
        }
    }

    /// Makes a symbolic link.
    pub(super) fn make_symlink(self, target: &[u8]) -> io::Result<()> {
        self.in_place_of_others(|| symlinkat(target, self.directory, self.name))
    }

    /// Makes another name for a file.
    pub(super) fn link(self, directory: &OwnedFd, name: &[u8]) -> io::Result<()> {
        self.in_place_of_others(|| {
            linkat(directory, name, self.directory, self.name, AtFlags::empty())
        })
    }

    /// Makes a device or a pipe, and tells whether that could be done: only the machine's root makes devices.
    pub(super) fn make_special(self, kind: &Kind) -> io::Result<bool> {
        let (file_type, device) = match kind {
            Kind::CharacterDevice { major: 0, minor: 0 } => return Ok(false),
            Kind::CharacterDevice { major, minor } => {
                (FileType::CharacterDevice, makedev(*major, *minor))
            }
            Kind::BlockDevice { major, minor } => (FileType::BlockDevice, makedev(*major, *minor)),
            _ => (FileType::Fifo, 0),
        };
        let make = || {
            mknodat(
                self.directory,
                self.name,
                file_type,
                Mode::from_raw_mode(0o600),
                device,
            )
        };
        match self.in_place_of_others(make) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !self.is_root => {
                Ok(false)
            }
            made => made.map(|()| true),
        }
    }

    /// Sets what a member says beside its content, and tells whether its owner is one that this namespace has.
    pub(super) fn set_attributes(self, member: &Member) -> io::Result<bool> {
        let is_owned = self.set_owner(member)?;
        if !matches!(member.kind, Kind::Symlink { .. }) {
            // After the owner, whose change takes the setuid bit away.
            let mode = Mode::from_raw_mode(member.mode & 0o7777);
            chmodat(self.directory, self.name, mode, AtFlags::empty())?;
        }
        xattrs::set(self.directory, self.name, &member.xattrs)?;
        utimensat(
            self.directory,
            self.name,
            &times(member.mtime),
            AtFlags::SYMLINK_NOFOLLOW,
        )?;
        Ok(is_owned)
    }

    fn set_owner(self, member: &Member) -> io::Result<bool> {
        let id = |number: u64| {
            u32::try_from(number).map_err(|_| io::Error::other("its owner is too large a number"))
        };
        let owner = Some(Uid::from_raw(id(member.uid)?));
        let group = Some(Gid::from_raw(id(member.gid)?));
        match chownat(
            self.directory,
            self.name,
            owner,
            group,
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::PERM) if !self.is_root => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Does `make`; where something is already, a second time when that is removed.
    fn in_place_of_others<T>(self, make: impl Fn() -> Result<T, Errno>) -> io::Result<T> {
        match make() {
            Err(Errno::EXIST) => {
                self.remove()?;
                Ok(make()?)
            }
            made => Ok(made?),
        }
    }

    fn remove(self) -> io::Result<()> {
        match unlinkat(self.directory, self.name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                let directory = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
                fs::remove_dir_all(Path::new(&directory).join(OsStr::from_bytes(self.name)))
            }
            removed => Ok(removed?),
        }
    }

    fn make_whiteout(self) -> io::Result<()> {
        match mknodat(
            self.directory,
            self.name,
            FileType::CharacterDevice,
            Mode::empty(),
            0,
        ) {
            Err(Errno::PERM) => Err(io::Error::other(
                "what hides a file of another layer cannot be made on an overlay, as the root of a container is one: set \
                 `STEVEDORE_CACHE` to a folder on another file system",
            )),
            made => Ok(made?),
        }
    }

    fn is_whiteout(self) -> io::Result<bool> {
        let stat = statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(stat.st_rdev == 0)
    }

    fn file_type(self) -> io::Result<Option<FileType>> {
        match statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}
