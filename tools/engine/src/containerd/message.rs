//! The messages of containerd's services: those fields that are written or read here.
//!
//! The numbers are those of the files below
//! [`api`](https://github.com/containerd/containerd/tree/v2.1.0/api) in containerd.

/// `google.protobuf.Empty`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Nothing {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VersionResponse {
    #[prost(string, tag = "1")]
    pub(super) version: String,
}
