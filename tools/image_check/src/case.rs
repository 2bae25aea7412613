//! One expectation, and whether it is met.

use std::time::Duration;

/// One expectation, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is called: `file /etc/app.conf`.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How long that took.
    pub elapsed: Duration,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is met.
    Passed,
    /// It is not. Each text tells one difference, perhaps on several lines.
    Failed(Vec<String>),
    /// Nobody knows, for this reason.
    Skipped(String),
}

impl Case {
    /// A case that is met if there are no `differences`.
    pub(crate) fn new(name: String, differences: Vec<String>) -> Self {
        Self {
            name,
            outcome: match differences.is_empty() {
                true => Outcome::Passed,
                false => Outcome::Failed(differences),
            },
            elapsed: Duration::ZERO,
        }
    }

    /// A case of which nobody knows whether it is met, for a reason.
    pub fn skipped(name: String, reason: String) -> Self {
        Self {
            name,
            outcome: Outcome::Skipped(reason),
            elapsed: Duration::ZERO,
        }
    }

    /// Whether it is not met.
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}
