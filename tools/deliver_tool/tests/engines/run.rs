//! Commands that run in an image, in every engine and without one.

mod bad;
mod commands;
mod extract;
mod interruptions;
mod job;
mod layers;
mod runners;
