//! Arguments that come from a file, as Bazel hands over long command lines.

use std::ffi::OsString;
use std::fs;

use anyhow::Context;

/// Replaces `@FILE`, if it is the only argument, by the lines of the file.
pub(crate) fn expand(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<Vec<OsString>> {
    let arguments: Vec<OsString> = arguments.collect();
    let [program, only] = &arguments[..] else {
        return Ok(arguments);
    };
    let Some(path) = only.to_str().and_then(|only| only.strip_prefix('@')) else {
        return Ok(arguments);
    };
    let text = fs::read_to_string(path)
        .with_context(|| format!("failed to read the arguments in `{path}`"))?;
    Ok(std::iter::once(program.clone())
        .chain(text.lines().map(OsString::from))
        .collect())
}
