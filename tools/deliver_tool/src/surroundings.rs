//! The environment of the user, for a process that a build action starts without it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;

/// Sets the variables in the file `path` that this process does not have; none if it is not there. To be called before anything
/// runs beside this.
pub(crate) fn take(path: &Path) -> anyhow::Result<()> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("failed to read `{}`", path.display()))
        }
    };
    let variables: BTreeMap<String, String> = serde_json::from_slice(&text)
        .with_context(|| format!("`{}` is no JSON object of strings", path.display()))?;
    for (name, value) in variables {
        if env::var_os(&name).is_none_or(|value| value.is_empty()) {
            env::set_var(name, value);
        }
    }
    Ok(())
}
