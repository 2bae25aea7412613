//! `stevedore-agent`: the first process of the container that a `RUN` happens in.

fn main() {}
