//! What an engine says to an archive.

use stevedore_image::digest::Digest;
use stevedore_image::docker_archive::find_layer_path;

use crate::engine::LoadProgress;
use crate::message::Message;

/// What an engine said while it loaded an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadAnswer {
    /// The IDs that it printed. Docker prints them only if the archive's last image has no name.
    pub image_ids: Vec<Digest>,
    /// Everything else that it said, one line each, without what is progress.
    pub notes: Vec<String>,
    /// Why it gave up; `None` if it said nothing of the kind.
    pub refusal: Option<Refusal>,
}

impl LoadAnswer {
    /// Takes in one message; gives the progress that it tells.
    pub(crate) fn take(&mut self, message: Message) -> Option<LoadProgress> {
        let error = message
            .error_detail
            .map(|detail| detail.message)
            .or(message.error);
        if let Some(message) = error {
            self.refusal.get_or_insert(Refusal { message });
        }
        for line in message.stream.as_deref().unwrap_or_default().lines() {
            self.take_line(line);
        }
        message
            .progress
            .filter(|progress| progress.total > 0)
            .map(|progress| LoadProgress {
                current: progress.current,
                total: progress.total,
            })
    }

    fn take_line(&mut self, line: &str) {
        // The containerd store says "loaded" all the same, and gives the name to an image that cannot be used
        // (`daemon/containerd/image_exporter.go` in moby).
        if line.starts_with("Error unpacking image") {
            let message = line.to_owned();
            self.refusal.get_or_insert(Refusal { message });
        }
        let id = line
            .strip_prefix("Loaded image ID: ")
            .and_then(|id| id.parse().ok());
        match id {
            Some(id) if self.image_ids.contains(&id) => {}
            Some(id) => self.image_ids.push(id),
            None if line.trim().is_empty() => {}
            None => self.notes.push(line.to_owned()),
        }
    }
}

/// Why an engine did not load an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The engine's own words.
    pub message: String,
}

impl Refusal {
    /// The place in the image, and the `diff_id`, of the layer that the engine needed and did not find
    /// in the archive.
    ///
    /// With graphdriver storage an engine opens a layer's file only if it does not have the layer
    /// (`image/tarexport/load.go` in moby, the same from 20.10 to 29): the error of that `open` is then
    /// `open /…/docker-import-123/layers/…: no such file or directory`. Since a layer's parent must be
    /// there, all layers below the one that is named are present.
    pub fn missing_layer(&self) -> Option<(usize, Digest)> {
        let path = self
            .message
            .strip_prefix("open ")?
            .strip_suffix(": no such file or directory")?;
        find_layer_path(path)
    }

    /// The digest of the blob that podman needed and did not find in what it was given.
    ///
    /// podman copies the layers side by side and then tells the error of the lowest one that it could not copy
    /// (`copyLayers` in `copy/single.go` of containers/image): all layers below it are there now.
    pub fn missing_blob(&self) -> Option<Digest> {
        let (_, rest) = self.message.split_once("reading blob sha256:")?;
        let (hex, rest) = rest.split_once(':')?;
        let reason = rest.lines().next().unwrap_or_default();
        let is_missing = reason.ends_with("no such file or directory");
        is_missing.then(|| Digest::from_hex(hex).ok()).flatten()
    }

    /// Whether a layer's bytes had another digest than the config says (same file: "invalid diffID for layer"), or
    /// the manifest (`digesting_reader.go` in containers/image: "Digest did not match").
    pub fn is_wrong_diff_id(&self) -> bool {
        self.message.contains("invalid diffID for layer")
            || self.message.contains("Digest did not match")
    }

    /// Whether the engine's disk is full.
    pub fn is_disk_full(&self) -> bool {
        self.message.contains("no space left on device")
    }
}

#[cfg(test)]
mod tests {
    use stevedore_image::docker_archive::layer_path;

    use super::*;

    fn refusal(message: &str) -> Refusal {
        Refusal {
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_missing_layer_is_read_from_the_error() {
        let layer = Digest::of(b"layer");
        let file = format!(
            "/var/lib/docker/tmp/docker-import-12/{}",
            layer_path(7, layer)
        );
        for (message, expected) in [
            (
                format!("open {file}: no such file or directory"),
                Some((7, layer)),
            ),
            (format!("open {file}: too many open files"), None),
            (format!("write {file}: no space left on device"), None),
            (
                "open /etc/passwd: no such file or directory".to_owned(),
                None,
            ),
        ] {
            assert_eq!(refusal(&message).missing_layer(), expected, "{message}");
        }
    }

    #[test]
    fn the_missing_blob_is_read_from_the_error_of_podman() {
        let blob = Digest::of(b"blob");
        let file = format!("/var/tmp/oci1/blobs/sha256/{}", blob.hex());
        for (message, expected) in [
            (
                format!(
                    "unable to copy: reading blob {blob}: open {file}: no such file or directory"
                ),
                Some(blob),
            ),
            (
                format!("reading blob {blob}: open {file}: permission denied"),
                None,
            ),
            (
                format!("writing blob: open {file}: no such file or directory"),
                None,
            ),
            (
                "reading blob sha256:00: no such file or directory".to_owned(),
                None,
            ),
        ] {
            assert_eq!(refusal(&message).missing_blob(), expected, "{message}");
        }
    }

    #[test]
    fn ids_are_told_from_other_lines() {
        let id = format!("sha256:{}", "ab".repeat(32));
        let mut answer = LoadAnswer::default();
        let stream = format!("Loaded image: a:b\nLoaded image ID: {id}\nLoaded image ID: {id}\n");
        answer.take(Message {
            stream: Some(stream),
            ..Message::default()
        });
        assert_eq!(
            answer
                .image_ids
                .iter()
                .map(Digest::to_string)
                .collect::<Vec<_>>(),
            [id]
        );
        assert_eq!(answer.notes, ["Loaded image: a:b"]);
        assert_eq!(answer.refusal, None);
    }

    #[test]
    fn the_first_error_is_the_cause() {
        let mut answer = LoadAnswer::default();
        for text in ["first", "second"] {
            answer.take(Message {
                error: Some(text.to_owned()),
                ..Message::default()
            });
        }
        assert_eq!(answer.refusal, Some(refusal("first")));
    }
}
