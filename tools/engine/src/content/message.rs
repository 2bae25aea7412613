//! The messages of `containerd.services.content.v1.Content`: those fields that are written or read here.
//!
//! The numbers are those of containerd's
//! [`content.proto`](https://github.com/containerd/containerd/blob/v2.1.0/api/services/content/v1/content.proto).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::BlobInfo;

/// `google.protobuf.Empty`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Nothing {}

/// `google.protobuf.FieldMask`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FieldMask {
    #[prost(string, repeated, tag = "1")]
    pub(super) paths: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Info {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) size: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(super) labels: BTreeMap<String, String>,
}

impl Info {
    /// `None` if the digest is of another algorithm than sha256.
    pub(super) fn understood(self) -> Option<BlobInfo> {
        Some(BlobInfo {
            digest: self.digest.parse().ok()?,
            size: unsigned(self.size),
            labels: self.labels,
        })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InfoRequest {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
}

/// The answer to `Info` and to `Update`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) info: Option<Info>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpdateRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) info: Option<Info>,
    #[prost(message, optional, tag = "2")]
    pub(super) update_mask: Option<FieldMask>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListRequest {
    #[prost(string, repeated, tag = "1")]
    pub(super) filters: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) info: Vec<Info>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadRequest {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) offset: i64,
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadResponse {
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) data: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum WriteAction {
    Stat = 0,
    Write = 1,
    Commit = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(enumeration = "WriteAction", tag = "1")]
    pub(super) action: i32,
    #[prost(string, tag = "2")]
    pub(super) reference: String,
    #[prost(int64, tag = "3")]
    pub(super) total: i64,
    #[prost(string, tag = "4")]
    pub(super) expected: String,
    #[prost(int64, tag = "5")]
    pub(super) offset: i64,
    #[prost(bytes = "bytes", tag = "6")]
    pub(super) data: Bytes,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteResponse {
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
}

/// What `Abort` and `Status` are asked.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReferenceRequest {
    #[prost(string, tag = "1")]
    pub(super) reference: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
}

/// Sizes and offsets travel as signed numbers; none comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way round.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
