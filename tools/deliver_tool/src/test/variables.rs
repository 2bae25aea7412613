//! The variables that tell a test its images.

use std::collections::BTreeMap;
use std::env;

use stevedore_delivery::{Consignment, TestSpec};

/// A variable has a value already.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{variable}` is set twice: by `images` of `{label}`, and in the environment, to `{value}`; drop one of them (`--test_env`, \
     `env` of the test, the shell in which `bazel run` was called)"
)]
pub(crate) struct SetTwice {
    variable: String,
    label: String,
    value: String,
}

/// Refuses a variable that the environment has already: one of the two values would be lost without a word.
pub(super) fn check(spec: &TestSpec) -> Result<(), SetTwice> {
    for variable in spec.variables.keys() {
        if let Some(value) = env::var_os(variable) {
            return Err(SetTwice {
                variable: variable.clone(),
                label: spec.label.clone(),
                value: value.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

/// Each variable with the first name of its image.
pub(super) fn of_images(
    spec: &TestSpec,
    consignments: &[Consignment],
) -> anyhow::Result<BTreeMap<String, String>> {
    let reference = |(variable, index): (&String, &usize)| {
        let reference = consignments
            .get(*index)
            .and_then(|consignment| consignment.references().first());
        let reference = reference.ok_or_else(|| {
            anyhow::anyhow!(
                "the delivery file of `{}` has no image for `{variable}`; were it and this tool built from the same version of \
                 rules_stevedore?",
                spec.label
            )
        })?;
        Ok((variable.clone(), reference.familiar()))
    };
    spec.variables.iter().map(reference).collect()
}
