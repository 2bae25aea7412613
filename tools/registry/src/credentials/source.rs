//! Who gave credentials.

use std::fmt;

/// Who gave credentials, for messages: never what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A credential helper as Bazel has them.
    BazelHelper {
        /// The program, as it was named.
        program: String,
    },
    /// An entry of a file's `auths`.
    Entry {
        /// The entry.
        key: String,
        /// The file, or the variable.
        file: String,
    },
    /// A helper as Docker has them, which a file names.
    DockerHelper {
        /// The program's name.
        program: String,
        /// `credHelpers` or `credsStore`.
        setting: &'static str,
        /// The file.
        file: String,
    },
    /// Nobody.
    Anonymous {
        /// The registry.
        registry: String,
        /// Who was asked, each as a phrase.
        asked: Vec<String>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BazelHelper { program } => write!(f, "the credential helper `{program}`"),
            Self::Entry { key, file } => write!(f, "`{key}` in `auths` of `{file}`"),
            Self::DockerHelper {
                program,
                setting,
                file,
            } => write!(f, "`{setting}` of `{file}` (`{program}`)"),
            Self::Anonymous { registry, asked } if asked.is_empty() => {
                write!(
                    f,
                    "anonymous: there is nowhere to look for credentials for `{registry}`"
                )
            }
            Self::Anonymous { registry, asked } => write!(
                f,
                "anonymous: none of {} has credentials for `{registry}`",
                asked.join(", ")
            ),
        }
    }
}
