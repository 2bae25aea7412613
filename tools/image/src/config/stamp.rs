//! The values of the workspace status in what an image's attributes say about its config.

use super::ConfigSpec;
use crate::error::Error;
use crate::status::Status;

impl ConfigSpec {
    /// Replaces the placeholders in all values that may have them. A time that has any is not set in a build that is not
    /// stamped.
    ///
    /// # Errors
    /// If a placeholder is not known.
    pub fn stamp(&mut self, status: &Status) -> Result<(), Error> {
        let texts = self
            .env
            .iter_mut()
            .map(|(_, value)| value)
            .chain(self.labels.values_mut())
            .chain(&mut self.history)
            .chain(&mut self.author)
            .chain(&mut self.comment);
        for text in texts {
            *text = status.fill_in(text)?;
        }
        if let Some(created) = &mut self.created {
            let filled_in = status.fill_in(created)?;
            match filled_in != *created && status.is_unstamped() {
                true => self.created = None,
                false => *created = filled_in,
            }
        }
        Ok(())
    }
}
