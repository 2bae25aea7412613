//! Loads into real engines: all those of `STEVEDORE_TEST_ENGINES`, such as
//! `docker-20=unix:///a.sock,docker-28=unix:///b.sock,docker-28@tmpfs:64m=unix:///c.sock`.
//!
//! Names are those of `dev/engine`. One with `tmpfs` is an engine whose disk has at most 100 MB. `dev/test "engine tests"`
//! starts all that are needed.
#![allow(clippy::unwrap_used)]

mod bench;
mod containerd;
mod containerd_store;
mod containers;
mod disturbances;
mod listed;
mod loads;
mod marks;
mod node;
mod parallel;
mod podman;
mod podman_disturbances;
mod podman_way;
mod prune;
mod pulled;
mod remote;
mod run;
mod several;
mod unnamed;
