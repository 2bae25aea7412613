//! Where images are pushed to: repositories and tags, which may have placeholders for values of the workspace status.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::repository::{split_tag, Repository};
use crate::status::Status;
use crate::tag::Tag;
use crate::tags;

/// A repository that an image is pushed to, and its tags there. Without tags it is known there by its digest alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a destination: an object with `repository` and `tags`"
)]
pub struct Destination {
    /// The repository.
    pub repository: Repository,
    /// The tags, each once, in the order in which they were given.
    pub tags: Vec<Tag>,
}

/// Reads a file that has the destinations of an image, as a JSON array.
///
/// # Errors
/// If the file cannot be read, or is not such an array.
pub fn load(path: &Path) -> Result<Vec<Destination>, Error> {
    let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// The destinations of one image, before placeholders are replaced: a repository with tags, or references.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The repository.
    pub repository: Option<String>,
    /// The tags in the repository. Empty ones and those that begin with `#` are none, so that they may be the lines of
    /// a file.
    pub tags: Vec<String>,
    /// Repositories, each with a tag or without.
    pub references: Vec<String>,
}

impl Wanted {
    /// The destinations, each repository once.
    ///
    /// Two texts may come out the same by their placeholders, as all do in a build that is not stamped; then they are
    /// one.
    ///
    /// # Errors
    /// If a placeholder is not known, a text is not a repository, reference or tag, or two texts say the same.
    pub fn resolve(&self, status: &Status) -> Result<Vec<Destination>, Error> {
        let mut given = Given::default();
        if let Some(text) = &self.repository {
            let repository: Repository = status.expand(text.trim())?.parse()?;
            given.add(&repository, None, text)?;
            for text in tags::meant(self.tags.iter().map(String::as_str)) {
                given.add(&repository, Some(status.expand(text)?.parse()?), text)?;
            }
        }
        for text in &self.references {
            let (repository, tag) = parse_reference(&status.expand(text)?)?;
            given.add(&repository, tag, text)?;
        }
        Ok(given.destinations)
    }
}

/// A repository, and the tag after it if there is one.
fn parse_reference(text: &str) -> Result<(Repository, Option<Tag>), Error> {
    match split_tag(text) {
        (name, Some(tag)) if !text.contains('@') => Ok((name.parse()?, Some(tag.parse()?))),
        _ => Ok((text.parse()?, None)),
    }
}

/// The destinations so far, and the text that each was written as.
#[derive(Default)]
struct Given {
    destinations: Vec<Destination>,
    texts: BTreeMap<(Repository, Option<Tag>), String>,
}

impl Given {
    fn add(&mut self, repository: &Repository, tag: Option<Tag>, text: &str) -> Result<(), Error> {
        let key = (repository.clone(), tag.clone());
        if let Some(first) = self.texts.get(&key) {
            let has_placeholder = |text: &str| text.contains("{{");
            if first == text || !(has_placeholder(first) || has_placeholder(text)) {
                return Err(Error::GivenTwice {
                    first: first.clone(),
                    second: text.to_owned(),
                });
            }
            return Ok(());
        }
        self.texts.insert(key, text.to_owned());
        let known = self
            .destinations
            .iter_mut()
            .find(|destination| destination.repository == *repository);
        match known {
            Some(destination) => destination.tags.extend(tag),
            None => self.destinations.push(Destination {
                repository: repository.clone(),
                tags: tag.into_iter().collect(),
            }),
        }
        Ok(())
    }
}

/// Checks that no tag belongs to two images, which are given with their labels.
///
/// # Errors
/// If one does.
pub fn check_distinct(images: &[(String, Vec<Destination>)]) -> Result<(), Error> {
    let mut owners = BTreeMap::new();
    for (label, destinations) in images {
        for destination in destinations {
            for tag in &destination.tags {
                let key = (&destination.repository, tag);
                if let Some(first) = owners.insert(key, label) {
                    return Err(Error::SharedDestination {
                        reference: format!("{}:{tag}", destination.repository),
                        first: first.clone(),
                        second: label.clone(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// The one line of a file that names a repository.
///
/// # Errors
/// If the file cannot be read, or has none or several.
pub fn repository_in_file(path: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
    let lines: Vec<&str> = tags::meant(text.lines()).collect();
    match lines[..] {
        [line] => Ok(line.to_owned()),
        _ => Err(Error::NotOneRepository {
            path: path.to_owned(),
            count: lines.len(),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
