//! Output files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::Error;

const SUFFIX: &str = ".partial";

/// A file that is written under a temporary name beside its own, and gets its own when it is complete. Dropped before
/// that, it leaves nothing.
pub struct OutputFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl OutputFile {
    /// Begins the file `path`, in a directory that exists.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let mut builder = Builder::new();
        builder.suffix(SUFFIX);
        set_mode(&mut builder, 0o666);
        let temporary = builder
            .tempfile_in(directory_of(path))
            .map_err(|source| Error::io("create", path, source))?;
        Ok(Self {
            temporary,
            path: path.to_owned(),
        })
    }

    /// The name that the file will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle to the file, whose errors name it.
    ///
    /// # Errors
    /// If the process has too many open files.
    pub fn writer(&self) -> Result<OutputWriter, Error> {
        let file = self
            .temporary
            .as_file()
            .try_clone()
            .map_err(|source| Error::io("open", &self.path, source))?;
        Ok(OutputWriter {
            file,
            path: self.path.clone(),
        })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn commit(self) -> Result<(), Error> {
        self.temporary
            .persist(&self.path)
            .map(drop)
            .map_err(|failure| Error::io("rename to", &self.path, failure.error))
    }

    /// Writes a small file at once.
    ///
    /// # Errors
    /// If it cannot be created, written or renamed.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let output = Self::create(path)?;
        output
            .writer()?
            .write_all(bytes)
            .map_err(|source| Error::io("write", path, source))?;
        output.commit()
    }
}

/// Writes to an [`OutputFile`], or to a file of an [`OutputDirectory`]. Its errors carry an [`Error`] that names the file, since they may surface far away.
pub struct OutputWriter {
    file: File,
    path: PathBuf,
}

impl Write for OutputWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file
            .write(bytes)
            .map_err(|source| io::Error::new(source.kind(), Error::io("write", &self.path, source)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A directory that is filled under a temporary name beside its own, and gets its own when it is complete. Dropped
/// before that, it leaves nothing.
pub struct OutputDirectory {
    temporary: TempDir,
    path: PathBuf,
}

impl OutputDirectory {
    /// Begins the directory `path`, which may exist if it is empty, as Bazel makes it.
    ///
    /// # Errors
    /// If it is there with something in it, or its parent cannot be written to.
    pub fn create(path: &Path) -> Result<Self, Error> {
        match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::OutputExists {
                    path: path.to_owned(),
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("list", path, source)),
        }
        let mut builder = Builder::new();
        builder.suffix(SUFFIX);
        set_mode(&mut builder, 0o777);
        let temporary = builder
            .tempdir_in(directory_of(path))
            .map_err(|source| Error::io("create", path, source))?;
        Ok(Self {
            temporary,
            path: path.to_owned(),
        })
    }

    /// Where a file of the directory is to be written, and a directory is made for it.
    ///
    /// # Errors
    /// If that directory cannot be made.
    pub fn file(&self, relative: &str) -> Result<PathBuf, Error> {
        let path = self.temporary.path().join(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::io("create", parent, source))?;
        }
        Ok(path)
    }

    /// Begins a file of the directory. Its errors name it.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn writer(&self, relative: &str) -> Result<OutputWriter, Error> {
        let path = self.file(relative)?;
        let file = File::create(&path).map_err(|source| Error::io("create", &path, source))?;
        Ok(OutputWriter { file, path })
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn commit(self) -> Result<(), Error> {
        fs::rename(self.temporary.path(), &self.path)
            .map_err(|source| Error::io("rename to", &self.path, source))?;
        // Nothing is left under the temporary name.
        let _ = self.temporary.keep();
        Ok(())
    }
}

/// The directory that a file is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Temporary files are private by default; outputs are for everybody that the umask allows.
#[cfg(unix)]
fn set_mode(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: u32) {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_that_is_not_committed_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let output = OutputFile::create(&path).unwrap();
        output.writer().unwrap().write_all(b"half").unwrap();
        drop(output);
        assert!(names(directory.path()).is_empty());
        OutputFile::write(&path, b"whole").unwrap();
        assert_eq!(names(directory.path()), ["x"]);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_directory_replaces_an_empty_one_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::create_dir(&path).unwrap();
        let output = OutputDirectory::create(&path).unwrap();
        fs::write(output.file("a/b").unwrap(), b"").unwrap();
        output.commit().unwrap();
        assert_eq!(names(directory.path()), ["x"]);
        assert_eq!(names(&path.join("a")), ["b"]);
        assert!(matches!(
            OutputDirectory::create(&path),
            Err(Error::OutputExists { .. })
        ));
        drop(OutputDirectory::create(&directory.path().join("y")).unwrap());
        assert_eq!(names(directory.path()), ["x"]);
    }
}
