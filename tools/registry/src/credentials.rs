//! Credentials of registries, and where they are looked for.
