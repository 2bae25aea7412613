//! The names that images get.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stevedore_delivery::{LoadSpec, Runfiles};
use stevedore_image::reference::Reference;

/// Why a text is no name for an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagError {
    /// It is no reference.
    #[error(transparent)]
    Reference(#[from] Box<stevedore_image::Error>),
    /// It has a digest: that is computed, not given.
    #[error("`{reference}` has a digest; expected a name with a tag only, such as `app:dev`")]
    Digest {
        /// The text.
        reference: String,
    },
}

/// Why the file with the names cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagsFileError {
    /// It cannot be read.
    #[error("failed to read the tags file `{path}`; build the target again")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of it is no name.
    #[error("line {line} of the tags file `{path}`; correct `repo_tags` of the target")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, the first one being 1.
        line: usize,
        /// What is wrong with it.
        source: TagError,
    },
    /// Two images would have one name.
    #[error("`{reference}` is a name of `{first}` and of `{second}`; correct `images` of the target (a placeholder like `{{{{KEY}}}}` has the same value for all)")]
    Twice {
        /// The name.
        reference: String,
        /// The target of one image.
        first: String,
        /// The target of another one.
        second: String,
    },
}

/// Parses one name; without a tag it is `latest`.
pub(crate) fn parse(text: &str) -> Result<Reference, TagError> {
    let reference: Reference = text.parse().map_err(Box::new)?;
    if reference.digest().is_some() {
        return Err(TagError::Digest {
            reference: text.to_owned(),
        });
    }
    Ok(reference)
}

/// The names of each image: those in its tags file, and `more`, each once.
pub(crate) fn of_images(
    spec: &LoadSpec,
    runfiles: &Runfiles,
    more: &[Reference],
) -> anyhow::Result<Vec<Vec<Reference>>> {
    let mut owners: Vec<(Reference, &str)> = Vec::new();
    let mut all = Vec::new();
    for image in &spec.images {
        let label = image.content.label();
        let mut unique: Vec<Reference> = Vec::new();
        let references = read(&runfiles.find(&image.tags)?)?;
        for reference in references.iter().chain(more) {
            if !unique.contains(reference) {
                unique.push(reference.clone());
            }
        }
        for reference in &unique {
            if let Some((_, first)) = owners.iter().find(|(owned, _)| owned == reference) {
                return Err(twice(reference, first, label).into());
            }
            owners.push((reference.clone(), label));
        }
        all.push(unique);
    }
    Ok(all)
}

fn twice(reference: &Reference, first: &str, second: &str) -> TagsFileError {
    TagsFileError::Twice {
        reference: reference.familiar(),
        first: first.to_owned(),
        second: second.to_owned(),
    }
}

/// Reads a file with a name a line; empty lines do not count.
fn read(path: &Path) -> Result<Vec<Reference>, TagsFileError> {
    let text = fs::read_to_string(path).map_err(|source| TagsFileError::Read {
        path: path.to_owned(),
        source,
    })?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            parse(line.trim()).map_err(|source| TagsFileError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tags_file_has_a_name_a_line() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("tags");
        fs::write(&path, "app:dev\n\n  ghcr.io/x/y \n")?;
        let names: Vec<String> = read(&path)?.iter().map(Reference::familiar).collect();
        assert_eq!(names, ["app:dev", "ghcr.io/x/y:latest"]);
        fs::write(&path, "app:dev\nNo Name\n")?;
        let error = read(&path).map_err(|error| error.to_string());
        assert!(
            error.as_ref().is_err_and(|error| error.contains("line 2")),
            "{error:?}"
        );
        Ok(())
    }
}
