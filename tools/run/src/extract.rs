//! Files and directories that come out of a container.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{symlink, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use stevedore_image::archive::{Data, Kind, Member, Reader};
use stevedore_image::output::OutputFile;

use crate::spec::FileSpec;

/// What the stream is called in messages: it is no file.
const SOURCE: &str = "the files from the container";

/// Why files do not come out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The stream or an output.
    #[error(transparent)]
    Archive(#[from] stevedore_image::Error),
    /// It is not there.
    #[error("the commands have left no `{path}`, which is wanted as an output; is it spelt so in `files`?")]
    Missing {
        /// The path in the container.
        path: String,
    },
    /// It is something else.
    #[error(
        "`{path}` is {found}, and `files` wants {expected} there; a path of a directory ends in a slash, that of a file does not"
    )]
    Kind {
        /// The path in the container.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Something in a directory that Bazel does not take.
    #[error("`{path}` is {found}, which an output of Bazel's cannot have; let the commands leave files, directories and links that stay below the directory")]
    Unusable {
        /// The path in the container.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// The operating system refused.
    #[error("failed to write the output `{path}`")]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes what comes from `reader`, a tar whose members are named by their paths in the container, to the outputs.
///
/// # Errors
/// If something is missing, is not what is wanted, or cannot be written.
pub(crate) fn receive(reader: impl Read, files: &[FileSpec]) -> Result<(), ExtractError> {
    let mut found = vec![false; files.len()];
    let mut members = Reader::new(Path::new(SOURCE), reader);
    while let Some((member, data)) = members.next_member()? {
        let name = Path::new("/").join(OsStr::from_bytes(&member.name));
        for (file, found) in files.iter().zip(&mut found) {
            let Ok(below) = name.strip_prefix(&file.path) else {
                continue;
            };
            let is_itself = below.as_os_str().is_empty();
            if is_itself {
                check_kind(file, &member)?;
            }
            *found |= is_itself;
            // Bazel has made the directory itself.
            if !(is_itself && file.directory) {
                let output = match is_itself {
                    true => file.output.clone(),
                    false => file.output.join(below),
                };
                write(&name, below, &member, &data, &mut members, &output)?;
            }
        }
    }
    match files.iter().zip(found).find(|(_, found)| !found) {
        Some((file, _)) => Err(ExtractError::Missing {
            path: file.path.clone(),
        }),
        None => Ok(()),
    }
}

fn check_kind(file: &FileSpec, member: &Member) -> Result<(), ExtractError> {
    let fits = match file.directory {
        true => member.kind == Kind::Directory,
        false => matches!(member.kind, Kind::File { .. }),
    };
    match fits {
        true => Ok(()),
        false => Err(ExtractError::Kind {
            path: file.path.clone(),
            found: member.kind.noun(),
            expected: if file.directory {
                "a directory"
            } else {
                "a file"
            },
        }),
    }
}

/// Writes one member to the output `path`; `below` is where it is below its directory.
fn write(
    name: &Path,
    below: &Path,
    member: &Member,
    data: &Data,
    members: &mut Reader<impl Read>,
    path: &Path,
) -> Result<(), ExtractError> {
    let failed = |source| ExtractError::Write {
        path: path.to_owned(),
        source,
    };
    let unusable = |found| ExtractError::Unusable {
        path: name.display().to_string(),
        found,
    };
    match &member.kind {
        Kind::File { .. } => {
            let output = OutputFile::create(path)?;
            let mut writer = output.writer()?;
            io::copy(&mut members.content(data), &mut writer).map_err(failed)?;
            output.commit()?;
            let mode = fs::Permissions::from_mode(0o644 | member.mode & 0o111);
            fs::set_permissions(path, mode).map_err(failed)
        }
        Kind::Directory => fs::create_dir_all(path).map_err(failed),
        Kind::Symlink { target } if stays_below(below, target) => {
            symlink(OsStr::from_bytes(target), path).map_err(failed)
        }
        Kind::Symlink { .. } => Err(unusable("a link that leads out of the directory")),
        other => Err(unusable(other.noun())),
    }
}

/// Whether the target of a link at `link` is below the directory in which both are.
fn stays_below(link: &Path, target: &[u8]) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for component in Path::new(OsStr::from_bytes(target)).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use stevedore_image::archive::{end_of_archive, header, padding};

    use super::*;

    fn tar(members: &[(&str, Kind, u32, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, kind, mode, content) in members {
            bytes.extend(header(&Member {
                name: name.as_bytes().to_vec(),
                kind: kind.clone(),
                mode: *mode,
                uid: 0,
                gid: 0,
                mtime: 0,
                xattrs: Vec::new(),
            }));
            bytes.extend_from_slice(content.as_bytes());
            bytes.extend_from_slice(padding(content.len() as u64));
        }
        bytes.extend_from_slice(end_of_archive());
        bytes
    }

    fn wanted(directory: &Path, path: &str, is_directory: bool) -> FileSpec {
        let output = directory.join("output");
        if is_directory {
            fs::create_dir(&output).unwrap();
        }
        FileSpec {
            path: path.to_owned(),
            output,
            directory: is_directory,
        }
    }

    const FILE: Kind = Kind::File { size: 2 };

    #[test]
    fn a_file_comes_out_with_its_executable_bit() {
        let directory = tempfile::tempdir().unwrap();
        let file = wanted(directory.path(), "/out/x", false);
        let tar = tar(&[("out/x", FILE, 0o4750, "hi")]);
        receive(&tar[..], std::slice::from_ref(&file)).unwrap();
        assert_eq!(fs::read_to_string(&file.output).unwrap(), "hi");
        let mode = fs::metadata(&file.output).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o754);
    }

    #[test]
    fn a_directory_comes_out_with_what_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = wanted(directory.path(), "/out", true);
        let link = Kind::Symlink {
            target: b"../a".to_vec(),
        };
        let tar = tar(&[
            ("out/", Kind::Directory, 0o755, ""),
            ("out/a", FILE, 0o644, "hi"),
            ("out/b/", Kind::Directory, 0o755, ""),
            ("out/b/c", link, 0o777, ""),
        ]);
        receive(&tar[..], std::slice::from_ref(&file)).unwrap();
        let read = fs::read_to_string(file.output.join("b/c")).unwrap();
        assert_eq!(read, "hi");
    }

    #[test]
    fn what_is_not_there_or_something_else_is_told() {
        let link = Kind::Symlink {
            target: b"../../x".to_vec(),
        };
        for (path, is_directory, members, expected) in [
            ("/y", false, vec![("x", FILE, 0, "hi")], "have left no `/y`"),
            (
                "/x",
                true,
                vec![("x", FILE, 0, "hi")],
                "is a file, and `files` wants a directory",
            ),
            (
                "/x",
                false,
                vec![("x/", Kind::Directory, 0, "")],
                "is a directory, and `files` wants a file",
            ),
            (
                "/x",
                true,
                vec![("x/", Kind::Directory, 0, ""), ("x/p", Kind::Fifo, 0, "")],
                "`/x/p` is a named pipe",
            ),
            (
                "/x",
                true,
                vec![("x/", Kind::Directory, 0, ""), ("x/l", link, 0, "")],
                "leads out of the directory",
            ),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = wanted(directory.path(), path, is_directory);
            let error = receive(&tar(&members)[..], &[file]).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
