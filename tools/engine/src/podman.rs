//! What podman can do, whether its service is asked or its command is run.

use std::future::Future;
use std::path::Path;

use serde::Deserialize;
use stevedore_image::digest::Digest;

use crate::answer::{LoadAnswer, Refusal};
use crate::engine::{Archive, Engine, ImageFacts};
use crate::error::Error;

/// podman, through its socket or as a command.
pub trait Podman: Engine {
    /// Whether it may be able to read a directory of this machine.
    fn may_load_directories(&self) -> bool;

    /// Loads an OCI archive. A layer that podman has may be missing in it. What podman says against it is in the
    /// answer, not an error.
    fn load(&self, archive: Archive) -> impl Future<Output = Result<LoadAnswer, Error>>;

    /// Loads the image of an OCI layout in a directory. It gets no name. A layer that podman has may be missing in the
    /// directory. What podman says against it is in the answer, not an error.
    fn load_directory(&self, directory: &Path) -> impl Future<Output = Result<LoadAnswer, Error>>;
}

/// The part that is read of what `podman image inspect` prints, and the service answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    /// Without `sha256:`.
    id: String,
    repo_tags: Option<Vec<String>>,
    #[serde(rename = "RootFS")]
    root_fs: Option<RootFs>,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(rename = "Layers")]
    layers: Option<Vec<Digest>>,
}

impl Inspected {
    /// What is known of the image; `None` if its ID is no digest.
    pub(crate) fn facts(self) -> Option<ImageFacts> {
        let names = self.repo_tags.unwrap_or_default();
        Some(ImageFacts {
            id: Digest::from_hex(&self.id).ok()?,
            diff_ids: self.root_fs.and_then(|fs| fs.layers).unwrap_or_default(),
            references: names.iter().filter_map(|name| name.parse().ok()).collect(),
            // An image is there when all its layers are.
            is_available: None,
        })
    }
}

/// The first two numbers of a version.
pub(crate) fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The answer of a podman that has loaded an image, and calls it so.
pub(crate) fn answer(names: &[&str]) -> LoadAnswer {
    LoadAnswer {
        image_ids: names.iter().filter_map(|name| name.parse().ok()).collect(),
        ..LoadAnswer::default()
    }
}

/// The answer of a podman that has loaded nothing.
pub(crate) fn refused(refusal: Refusal) -> LoadAnswer {
    LoadAnswer {
        refusal: Some(refusal),
        ..LoadAnswer::default()
    }
}

/// The refusal in what podman says when it could not load something that has the format `format`.
///
/// podman tries one format after the other and then tells what was wrong with each, one a line
/// (`libimage/load.go` in containers/common): only one of them is what was sent.
pub(crate) fn refusal(message: &str, format: &str) -> Refusal {
    let of_format = |line: &str| {
        let line = line.trim_start_matches([' ', '*']);
        line.strip_prefix(format)?
            .strip_prefix(": ")
            .map(str::to_owned)
    };
    let found = message.lines().find_map(of_format);
    Refusal {
        message: found.unwrap_or_else(|| message.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "payload does not match any of the supported image formats:\n \
        * oci: open /var/tmp/x/index.json: not a directory\n \
        * oci-archive: writing blob: no space left on device\n * dir: open /var/tmp/x/manifest.json: not a directory";

    #[test]
    fn of_many_complaints_the_one_that_matters_is_told() {
        for (message, format, expected) in [
            (
                ANSWER,
                "oci-archive",
                "writing blob: no space left on device",
            ),
            (ANSWER, "oci", "open /var/tmp/x/index.json: not a directory"),
            ("another answer\n", "oci", "another answer"),
        ] {
            assert_eq!(refusal(message, format).message, expected);
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (text, is_new) in [
            ("5.7.0", true),
            ("5.10.1", true),
            ("6.0", true),
            ("5.7.0-dev", true),
            ("5.6.2", false),
            ("4.9.3", false),
            ("", false),
            ("x.y", false),
        ] {
            assert_eq!(version(text) >= Some((5, 7)), is_new, "{text}");
        }
    }

    #[test]
    fn images_are_read_as_podman_prints_them() -> serde_json::Result<()> {
        let id = Digest::of(b"config");
        let layer = Digest::of(b"layer");
        for (tags, layers, names, diff_ids) in [
            (
                "[\"docker.io/library/a:b\"]".to_owned(),
                format!("[\"{layer}\"]"),
                vec!["a:b"],
                vec![layer],
            ),
            ("null".to_owned(), "null".to_owned(), vec![], vec![]),
        ] {
            let text = format!(
                "{{\"Id\":\"{}\",\"RepoTags\":{tags},\"RootFS\":{{\"Type\":\"layers\",\"Layers\":{layers}}},\"Size\":1}}",
                id.hex()
            );
            let expected = ImageFacts {
                id,
                diff_ids,
                references: names.iter().filter_map(|name| name.parse().ok()).collect(),
                is_available: None,
            };
            let facts = serde_json::from_str::<Inspected>(&text)?.facts();
            assert_eq!(facts, Some(expected));
        }
        Ok(())
    }
}
