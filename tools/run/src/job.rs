//! What the agent is told to do.

use base64::prelude::{Engine as _, BASE64_STANDARD};
use stevedore_agent::{Collect, Job, PlacedInput};

use crate::base::BaseConfig;
use crate::secret::Secret;
use crate::spec::{CollectSpec, RunSpec};

/// The variable with the latest time of files, in seconds since 1970
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The job that `spec` describes, in an image with the config `base`.
pub(crate) fn job(
    spec: &RunSpec,
    base: &BaseConfig,
    secrets: &[Secret],
    placed_inputs: Vec<PlacedInput>,
) -> Job {
    let or = |given: &String, other: &String| match given.is_empty() {
        true => other.clone(),
        false => given.clone(),
    };
    let mut env = base.env.clone();
    env.extend(spec.env.clone());
    Job {
        commands: spec.executed(),
        env,
        user: or(&spec.user, &base.user),
        workdir: or(&spec.workdir, &base.workdir),
        secrets: secrets
            .iter()
            .map(|secret| stevedore_agent::Secret {
                name: secret.name.clone(),
                content: BASE64_STANDARD.encode(&secret.value),
            })
            .collect(),
        placed_inputs,
        collect: match &spec.collect {
            CollectSpec::Files(files) => Collect::Files {
                paths: files.iter().map(|file| file.path.clone()).collect(),
            },
            CollectSpec::Layer(_) => Collect::Layer {
                latest_mtime: latest_mtime(spec),
                exclude: base.volumes.clone(),
            },
            CollectSpec::Output => Collect::Output,
        },
    }
}

/// The latest time that an entry of the layer has; `None` if times are kept.
fn latest_mtime(spec: &RunSpec) -> Option<i64> {
    match &spec.collect {
        CollectSpec::Layer(layer) if layer.normalize => {
            let epoch = spec.env.get(SOURCE_DATE_EPOCH);
            Some(epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(0))
        }
        _ => None,
    }
}
