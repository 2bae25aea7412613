//! Expectations that cannot be checked.

/// Why expectations make no sense, or an image cannot be compared with them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is no regular expression.
    #[error("`{pattern}` of {place} is no regular expression that is understood here ({reason}); see https://docs.rs/regex-lite/latest/regex_lite/#syntax")]
    Pattern {
        /// What expects it: `file /etc/x: content`.
        place: String,
        /// The expression.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A mode is none.
    #[error("the mode `{found}` of `{path}` is not an octal number of three or four digits, for example `0644`")]
    Mode {
        /// The path in the image.
        path: String,
        /// The mode.
        found: String,
    },
    /// Something is expected at a path at which nothing is expected.
    #[error(
        "`{path}` is expected to be there, and `{pattern}` to be absent: leave one of them out"
    )]
    Contradiction {
        /// The path in the image.
        path: String,
        /// What matches it.
        pattern: String,
    },
    /// The config is none.
    #[error("the config of the image cannot be used")]
    Config(#[source] serde_json::Error),
    /// A file to compare with cannot be read.
    #[error("failed to read `{}`, the expected content of `{path}`", file.display())]
    ContentFile {
        /// The path in the image.
        path: String,
        /// The file of this machine.
        file: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The layers cannot be read, or a glob or an owner is malformed.
    #[error(transparent)]
    Image(#[from] stevedore_image::Error),
}

impl Error {
    /// Whether the expectations are at fault, rather than files.
    pub fn is_about_expectations(&self) -> bool {
        match self {
            Self::Pattern { .. } | Self::Mode { .. } | Self::Contradiction { .. } => true,
            Self::Image(error) => matches!(
                error,
                stevedore_image::Error::InvalidAttribute { .. }
                    | stevedore_image::Error::InvalidOwner { .. }
            ),
            _ => false,
        }
    }
}
