//! Which image is taken where there are several.

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::platform::Platform;
use crate::reference::Reference;

/// What tells one image from the others. Where there is only one, its platform does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// One of the image's names.
    pub tag: Option<String>,
    /// What it is to run on.
    pub platform: Option<Platform>,
}

/// An image that could be taken.
pub(super) struct Candidate<T> {
    /// What it is, for messages, if nothing else tells.
    pub(super) id: String,
    pub(super) names: Vec<String>,
    pub(super) platform: Option<Platform>,
    /// Whether it is there, and not only known of.
    pub(super) is_there: bool,
    pub(super) value: T,
}

/// Chooses among the images of the file `path`. `platform` finds out what one runs on; it is not asked for those that are
/// not in question.
pub(super) fn choose<T>(
    path: &Path,
    candidates: Vec<Candidate<T>>,
    wanted: &Wanted,
    platform: impl Fn(&T) -> Result<Option<Platform>, Error>,
) -> Result<T, Error> {
    let mut left = match &wanted.tag {
        Some(tag) => with_tag(path, candidates, tag)?,
        None => candidates,
    };
    if left.len() > 1 {
        for candidate in left.iter_mut().filter(|candidate| candidate.is_there) {
            if candidate.platform.is_none() {
                candidate.platform = platform(&candidate.value)?;
            }
        }
        if let Some(platform) = &wanted.platform {
            left = for_platform(path, left, platform)?;
        }
    }
    match left.pop() {
        Some(only) if left.is_empty() => Ok(only.value),
        last => {
            left.extend(last);
            Err(not_one(path, &left))
        }
    }
}

fn with_tag<T>(
    path: &Path,
    candidates: Vec<Candidate<T>>,
    tag: &str,
) -> Result<Vec<Candidate<T>>, Error> {
    let known = list(&candidates);
    let left: Vec<_> = candidates
        .into_iter()
        .filter(|candidate| candidate.names.iter().any(|name| is_same(name, tag)))
        .collect();
    match left.is_empty() {
        false => Ok(left),
        true => Err(Error::NoSuchTag {
            path: path.to_owned(),
            tag: tag.to_owned(),
            known,
        }),
    }
}

/// Whether a name is the one that is wanted: literally, or because both name the same image. A name may be a mere tag,
/// which is no reference.
fn is_same(name: &str, wanted: &str) -> bool {
    let reference = |text: &str| {
        let is_full = text.contains([':', '/', '@']);
        is_full.then(|| text.parse::<Reference>().ok()).flatten()
    };
    name == wanted || reference(name).is_some_and(|name| wanted.parse().ok() == Some(name))
}

fn for_platform<T>(
    path: &Path,
    candidates: Vec<Candidate<T>>,
    wanted: &Platform,
) -> Result<Vec<Candidate<T>>, Error> {
    let known = list(&candidates);
    let is_usable = |candidate: &Candidate<T>| candidate.is_there && candidate.platform.is_some();
    let mut left: Vec<_> = candidates.into_iter().filter(is_usable).collect();
    let platforms: Vec<Platform> = left
        .iter()
        .filter_map(|candidate| candidate.platform.as_ref().map(Platform::normalized))
        .collect();
    let Ok(place) = wanted.choose(&platforms) else {
        return Err(Error::NoImageForPlatform {
            path: path.to_owned(),
            platform: wanted.to_string(),
            known,
        });
    };
    // There may be several of them, with names of their own.
    let chosen = &platforms[place];
    left.retain(|candidate| {
        candidate
            .platform
            .as_ref()
            .map(Platform::normalized)
            .as_ref()
            == Some(chosen)
    });
    Ok(left)
}

impl<T> fmt::Display for Candidate<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.names[..], &self.platform) {
            ([], None) => write!(formatter, "`{}`", self.id)?,
            ([], Some(platform)) => write!(formatter, "{platform}")?,
            (names, platform) => {
                write!(formatter, "`{}`", names.join("`, `"))?;
                if let Some(platform) = platform {
                    write!(formatter, " for {platform}")?;
                }
            }
        }
        match self.is_there {
            true => Ok(()),
            false => formatter.write_str(", which is not there"),
        }
    }
}

fn list<T>(candidates: &[Candidate<T>]) -> String {
    /// More would hide the rest of the message.
    const SHOWN: usize = 20;
    let mut names: Vec<String> = candidates
        .iter()
        .take(SHOWN)
        .map(Candidate::to_string)
        .collect();
    if candidates.len() > SHOWN {
        names.push("…".to_owned());
    }
    names.join("; ")
}

fn not_one<T>(path: &Path, candidates: &[Candidate<T>]) -> Error {
    Error::NotOneImage {
        path: path.to_owned(),
        found: match candidates.len() {
            0 => "no image".to_owned(),
            count => format!("{count} images ({})", list(candidates)),
        },
        remedy: "choose one by its name, with `tag`, or take one that has a single image",
    }
}
