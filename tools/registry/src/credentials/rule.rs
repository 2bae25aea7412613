//! Which credential helper of Bazel's kind is meant for which host.
//!
//! As Bazel's `--credential_helper`: [`CredentialHelperProvider`](https://github.com/bazelbuild/bazel/blob/204f0444fda5cb17c65b58c1055d16ef36c68eb5/src/main/java/com/google/devtools/build/lib/authandtls/credentialhelper/CredentialHelperProvider.java).

use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;

use super::{CredentialError, HelperError, Surroundings, Wanted};

/// The variable that names helpers as the flag does, several separated by blanks.
const VARIABLE: &str = "STEVEDORE_CREDENTIAL_HELPER";

/// A credential helper, and the hosts that it is for: `[PATTERN=]PATH`.
///
/// The pattern is a host, or `*.example.com` for that domain and all below it. The path is absolute, or begins with
/// `%workspace%`, or is relative to the folder that the user is in, or is the name of a program on `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperRule {
    hosts: Hosts,
    program: String,
    of_variable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Below(String),
    One(String),
}

impl HelperRule {
    /// The program, as it was named.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Who names it.
    pub(super) fn origin(&self) -> String {
        match self.of_variable {
            true => format!("`{VARIABLE}`"),
            false => "`--credential-helper`".to_owned(),
        }
    }

    /// How well it fits `host`; nothing if it does not.
    fn fits(&self, host: &str) -> Option<usize> {
        match &self.hosts {
            Hosts::All => Some(0),
            Hosts::Below(domain) => {
                let parent = host.strip_suffix(domain.as_str())?;
                (parent.is_empty() || parent.ends_with('.')).then_some(domain.len())
            }
            Hosts::One(one) => (one == host).then_some(usize::MAX),
        }
    }

    /// The program's path.
    pub(super) fn locate(&self, surroundings: &Surroundings) -> Result<PathBuf, HelperError> {
        if let Some(rest) = self.program.strip_prefix("%workspace%") {
            let workspace = surroundings.variable("BUILD_WORKSPACE_DIRECTORY");
            let workspace = workspace.ok_or(HelperError::NoWorkspace)?;
            return Ok(PathBuf::from(format!("{workspace}{rest}")));
        }
        if !self.program.contains('/') {
            return surroundings
                .on_path(&self.program)
                .ok_or(HelperError::Missing);
        }
        // `bazel run` starts a program elsewhere, and tells where the user is.
        let here = surroundings.variable("BUILD_WORKING_DIRECTORY");
        let here = here.map(PathBuf::from).unwrap_or_default();
        Ok(here.join(&self.program))
    }
}

impl FromStr for HelperRule {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let refused = |reason| CredentialError::Rule {
            found: text.to_owned(),
            reason,
        };
        let (hosts, program) = match text.split_once('=') {
            Some((pattern, program)) => (parse_pattern(pattern).map_err(refused)?, program),
            None => (Hosts::All, text),
        };
        match program {
            "" => Err(refused("there is no path")),
            program => Ok(Self {
                hosts,
                program: program.to_owned(),
                of_variable: false,
            }),
        }
    }
}

fn parse_pattern(pattern: &str) -> Result<Hosts, &'static str> {
    let (domain, is_wildcard) = match pattern.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (pattern, false),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let domain = domain.to_ascii_lowercase();
    match domain.split('.').all(is_label) {
        true if is_wildcard => Ok(Hosts::Below(domain)),
        true => Ok(Hosts::One(domain)),
        false => Err("the pattern is no host name without a port, and none behind `*.`"),
    }
}

/// The rules of the variable.
pub(super) fn of_variable(surroundings: &Surroundings) -> Result<Vec<HelperRule>, CredentialError> {
    let variable = surroundings.variable(VARIABLE).unwrap_or_default();
    let rules = variable.split_whitespace().map(|text| {
        let mut rule: HelperRule = text.parse()?;
        rule.of_variable = true;
        Ok(rule)
    });
    rules.collect()
}

/// The rule that fits best, the last one if several do as well.
///
/// The host is that of the request, as in Bazel, or that of the image's name: for Docker Hub they differ.
pub(super) fn most_specific<'a>(
    rules: &'a [HelperRule],
    wanted: Wanted<'_>,
) -> Option<&'a HelperRule> {
    let of_uri = wanted.uri.parse::<Uri>().ok();
    let of_uri = of_uri.and_then(|uri| Some(uri.host()?.to_ascii_lowercase()));
    let of_name = host(wanted.registry).to_ascii_lowercase();
    let hosts: Vec<String> = of_uri.into_iter().chain([of_name]).collect();
    let fits = |rule: &HelperRule| hosts.iter().filter_map(|host| rule.fits(host)).max();
    let fitting = rules.iter().filter_map(|rule| Some((fits(rule)?, rule)));
    fitting.max_by_key(|(fit, _)| *fit).map(|(_, rule)| rule)
}

/// `registry` without its port.
fn host(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => registry,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn chosen(rules: &[&str], registry: &str, uri: &str) -> String {
        let rules: Vec<HelperRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let wanted = Wanted {
            registry,
            repository: "app",
            uri,
        };
        let rule = most_specific(&rules, wanted);
        rule.map_or("none", |rule| rule.program()).to_owned()
    }

    #[test]
    fn the_most_specific_pattern_wins_wherever_it_stands() {
        let rules = [
            "one.example.com=/one",
            "/all",
            "*.example.com=/domain",
            "*.b.example.com=/deeper",
        ];
        for (registry, expected) in [
            ("one.example.com:5000", "/one"),
            ("two.example.com", "/domain"),
            ("example.com", "/domain"),
            ("a.b.example.com", "/deeper"),
            ("b.example.com", "/deeper"),
            ("anexample.com", "/all"),
            ("localhost:5000", "/all"),
        ] {
            let uri = format!("https://{registry}/v2/");
            assert_eq!(chosen(&rules, registry, &uri), expected, "{registry}");
        }
        assert_eq!(chosen(&rules[..1], "x.io", "https://x.io/v2/"), "none");
    }

    #[test]
    fn the_last_of_the_same_pattern_wins() {
        let rules = ["/first", "/second"];
        assert_eq!(chosen(&rules, "x.io", "https://x.io/"), "/second");
    }

    #[test]
    fn docker_hub_is_known_by_both_of_its_names() {
        let uri = "https://registry-1.docker.io/v2/library/app/";
        for rule in ["docker.io=/x", "registry-1.docker.io=/x", "*.docker.io=/x"] {
            assert_eq!(chosen(&[rule], "docker.io", uri), "/x", "{rule}");
        }
    }

    #[test]
    fn patterns_that_are_no_hosts_are_refused() {
        for (text, reason) in [
            ("", "there is no path"),
            ("example.com=", "there is no path"),
            ("=/x", "the pattern is no host name"),
            ("*=/x", "the pattern is no host name"),
            ("example.com:5000=/x", "without a port"),
            ("a..b=/x", "the pattern is no host name"),
        ] {
            let error = text.parse::<HelperRule>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
