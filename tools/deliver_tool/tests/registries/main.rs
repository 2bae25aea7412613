//! Pushes into real registries: all those of `STEVEDORE_TEST_REGISTRIES`, such as
//! `distribution-3=127.0.0.1:5000,distribution-2@tls=127.0.0.1:5001;ca=/ca.pem`.
//!
//! Names are those of `dev/registry`; `dev/registry start NAME…` starts some and prints the variable, `dev/test registries`
//! starts all that are needed. Most tests go through a proxy that writes down what is asked, and does what a registry does
//! not do at a chosen moment.
#![allow(clippy::unwrap_used)]

mod auth;
mod bad_input;
mod bench;
mod faults;
mod fetch;
mod images;
mod interrupted;
mod listed;
mod login;
mod proxies;
mod refusals;
mod several;
mod tls;
mod token_server;
