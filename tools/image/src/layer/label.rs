//! The label of a target, as messages name it.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use serde::Deserialize;

/// A label; many entries of a layer share one.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Label(Rc<str>);

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Deref for Label {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
