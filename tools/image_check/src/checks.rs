//! All expectations, in the order in which they are told.

use stevedore_image::file_system::FileSystem;

use crate::absence::AbsenceCheck;
use crate::case::Case;
use crate::command::CommandCheck;
use crate::config::{ConfigCheck, ImageConfig};
use crate::content::Contents;
use crate::error::Error;
use crate::expected::Expected;
use crate::file::FileCheck;
use crate::layers::LayersCheck;
use crate::policy::PolicyCheck;

/// Expectations, ready to be compared with an image.
#[derive(Debug)]
pub struct Checks {
    label: String,
    config: Vec<ConfigCheck>,
    layers: Vec<LayersCheck>,
    files: Vec<FileCheck>,
    absences: Vec<AbsenceCheck>,
    policies: Vec<PolicyCheck>,
    commands: Vec<CommandCheck>,
}

/// What has to be known of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The sizes of its layers.
    pub sizes: bool,
    /// Its files.
    pub files: bool,
    /// What commands do in it.
    pub commands: bool,
}

/// What is known of an image.
pub struct Subject<'a> {
    /// Its config.
    pub config: &'a ImageConfig,
    /// The sizes of its layers in bytes, uncompressed, the bottom one first; zeros if they were not asked for.
    pub sizes: &'a [u64],
    /// Its files; `None` if they were not asked for.
    pub contents: Option<&'a Contents>,
}

impl Checks {
    /// Takes what the target `label` expects.
    ///
    /// # Errors
    /// If an expectation is malformed, or contradicts another one.
    pub fn new(label: &str, expected: Expected) -> Result<Self, Error> {
        let files = expected.files.into_iter();
        let files = files.map(|(path, file)| FileCheck::new(path, file));
        let absences = expected.absent.into_iter();
        let absences = absences.map(|pattern| AbsenceCheck::new(label, pattern));
        let policies = expected.policies.into_iter();
        let policies = policies.map(|policy| PolicyCheck::new(label, policy, &expected.exempt));
        let commands = expected.commands.into_iter().map(CommandCheck::new);
        let checks = Self {
            label: label.to_owned(),
            config: ConfigCheck::all(expected.config)?,
            layers: LayersCheck::all(expected.layers),
            files: files.collect::<Result<_, _>>()?,
            absences: absences.collect::<Result<_, _>>()?,
            policies: policies.collect::<Result<_, _>>()?,
            commands: commands.collect::<Result<_, _>>()?,
        };
        for absence in &checks.absences {
            for file in &checks.files {
                absence.check_against(file.path())?;
            }
        }
        Ok(checks)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.config.len()
            + self.layers.len()
            + self.files.len()
            + self.absences.len()
            + self.policies.len()
            + self.commands.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops those whose names are not `wanted`, which is asked in the order in which they are told.
    pub fn keep(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.config.retain(|check| wanted(&check.name()));
        self.layers.retain(|check| wanted(&check.name()));
        self.files.retain(|check| wanted(&check.name()));
        self.absences.retain(|check| wanted(&check.name()));
        self.policies.retain(|check| wanted(&check.name()));
        self.commands.retain(|check| wanted(&check.name()));
    }

    /// What has to be known.
    pub fn needs(&self) -> Needs {
        let of_files = [self.files.len(), self.absences.len(), self.policies.len()];
        Needs {
            sizes: self.layers.iter().any(|check| check.needs_sizes()),
            files: of_files.iter().sum::<usize>() > 0,
            commands: !self.commands.is_empty(),
        }
    }

    /// Those about commands.
    pub fn commands(&self) -> &[CommandCheck] {
        &self.commands
    }

    /// Reads what is expected of files.
    ///
    /// # Errors
    /// If a layer cannot be read.
    pub fn read(&self, files: FileSystem) -> Result<Contents, Error> {
        Contents::read(files, self.files.iter())
    }

    /// Compares all but the commands.
    ///
    /// # Errors
    /// If a file cannot be read that another is compared with.
    pub fn examine(&self, subject: &Subject<'_>) -> Result<Vec<Case>, Error> {
        let mut cases = Vec::new();
        for check in &self.config {
            cases.push(Case::new(check.name(), check.compare(subject.config)));
        }
        for check in &self.layers {
            cases.push(Case::new(check.name(), check.compare(subject.sizes)));
        }
        let Some(contents) = subject.contents else {
            return Ok(cases);
        };
        for check in &self.files {
            let differences = check.compare(&self.label, contents)?;
            cases.push(Case::new(check.name(), differences));
        }
        for check in &self.absences {
            cases.push(Case::new(check.name(), check.compare(&contents.files)));
        }
        for check in &self.policies {
            cases.push(Case::new(check.name(), check.compare(&contents.files)));
        }
        Ok(cases)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
