//! Values that commands need and nobody else may see.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A value with a name.
pub struct Secret {
    /// The name of its file below `/run/secrets`.
    pub name: String,
    /// The value.
    pub value: Vec<u8>,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It does not say where its value is.
    #[error("the secret `{name}` is `{found}`; expected `file:PATH` or `env:NAME`")]
    Source {
        /// The secret's name.
        name: String,
        /// What there is.
        found: String,
    },
    /// Its file cannot be read.
    #[error("failed to read the secret `{name}` from `{path}`")]
    Read {
        /// The secret's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no such variable.
    #[error(
        "the secret `{name}` is the environment variable `{variable}`, and there is none; set it, and declare it in \
         `MODULE.bazel` with `oci.secret(env = \"{variable}\")`, so that an action sees it"
    )]
    Variable {
        /// The secret's name.
        name: String,
        /// The variable.
        variable: String,
    },
}

/// Where secrets come from.
pub struct SecretPlaces<'a> {
    /// A directory that has a file for each environment variable that the module declares.
    pub variables: Option<&'a Path>,
    /// Gives an environment variable of this process.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl SecretPlaces<'_> {
    /// Reads all of `secrets`: names, and where the values are.
    ///
    /// # Errors
    /// If one cannot be had.
    pub fn read(&self, secrets: &BTreeMap<String, String>) -> Result<Vec<Secret>, SecretError> {
        let read = |(name, from): (&String, &String)| {
            let value = match from.split_once(':') {
                Some(("file", path)) => self.read_file(name, path)?,
                Some(("env", variable)) => self.read_variable(name, variable)?,
                _ => {
                    return Err(SecretError::Source {
                        name: name.clone(),
                        found: from.clone(),
                    })
                }
            };
            Ok(Secret {
                name: name.clone(),
                value,
            })
        };
        secrets.iter().map(read).collect()
    }

    fn read_file(&self, name: &str, path: &str) -> Result<Vec<u8>, SecretError> {
        let home = || (self.variable)("HOME").map(PathBuf::from);
        let path = match (path.strip_prefix("~/"), home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        };
        fs::read(&path).map_err(|source| SecretError::Read {
            name: name.to_owned(),
            path,
            source,
        })
    }

    fn read_variable(&self, name: &str, variable: &str) -> Result<Vec<u8>, SecretError> {
        if let Some(value) = (self.variable)(variable) {
            return Ok(value.into_encoded_bytes());
        }
        let file = self.variables.map(|directory| directory.join(variable));
        let value = file.and_then(|file| fs::read(file).ok());
        value.ok_or_else(|| SecretError::Variable {
            name: name.to_owned(),
            variable: variable.to_owned(),
        })
    }
}

impl SecretPlaces<'static> {
    /// This process's environment, and the files in `variables`.
    pub fn of_process(variables: Option<&Path>) -> SecretPlaces<'_> {
        SecretPlaces {
            variables,
            variable: &|name| env::var_os(name),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(from: &str, directory: &Path) -> Result<Vec<u8>, SecretError> {
        let places = SecretPlaces {
            variables: Some(directory),
            variable: &|name| match name {
                "HOME" => Some(directory.into()),
                "SET" => Some("of the process".into()),
                _ => None,
            },
        };
        let secrets = BTreeMap::from([("name".to_owned(), from.to_owned())]);
        let read = places.read(&secrets)?;
        Ok(read.into_iter().next().unwrap().value)
    }

    #[test]
    fn values_come_from_files_and_variables() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("TOKEN"), "of the module").unwrap();
        let path = directory.path().join("TOKEN");
        for (from, expected) in [
            ("env:SET", "of the process"),
            ("env:TOKEN", "of the module"),
            ("file:~/TOKEN", "of the module"),
            (&format!("file:{}", path.display()), "of the module"),
        ] {
            let value = read(from, directory.path()).unwrap();
            assert_eq!(value, expected.as_bytes(), "{from}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_without_a_value() {
        let directory = tempfile::tempdir().unwrap();
        for (from, expected) in [
            ("env:UNSET", "oci.secret(env = \"UNSET\")"),
            ("file:/nowhere/x", "`/nowhere/x`"),
            ("hunter2", "expected `file:PATH` or `env:NAME`"),
        ] {
            let error = read(from, directory.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
