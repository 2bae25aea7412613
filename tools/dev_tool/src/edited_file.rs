//! A file of the repository that is changed for a while, and given back as it was.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cleanup::Cleanup;

/// Puts the file's content back when dropped, or when the process is interrupted.
pub(crate) struct EditedFile {
    path: PathBuf,
    original: Vec<u8>,
    _restore: Cleanup,
}

impl EditedFile {
    /// Appends `text` to the file at `path`.
    pub(crate) fn append(path: &Path, text: &str) -> Result<Self> {
        let original =
            fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let (restored, content) = (path.to_owned(), original.clone());
        let restore = Cleanup::new(move || write(&restored, &content));
        let file = Self {
            path: path.to_owned(),
            original,
            _restore: restore,
        };
        file.set_appended(text)?;
        Ok(file)
    }

    /// Replaces what was appended.
    pub(crate) fn set_appended(&self, text: &str) -> Result<()> {
        let mut content = self.original.clone();
        content.extend_from_slice(text.as_bytes());
        write(&self.path, &content)
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("failed to write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_comes_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        fs::write(&path, "a")?;
        let edited = EditedFile::append(&path, "b")?;
        assert_eq!(fs::read(&path)?, b"ab");
        edited.set_appended("c")?;
        assert_eq!(fs::read(&path)?, b"ac");
        drop(edited);
        assert_eq!(fs::read(&path)?, b"a");
        Ok(())
    }
}
