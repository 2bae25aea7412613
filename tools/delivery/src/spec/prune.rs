//! What a target that removes images of tests has in its file.

use serde::Deserialize;

/// Images of tests are removed; which ones is said when that happens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneSpec {
    /// The target, such as `@@rules_stevedore+//oci:prune`.
    pub label: String,
}
