//! Loads into real engines: all those of `STEVEDORE_TEST_ENGINES`, such as
//! `docker-20=unix:///a.sock,docker-28=unix:///b.sock,docker-28@tmpfs=unix:///c.sock`.
//!
//! A name with `tmpfs` is an engine whose disk has at most 100 MB; one is needed. A name with `containerd` is one with
//! that image store; one is needed, too.
#![allow(clippy::unwrap_used)]

mod bench;
mod containerd_store;
mod containers;
mod disturbances;
mod loads;
mod parallel;
