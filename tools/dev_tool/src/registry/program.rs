//! The command that runs a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use serde_json::{json, Value};

use super::access::Access;
use super::build;
use super::name::{Program, RegistryName};
use crate::command::output;
use crate::scratch::Scratch;
use crate::workspace::Workspace;

/// The one of this name, with its data in `scratch`, on the address `listen`.
pub(super) fn command(
    workspace: &Workspace,
    name: &RegistryName,
    access: &Access,
    scratch: &Scratch,
    listen: &str,
) -> Result<Command> {
    let data = scratch.file("data");
    fs::create_dir(&data).with_context(|| format!("failed to create `{}`", data.display()))?;
    match name.kind.program {
        Program::Distribution => {
            // Debian calls it so because another package has a `registry`.
            let program = Path::new("docker-registry");
            check_version(program)?;
            distribution(program, access, scratch, listen)
        }
        Program::BuiltDistribution => {
            distribution(&build::distribution(workspace)?, access, scratch, listen)
        }
        Program::Crane => {
            let mut command = Command::new("crane");
            command
                .args(["registry", "serve", "--address", listen, "--disk"])
                .arg(data);
            Ok(command)
        }
    }
}

fn check_version(program: &Path) -> Result<()> {
    let said = output(Command::new(program).arg("--version"))?;
    let version = said.split_whitespace().next_back().unwrap_or_default();
    ensure!(
        version.starts_with("2."),
        "`{}` is version `{version}`, expected `2.*`: the suite has moved on; add a row for the new version to the table of registries",
        program.display()
    );
    Ok(())
}

fn distribution(
    program: &Path,
    access: &Access,
    scratch: &Scratch,
    listen: &str,
) -> Result<Command> {
    let mut settings = settings(&scratch.file("data"), listen);
    access.configure(&mut settings);
    // JSON is YAML.
    let file = scratch.file("config.yml");
    fs::write(&file, settings.to_string())
        .with_context(|| format!("failed to write `{}`", file.display()))?;
    let mut command = Command::new(program);
    command.arg("serve").arg(file);
    Ok(command)
}

/// Plain http by anybody; nothing is cached, so that what a test takes away is gone.
fn settings(data: &Path, listen: &str) -> Value {
    json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": data},
            "delete": {"enabled": true},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": listen, "secret": "of one process"},
    })
}
