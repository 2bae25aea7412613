//! Tests of where credentials are found, with files and helper programs in a temporary folder.
#![allow(clippy::unwrap_used)]

mod files;
mod helpers;

use std::error::Error as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::*;

/// What must never be in a message.
const PASSWORD: &str = "hunter2-secret";

/// A home folder, and the variables that lead there.
struct Place {
    home: tempfile::TempDir,
    variables: Arc<Mutex<Vec<(String, String)>>>,
    rules: Vec<HelperRule>,
    patience: Duration,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let place = Self {
            home,
            variables: Arc::default(),
            rules: Vec::new(),
            patience: Duration::from_secs(20),
        };
        let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
        let (home, runtime) = (place.path(""), place.path("run"));
        place
            .set("HOME", home)
            .set("XDG_RUNTIME_DIR", runtime)
            .set("PATH", path)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    fn set(self, name: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref().to_str().unwrap().to_owned();
        let variable = (name.to_owned(), value);
        self.variables.lock().unwrap().insert(0, variable);
        self
    }

    fn rule(mut self, rule: &str) -> Self {
        self.rules.push(rule.parse().unwrap());
        self
    }

    fn file(self, below: &str, content: &str) -> Self {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A program `bin/NAME`. Another process writes it: were it open here while another test starts a process, the system
    /// would refuse to run it.
    fn program(self, name: &str, script: &str) -> Self {
        let path = self.path("bin").join(name);
        std::fs::create_dir_all(self.path("bin")).unwrap();
        let mut writer = Command::new("sh")
            .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = writer.stdin.take().unwrap();
        write!(input, "#!/bin/sh\n{script}\n").unwrap();
        drop(input);
        assert!(writer.wait().unwrap().success());
        self
    }

    fn sources(&self) -> Sources {
        let variables = Arc::clone(&self.variables);
        let variable = move |name: &str| {
            let variables = variables.lock().unwrap();
            let found = variables.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        let surroundings = Surroundings::new(variable, 4_000_000);
        Sources::new(self.rules.clone(), surroundings).with_helper_patience(self.patience)
    }

    async fn find(&self, registry: &str, repository: &str) -> Result<Credentials, CredentialError> {
        let host = match registry {
            "docker.io" => "registry-1.docker.io",
            registry => registry,
        };
        let uri = format!("https://{host}/v2/{repository}/");
        self.sources().find(registry, repository, &uri).await
    }

    async fn found(&self, registry: &str, repository: &str) -> Credentials {
        self.find(registry, repository).await.unwrap()
    }

    /// The error with its causes, one a line.
    async fn error(&self, registry: &str) -> String {
        let error = self.find(registry, "team/app").await.unwrap_err();
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!("\n{error}");
            cause = error.source();
        }
        let whole = format!("{text} {error:?}");
        assert!(!whole.contains(PASSWORD), "{whole}");
        text
    }

    /// What was appended to a file by a helper.
    fn written(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap_or_default()
    }
}

fn basic(user: &str, password: &str) -> Secret {
    Secret::Basic {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}
