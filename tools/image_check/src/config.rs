//! An image's config, compared with what is expected of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use regex_lite::Regex;
use serde::de::IgnoredAny;
use serde::Deserialize;

use crate::difference::difference;
use crate::error::Error;
use crate::expected::ExpectedConfig;
use crate::text::{pattern, shown};

/// What a config says of a container. See <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    env: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    user: String,
    workdir: String,
    stop_signal: String,
    exposed_ports: BTreeSet<String>,
    volumes: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Document {
    config: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
    exposed_ports: Option<BTreeMap<String, IgnoredAny>>,
    volumes: Option<BTreeMap<String, IgnoredAny>>,
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// If it is not JSON, or not a config.
    pub fn read(config: &[u8]) -> Result<Self, Error> {
        let document: Document = serde_json::from_slice(config).map_err(Error::Config)?;
        let settings = document.config.unwrap_or_default();
        let variables = settings.env.unwrap_or_default();
        let variables = variables.iter().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (name.to_owned(), value.to_owned())
        });
        let names = |map: Option<BTreeMap<String, IgnoredAny>>| {
            map.unwrap_or_default().into_keys().collect()
        };
        Ok(Self {
            env: variables.collect(),
            labels: settings.labels.unwrap_or_default(),
            entrypoint: settings.entrypoint.unwrap_or_default(),
            cmd: settings.cmd.unwrap_or_default(),
            user: settings.user.unwrap_or_default(),
            workdir: settings.working_dir.unwrap_or_default(),
            stop_signal: settings.stop_signal.unwrap_or_default(),
            exposed_ports: names(settings.exposed_ports),
            volumes: names(settings.volumes),
        })
    }

    /// The program and arguments of a container that is given `arguments`, instead of `Cmd` if there are some.
    pub fn command(&self, arguments: &[String]) -> Vec<String> {
        let arguments = match arguments.is_empty() {
            true => &self.cmd[..],
            false => arguments,
        };
        [&self.entrypoint[..], arguments].concat()
    }
}

/// One thing that is expected of a config.
#[derive(Debug)]
pub(crate) enum ConfigCheck {
    Entrypoint(Vec<String>),
    Cmd(Vec<String>),
    User(String),
    Workdir(String),
    StopSignal(String),
    ExposedPorts(BTreeSet<String>),
    Volumes(BTreeSet<String>),
    Variable(String, Vec<ValueCheck>),
    Label(String, Vec<ValueCheck>),
    NoVariable(String),
    NoLabel(String),
}

/// What is expected of the value of a variable or label.
#[derive(Debug)]
pub(crate) enum ValueCheck {
    Is(String),
    Matches(Regex),
}

impl ConfigCheck {
    /// Each expectation by itself.
    pub(crate) fn all(expected: ExpectedConfig) -> Result<Vec<Self>, Error> {
        let mut checks = Vec::new();
        checks.extend(expected.entrypoint.map(Self::Entrypoint));
        checks.extend(expected.cmd.map(Self::Cmd));
        checks.extend(expected.user.map(Self::User));
        checks.extend(expected.workdir.map(Self::Workdir));
        checks.extend(expected.stop_signal.map(Self::StopSignal));
        let set = |names: Vec<String>| names.into_iter().collect();
        checks.extend(expected.exposed_ports.map(set).map(Self::ExposedPorts));
        checks.extend(expected.volumes.map(set).map(Self::Volumes));
        let variables = values("env", expected.env, expected.env_matches)?;
        let variables = variables.into_iter();
        checks.extend(variables.map(|(name, values)| Self::Variable(name, values)));
        checks.extend(expected.env_absent.into_iter().map(Self::NoVariable));
        let labels = values("label", expected.labels, expected.labels_match)?;
        let labels = labels.into_iter();
        checks.extend(labels.map(|(name, values)| Self::Label(name, values)));
        checks.extend(expected.labels_absent.into_iter().map(Self::NoLabel));
        Ok(checks)
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Entrypoint(_) => "entrypoint".to_owned(),
            Self::Cmd(_) => "cmd".to_owned(),
            Self::User(_) => "user".to_owned(),
            Self::Workdir(_) => "workdir".to_owned(),
            Self::StopSignal(_) => "stop signal".to_owned(),
            Self::ExposedPorts(_) => "exposed ports".to_owned(),
            Self::Volumes(_) => "volumes".to_owned(),
            Self::Variable(name, _) => format!("env {name}"),
            Self::Label(name, _) => format!("label {name}"),
            Self::NoVariable(name) => format!("no env {name}"),
            Self::NoLabel(name) => format!("no label {name}"),
        }
    }

    pub(crate) fn compare(&self, config: &ImageConfig) -> Vec<String> {
        let name = self.name();
        match self {
            Self::Entrypoint(expected) => unequal(&name, expected, &config.entrypoint, list),
            Self::Cmd(expected) => unequal(&name, expected, &config.cmd, list),
            Self::User(expected) => unequal(&name, expected, &config.user, text),
            Self::StopSignal(expected) => unequal(&name, expected, &config.stop_signal, text),
            Self::ExposedPorts(expected) => unequal(&name, expected, &config.exposed_ports, set),
            Self::Volumes(expected) => unequal(&name, expected, &config.volumes, set),
            Self::Workdir(expected) if root(expected) == root(&config.workdir) => Vec::new(),
            Self::Workdir(expected) => unequal(&name, expected, &config.workdir, text),
            Self::Variable(key, values) => unlike(&name, values, config.env.get(key)),
            Self::Label(key, values) => unlike(&name, values, config.labels.get(key)),
            Self::NoVariable(key) => present(&name, config.env.get(key)),
            Self::NoLabel(key) => present(&name, config.labels.get(key)),
        }
    }
}

fn unlike(what: &str, expected: &[ValueCheck], found: Option<&String>) -> Vec<String> {
    let differences = expected.iter();
    differences
        .filter_map(|value| value.compare(what, found))
        .collect()
}

fn present(what: &str, found: Option<&String>) -> Vec<String> {
    let difference = found.map(|found| difference(what, "none", text(found)));
    difference.into_iter().collect()
}

impl ValueCheck {
    fn compare(&self, what: &str, found: Option<&String>) -> Option<String> {
        Some(match (self, found) {
            (Self::Is(expected), Some(found)) if expected != found => {
                difference(what, text(expected), text(found))
            }
            (Self::Matches(pattern), Some(found)) if !pattern.is_match(found) => {
                let expected = format!("what `{}` matches", pattern.as_str());
                difference(what, expected, text(found))
            }
            (Self::Is(expected), None) => difference(what, text(expected), "none"),
            (Self::Matches(pattern), None) => {
                let expected = format!("what `{}` matches", pattern.as_str());
                difference(what, expected, "none")
            }
            _ => return None,
        })
    }
}

/// What is expected of each value, by the names.
fn values(
    noun: &str,
    exact: BTreeMap<String, String>,
    patterns: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Vec<ValueCheck>>, Error> {
    let mut checks = BTreeMap::<String, Vec<ValueCheck>>::new();
    for (name, value) in exact {
        checks.entry(name).or_default().push(ValueCheck::Is(value));
    }
    for (name, text) in patterns {
        let pattern = pattern(&format!("{noun} {name}"), &text)?;
        let values = checks.entry(name).or_default();
        values.push(ValueCheck::Matches(pattern));
    }
    Ok(checks)
}

fn unequal<T: PartialEq, D: Display>(
    what: &str,
    expected: &T,
    found: &T,
    show: impl Fn(&T) -> D,
) -> Vec<String> {
    match expected == found {
        true => Vec::new(),
        false => vec![difference(what, show(expected), show(found))],
    }
}

/// As the target would say it.
#[allow(clippy::ptr_arg, reason = "it is given to `unequal`")]
fn list(items: &Vec<String>) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(", "))
}

fn set(items: &BTreeSet<String>) -> String {
    list(&items.iter().cloned().collect())
}

#[allow(clippy::ptr_arg, reason = "it is given to `unequal`")]
fn text(text: &String) -> String {
    format!("`{}`", shown(text))
}

fn root(directory: &str) -> &str {
    match directory {
        "" => "/",
        directory => directory,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONFIG: &[u8] = br#"{"os": "linux", "config": {"Env": ["PATH=/bin", "A=b=c", "BARE"], "Entrypoint": ["/app"],
        "Cmd": null, "User": "app", "ExposedPorts": {"80/tcp": {}}, "Labels": {"a.b": "1.2"}}}"#;

    fn differences(expected: &str) -> Vec<String> {
        let expected = serde_json::from_str(expected).unwrap();
        let config = ImageConfig::read(CONFIG).unwrap();
        let checks = ConfigCheck::all(expected).unwrap();
        checks
            .iter()
            .flat_map(|check| check.compare(&config))
            .collect()
    }

    #[test]
    fn what_is_as_expected_is_not_told() {
        let expected = r#"{"entrypoint": ["/app"], "cmd": [], "env": {"A": "b=c", "BARE": ""}, "env_matches": {"PATH": "^/bin$"},
            "env_absent": ["DEBUG"], "labels": {"a.b": "1.2"}, "labels_match": {"a.b": "^\\d"}, "labels_absent": ["x"],
            "user": "app", "workdir": "/", "stop_signal": "", "exposed_ports": ["80/tcp"], "volumes": []}"#;
        assert!(differences(expected).is_empty());
    }

    #[test]
    fn what_differs_is_told_with_both() {
        for (expected, message) in [
            (
                r#"{"entrypoint": []}"#,
                r#"entrypoint: expected [], found ["/app"]"#,
            ),
            (r#"{"cmd": ["x"]}"#, r#"cmd: expected ["x"], found []"#),
            (r#"{"user": ""}"#, "user: expected ``, found `app`"),
            (r#"{"workdir": "/w"}"#, "workdir: expected `/w`, found ``"),
            (r#"{"env": {"A": "b"}}"#, "env A: expected `b`, found `b=c`"),
            (r#"{"env": {"X": "b"}}"#, "env X: expected `b`, found none"),
            (
                r#"{"env_absent": ["A"]}"#,
                "no env A: expected none, found `b=c`",
            ),
            (
                r#"{"labels_match": {"a.b": "^v"}}"#,
                "label a.b: expected what `^v` matches, found `1.2`",
            ),
            (
                r#"{"exposed_ports": ["80/tcp", "443/tcp"]}"#,
                r#"exposed ports: expected ["443/tcp", "80/tcp"], found ["80/tcp"]"#,
            ),
        ] {
            assert_eq!(differences(expected), [message]);
        }
    }

    #[test]
    fn a_name_has_one_case() {
        let expected =
            r#"{"env": {"A": "x", "BARE": ""}, "env_matches": {"A": "^y", "PATH": "bin"}}"#;
        let checks = ConfigCheck::all(serde_json::from_str(expected).unwrap()).unwrap();
        let names: Vec<String> = checks.iter().map(ConfigCheck::name).collect();
        assert_eq!(names, ["env A", "env BARE", "env PATH"]);
        assert_eq!(
            differences(expected),
            [
                "env A: expected `x`, found `b=c`",
                "env A: expected what `^y` matches, found `b=c`",
            ]
        );
    }

    #[test]
    fn a_container_is_given_arguments_instead_of_cmd() {
        let config = ImageConfig {
            entrypoint: vec!["/app".to_owned()],
            cmd: vec!["serve".to_owned()],
            ..ImageConfig::default()
        };
        assert_eq!(config.command(&[]), ["/app", "serve"]);
        assert_eq!(
            config.command(&["--version".to_owned()]),
            ["/app", "--version"]
        );
    }
}
