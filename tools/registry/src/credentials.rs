//! Credentials of registries: where they are looked for, in which order, and who gave them.
//!
//! 1. a credential helper as Bazel has them: `--credential-helper`, `STEVEDORE_CREDENTIAL_HELPER`
//! 2. the file that `REGISTRY_AUTH_FILE` names, podman's and skopeo's variable
//! 3. `DOCKER_AUTH_CONFIG`: the `auths` themselves, in a variable
//! 4. the Docker CLI's `config.json`, in `DOCKER_CONFIG` or `~/.docker`
//! 5. podman's `containers/auth.json`, in `XDG_RUNTIME_DIR`, else in `/run/containers/<user>`
//! 6. the same in `XDG_CONFIG_HOME`, else in `~/.config`
//! 7. nothing: the registry is asked anonymously
//!
//! Whoever has credentials for the registry ends the search; whoever fails ends it too: a push that would go on without the
//! credentials that somebody has set up fails later, and says less. What the two kinds of files mean is in the module `file`.

mod bazel_helper;
mod docker_helper;
mod error;
mod file;
mod key;
mod process;
mod rule;
mod secret;
mod source;
mod surroundings;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

pub use error::{CredentialError, HelperError};
pub use rule::HelperRule;
pub use secret::Secret;
pub use source::Source;
pub use surroundings::Surroundings;

use file::{AuthFile, Helper};
use process::Call;

/// How long a helper may take if nobody says otherwise; one that asks a cloud's servers needs seconds.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a helper's answer is used again. Many repositories are often in one registry, and what a helper gives may be
/// valid for less than an upload takes.
const ANSWER_AGE: Duration = Duration::from_secs(300);

/// Where credentials are looked for.
///
/// Nothing is read before the first question. Files are read again for each question; a helper that was asked the same in the
/// last minutes is not run again.
pub struct Sources {
    helpers: Vec<HelperRule>,
    surroundings: Surroundings,
    patience: Duration,
    /// What helpers have answered. Locked while one runs, so that questions at once start it once.
    answers: Mutex<HashMap<Call, (Instant, Secret)>>,
}

/// What a registry is shown, and who gave it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What the registry is shown.
    pub secret: Secret,
    /// Who gave it.
    pub source: Source,
}

/// For what credentials are wanted.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    registry: &'a str,
    repository: &'a str,
    uri: &'a str,
}

impl Sources {
    /// Looks in `surroundings`, and asks `helpers`, of which a later one replaces an earlier one for the same pattern.
    pub fn new(helpers: Vec<HelperRule>, surroundings: Surroundings) -> Self {
        Self {
            helpers,
            surroundings,
            patience: DEFAULT_PATIENCE,
            answers: Mutex::default(),
        }
    }

    /// Lets a helper take so long; 30 seconds if this is not said.
    #[must_use]
    pub fn with_helper_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The credentials for `repository` (`library/app`) at `registry` (`docker.io`, `localhost:5000`).
    ///
    /// `uri` is what is going to be asked for: Bazel's helpers are chosen by its host, and are told it.
    ///
    /// # Errors
    /// If a file that is there makes no sense, or a helper that is to be asked does not answer. No secret is in the error.
    pub async fn find(
        &self,
        registry: &str,
        repository: &str,
        uri: &str,
    ) -> Result<Credentials, CredentialError> {
        let wanted = Wanted {
            registry,
            repository,
            uri,
        };
        let mut asked = Vec::new();
        if let Some(rule) = self.rule(wanted)? {
            let found = self.ask_bazel_helper(&rule, wanted).await?;
            let source = Source::BazelHelper {
                program: rule.program().to_owned(),
            };
            if let Some(credentials) = found.with_source(source) {
                return Ok(credentials);
            }
            asked.push(format!("the credential helper `{}`", rule.program()));
        }
        for place in self.surroundings.places() {
            if let Some(file) = AuthFile::read(&place)? {
                if let Some(credentials) = self.look_into(&file, wanted).await? {
                    return Ok(credentials);
                }
            }
            asked.push(format!("`{}`", place.name));
        }
        let registry = registry.to_owned();
        Ok(Credentials {
            secret: Secret::None,
            source: Source::Anonymous { registry, asked },
        })
    }

    /// The one Bazel helper that is meant for what is wanted; the variable's rules come before the flags'.
    fn rule(&self, wanted: Wanted<'_>) -> Result<Option<HelperRule>, CredentialError> {
        let mut rules = rule::of_variable(&self.surroundings)?;
        rules.extend(self.helpers.iter().cloned());
        Ok(rule::most_specific(&rules, wanted).cloned())
    }

    async fn ask_bazel_helper(
        &self,
        rule: &HelperRule,
        wanted: Wanted<'_>,
    ) -> Result<Secret, CredentialError> {
        let asked = async {
            let program = rule.locate(&self.surroundings)?;
            let call = bazel_helper::call(program, wanted.uri, &self.surroundings);
            self.ask(call, bazel_helper::read).await
        };
        asked.await.map_err(|source| CredentialError::Helper {
            registry: wanted.registry.to_owned(),
            program: rule.program().to_owned(),
            named_by: rule.origin(),
            source,
        })
    }

    /// What one file says: with `credHelpers` for this registry only that helper's word counts, as for the Docker CLI and
    /// for podman. Otherwise `auths`, as podman reads it, which knows no `credsStore`; then `credsStore`.
    async fn look_into(
        &self,
        file: &AuthFile,
        wanted: Wanted<'_>,
    ) -> Result<Option<Credentials>, CredentialError> {
        if let Some(helper) = file.registry_helper(wanted.registry) {
            return self.ask_docker_helper(helper, wanted).await;
        }
        if let Some((key, secret)) = file.entry(wanted.registry, wanted.repository)? {
            let source = Source::Entry {
                key,
                file: file.name().to_owned(),
            };
            return Ok(secret.with_source(source));
        }
        match file.store(wanted.registry) {
            Some(helper) => self.ask_docker_helper(helper, wanted).await,
            None => Ok(None),
        }
    }

    async fn ask_docker_helper(
        &self,
        helper: Helper,
        wanted: Wanted<'_>,
    ) -> Result<Option<Credentials>, CredentialError> {
        let asked = async {
            let program = self.surroundings.on_path(&helper.program);
            let program = program.ok_or(HelperError::Missing)?;
            let call = docker_helper::call(program, &helper.server);
            self.ask(call, docker_helper::read).await
        };
        let secret = asked.await.map_err(|source| CredentialError::Helper {
            registry: wanted.registry.to_owned(),
            program: helper.program.clone(),
            named_by: helper.to_string(),
            source,
        })?;
        Ok(secret.with_source(Source::DockerHelper {
            program: helper.program,
            setting: helper.setting,
            file: helper.file,
        }))
    }

    async fn ask(
        &self,
        call: Call,
        read: fn(process::Finished) -> Result<Secret, HelperError>,
    ) -> Result<Secret, HelperError> {
        let mut answers = self.answers.lock().await;
        if let Some((when, secret)) = answers.get(&call) {
            if when.elapsed() < ANSWER_AGE {
                return Ok(secret.clone());
            }
        }
        let secret = read(call.run(self.patience).await?)?;
        answers.insert(call, (Instant::now(), secret.clone()));
        Ok(secret)
    }
}

impl Secret {
    fn with_source(self, source: Source) -> Option<Credentials> {
        match self {
            Self::None => None,
            secret => Some(Credentials { secret, source }),
        }
    }
}

#[cfg(test)]
mod tests;
