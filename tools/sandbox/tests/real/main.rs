//! Sandboxes with a real runtime and a real agent, as root and as a user.
//!
//! The agent's path is in `STEVEDORE_TEST_AGENT`. This program is the stage of its sandboxes too, so it has a `main` of its own, and
//! takes the names of tests as `cargo test` does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod image;
mod outcome;
mod user;

use std::process::ExitCode;

use user::User;

/// A test, which panics if it fails.
type Test = fn(User);

fn main() -> ExitCode {
    stevedore_sandbox::stage_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, user, name] = &arguments[..] {
        if let (user::CHILD, Some(user)) = (flag.as_str(), User::named(user)) {
            return user::run_as(user, || run(name, user));
        }
    }
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|text| !text.starts_with('-'))
        .collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, _) in cases::ALL.iter().copied().flatten() {
        for user in User::ALL {
            let full = format!("{name}::{}", user.name());
            let is_asked =
                filters.is_empty() || filters.iter().any(|filter| full.contains(*filter));
            if is_asked {
                let is_good = user::start(user, name);
                println!("test {full} ... {}", if is_good { "ok" } else { "FAILED" });
                passed += usize::from(is_good);
                failed += usize::from(!is_good);
            }
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::from(u8::from(failed > 0))
}

fn run(name: &str, user: User) {
    for (known, test) in cases::ALL.iter().copied().flatten() {
        if *known == name {
            test(user);
        }
    }
}
