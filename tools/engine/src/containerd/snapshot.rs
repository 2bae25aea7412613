//! Snapshots: the file systems that images are unpacked into.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use stevedore_image::description::BlobDescription;
use stevedore_image::digest::Digest;

use super::is;
use super::message::{
    ApplyRequest, ApplyResponse, CommitRequest, Nothing, PrepareRequest, PrepareResponse,
    SnapshotKey,
};
use crate::error::{Action, Error, GrpcCode};
use crate::grpc::Channel;

/// The label by which a snapshotter that fetches layers itself knows which one is meant
/// (`labelSnapshotRef` in containerd's `core/unpack/unpacker.go`).
const TARGET_LABEL: &str = "containerd.io/snapshot.ref";

/// The file systems of one snapshotter, which are named by the chain IDs of the layers in them.
pub struct Snapshots {
    channel: Channel,
    snapshotter: String,
}

/// What came of unpacking a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// Its file system is there.
    Done,
    /// The file system below it is not there.
    NoParent,
}

impl Snapshots {
    pub(super) fn new(channel: Channel, snapshotter: &str) -> Self {
        Self {
            channel,
            snapshotter: snapshotter.to_owned(),
        }
    }

    /// Tells whether the file system with the chain ID `chain` is there; those below it then are, too. One request.
    ///
    /// # Errors
    /// If there is no such snapshotter, containerd refuses, or cannot be reached.
    pub async fn has(&self, chain: &Digest) -> Result<bool, Error> {
        let path = "/containerd.services.snapshots.v1.Snapshots/Stat";
        let question = self.key(chain.to_string());
        let answer: Result<Nothing, Error> = self
            .channel
            .call(Action::FindSnapshot, path, question)
            .await;
        if is(&answer, GrpcCode::NotFound) {
            return Ok(false);
        }
        answer.map(|_| true)
    }

    /// Unpacks the blob `layer`, whose tar is `diff_id`, on top of `parent`, into the file system `chain`. Three
    /// requests.
    ///
    /// Of several processes that do so at once, one gives the file system its name, and the work of the others is
    /// dropped.
    ///
    /// # Errors
    /// If the blob is not there, or is not the tar that it should be, if containerd refuses, or cannot be reached. The
    /// file system is not there then.
    pub async fn unpack(
        &self,
        layer: &BlobDescription,
        diff_id: &Digest,
        parent: Option<&Digest>,
        chain: &Digest,
    ) -> Result<Unpacked, Error> {
        let key = extraction_key(chain);
        let labels = BTreeMap::from([(TARGET_LABEL.to_owned(), chain.to_string())]);
        let question = PrepareRequest {
            snapshotter: self.snapshotter.clone(),
            key: key.clone(),
            parent: parent.map(Digest::to_string).unwrap_or_default(),
            labels: labels.clone(),
        };
        let path = "/containerd.services.snapshots.v1.Snapshots/Prepare";
        let prepared: Result<PrepareResponse, Error> =
            self.channel.call(Action::Unpack, path, question).await;
        if is(&prepared, GrpcCode::NotFound) {
            return Ok(Unpacked::NoParent);
        }
        // A snapshotter that has fetched the layer itself says so in this way.
        if is(&prepared, GrpcCode::AlreadyExists) && self.has(chain).await? {
            return Ok(Unpacked::Done);
        }
        let prepared = prepared?;
        let unpacked = self
            .fill(layer, diff_id, prepared, &key, chain, labels)
            .await;
        if unpacked.is_err() {
            // The first error is the one to tell; a lease ends what this leaves.
            let _ = self.remove(&key).await;
        }
        match is(&unpacked, GrpcCode::AlreadyExists) {
            true => Ok(Unpacked::Done),
            false => unpacked.map(|()| Unpacked::Done),
        }
    }

    async fn fill(
        &self,
        layer: &BlobDescription,
        diff_id: &Digest,
        prepared: PrepareResponse,
        key: &str,
        chain: &Digest,
        labels: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let question = ApplyRequest {
            diff: Some(layer.into()),
            mounts: prepared.mounts,
        };
        let path = "/containerd.services.diff.v1.Diff/Apply";
        let answer: ApplyResponse = self.channel.call(Action::Unpack, path, question).await?;
        let found = answer.applied.unwrap_or_default().digest;
        if found != diff_id.to_string() {
            return Err(Error::OtherLayer {
                blob: layer.digest,
                expected: *diff_id,
                found,
            });
        }
        let question = CommitRequest {
            snapshotter: self.snapshotter.clone(),
            name: chain.to_string(),
            key: key.to_owned(),
            labels,
        };
        let path = "/containerd.services.snapshots.v1.Snapshots/Commit";
        let _: Nothing = self.channel.call(Action::Unpack, path, question).await?;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), Error> {
        let path = "/containerd.services.snapshots.v1.Snapshots/Remove";
        let question = self.key(key.to_owned());
        let _: Nothing = self.channel.call(Action::Unpack, path, question).await?;
        Ok(())
    }

    fn key(&self, key: String) -> SnapshotKey {
        SnapshotKey {
            snapshotter: self.snapshotter.clone(),
            key,
        }
    }
}

/// A name that no other process gives, in the form that containerd's own clients use
/// (`UnpackKeyFormat` in its `core/snapshots/snapshotter.go`).
fn extraction_key(chain: &Digest) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.unwrap_or_default().as_nanos();
    format!("extract-{nanoseconds}-{} {chain}", std::process::id())
}
