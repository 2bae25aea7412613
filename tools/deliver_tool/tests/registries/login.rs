//! A registry that asks who is there, and somebody who says it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use stevedore_testing::{Finished, Program, PushFiles};

use crate::bench::{failed, program, ran, Bench};

/// A registry that asks who is there, an image, and the home folder of who pushes it.
pub(crate) struct Login {
    pub(crate) bench: Bench,
    pub(crate) files: PushFiles,
}

impl Login {
    pub(crate) fn at(name: &str) -> Self {
        let bench = Bench::with(name);
        let files = bench.small_image();
        fs::create_dir_all(files.home()).unwrap();
        Self { bench, files }
    }

    pub(crate) fn user(&self) -> &str {
        self.bench.registry.fact("user")
    }

    pub(crate) fn password(&self) -> &str {
        self.bench.registry.fact("password")
    }

    pub(crate) fn write(&self, below: &str, content: &str) -> PathBuf {
        let path = self.files.home().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file with an entry for the registry.
    pub(crate) fn auths(&self, key: &str, user: &str, password: &str) -> String {
        let entry = serde_json::json!({ "username": user, "password": password });
        serde_json::json!({"auths": {key: entry}}).to_string()
    }

    pub(crate) fn right(&self) -> String {
        self.auths(&self.bench.proxy.address(), self.user(), self.password())
    }

    /// A program in the folder `bin`.
    pub(crate) fn helper(&self, name: &str, script: &str) -> PathBuf {
        let path = self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        path
    }

    pub(crate) fn program(&self) -> Program {
        let mut program = program(&self.files);
        let path = std::env::var("PATH").unwrap();
        let bin = self.files.home().join("bin");
        program
            .command()
            .env("PATH", format!("{}:{path}", bin.display()));
        program
    }

    #[track_caller]
    pub(crate) fn is_let_in(&self, program: Program) {
        let finished = ran(program, "pushed");
        self.keeps_silent(&finished);
        ran(self.program_as_before(), "unchanged");
    }

    /// With the credentials in the files.
    pub(crate) fn program_as_before(&self) -> Program {
        self.write(".docker/config.json", &self.right());
        self.program()
    }

    #[track_caller]
    pub(crate) fn is_refused(&self, program: Program, texts: &[&str]) -> Finished {
        let finished = failed(program, 1, texts);
        self.keeps_silent(&finished);
        finished
    }

    /// No password is in anything that a person or a program reads.
    #[track_caller]
    pub(crate) fn keeps_silent(&self, finished: &Finished) {
        let report = finished.report.to_string();
        for text in [&finished.stderr, &finished.stdout, &report] {
            for secret in [self.password(), "wrong-password"] {
                assert!(!text.contains(secret), "a password in: {text}");
            }
        }
    }
}
