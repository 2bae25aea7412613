//! Asks containers of two images, which are in the engine when this starts.

use std::env;
use std::process::Command;

/// Runs a container of the image that the variable names, and returns what it wrote.
fn run(variable: &str, arguments: &[&str]) -> String {
    let image = env::var(variable).expect("the image's variable is set");
    let output = Command::new("docker")
        .args(["run", "--rm", "--network=none", "--pull=never", &image])
        .args(arguments)
        .output()
        .expect("docker can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the output is text")
}

#[test]
fn the_application_greets() {
    assert_eq!(run("APP_IMAGE", &[]), "Hello from a test's image.\n");
}

#[test]
fn the_application_is_not_root() {
    assert_eq!(run("APP_IMAGE", &["id", "-un"]), "app\n");
}

#[test]
fn the_database_has_its_name() {
    assert!(run("DB_IMAGE", &["env"]).contains("DB_NAME=visits\n"));
}
