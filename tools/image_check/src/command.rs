//! What is expected of a command.

use std::time::Duration;

use crate::case::Case;
use crate::config::ImageConfig;
use crate::difference::{difference, size};
use crate::error::Error;
use crate::expected::ExpectedCommand;
use crate::text::{quoted, visible, TextCheck};

/// A command, and what is expected of it, ready to be compared.
#[derive(Debug)]
pub struct CommandCheck {
    expected: ExpectedCommand,
    stdout: TextCheck,
    stderr: TextCheck,
}

/// What a command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 and the number of a signal if that ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: Written,
    /// What it wrote to standard error.
    pub stderr: Written,
}

/// What a command wrote to a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// All of it, or the beginning of what is more than [`crate::MOST_COMPARED`].
    pub bytes: Vec<u8>,
    /// How many bytes it wrote.
    pub size: u64,
}

impl CommandCheck {
    pub(crate) fn new(expected: ExpectedCommand) -> Result<Self, Error> {
        let place = |stream| format!("command {}: {stream}", expected.name);
        Ok(Self {
            stdout: TextCheck::new(&place("stdout"), &expected.stdout)?,
            stderr: TextCheck::new(&place("stderr"), &expected.stderr)?,
            expected,
        })
    }

    /// What it is called.
    pub fn name(&self) -> String {
        format!("command {}", self.expected.name)
    }

    /// What is run, and how.
    pub fn expected(&self) -> &ExpectedCommand {
        &self.expected
    }

    /// The program and its arguments, in an image with `config`; empty if that has neither entrypoint nor cmd.
    pub fn argv(&self, config: &ImageConfig) -> Vec<String> {
        match self.expected.argv.is_empty() {
            true => config.command(&self.expected.args),
            false => self.expected.argv.clone(),
        }
    }

    /// The case of a command that `ended` after so long, or could not be run for a reason.
    pub fn case(&self, ended: Result<Ended, String>, elapsed: Duration) -> Case {
        let differences = match ended {
            Ok(ended) => self.compare(&ended),
            // It may name a program of the image, or have what was printed.
            Err(reason) => vec![visible(&reason)],
        };
        Case {
            elapsed,
            ..Case::new(self.name(), differences)
        }
    }

    /// The case of a command that nobody runs, for a reason.
    pub fn skipped(&self, reason: &str) -> Case {
        Case::skipped(self.name(), reason.to_owned())
    }

    fn compare(&self, ended: &Ended) -> Vec<String> {
        let mut differences = Vec::new();
        if ended.code != self.expected.exit_code {
            differences.push(difference("exit code", self.expected.exit_code, ended.code));
            // What it says of that, unless it is told below anyway.
            for (stream, check, written) in [
                ("stdout", &self.stdout, &ended.stdout),
                ("stderr", &self.stderr, &ended.stderr),
            ] {
                if check.is_empty() {
                    let text = String::from_utf8_lossy(&written.bytes);
                    differences.push(format!("{stream} was{}", quoted(&text)));
                }
            }
        }
        differences.extend(ended.stdout.compare("stdout", &self.stdout));
        differences.extend(ended.stderr.compare("stderr", &self.stderr));
        differences
    }
}

impl Written {
    /// What differs from what `check` expects of the stream. What was not kept may be what it looks for.
    fn compare(&self, stream: &str, check: &TextCheck) -> Vec<String> {
        if check.is_empty() || self.bytes.len() as u64 == self.size {
            return check.compare(stream, &self.bytes);
        }
        vec![format!(
            "{stream}: {} are too much to be looked into; have the command write less",
            size(self.size)
        )]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::case::Outcome;

    fn check(expected: &str) -> CommandCheck {
        CommandCheck::new(serde_json::from_str(expected).unwrap()).unwrap()
    }

    fn ended(code: i32, stdout: &str, stderr: &str) -> Ended {
        let written = |text: &str| Written {
            bytes: text.into(),
            size: text.len() as u64,
        };
        Ended {
            code,
            stdout: written(stdout),
            stderr: written(stderr),
        }
    }

    #[test]
    fn both_streams_and_the_code_are_compared() {
        let check = check(
            r#"{"name": "v", "exit_code": 2, "stdout": {"text": "1.2\n"}, "stderr": {"matches": ["^warning"]}}"#,
        );
        assert!(check.compare(&ended(2, "1.2\n", "warning: x\n")).is_empty());
        let differences = check.compare(&ended(0, "1.3\n", ""));
        assert_eq!(differences[0], "exit code: expected 2, found 0");
        assert!(differences[1].contains("-1.2\n+1.3"), "{}", differences[1]);
        assert_eq!(
            differences[2],
            "stderr: `^warning` matches nothing in an empty text"
        );
    }

    #[test]
    fn a_command_that_fails_is_shown_with_what_it_said() {
        let differences = check(r#"{"name": "v"}"#).compare(&ended(127, "", "no such file\n"));
        assert_eq!(
            differences,
            [
                "exit code: expected 0, found 127",
                "stdout was an empty text",
                "stderr was:\n    no such file",
            ]
        );
    }

    #[test]
    fn what_is_not_all_there_is_not_as_expected() {
        let mut ended = ended(0, "the beginning", "");
        ended.stdout.size = 9 << 20;
        for stdout in [r#""lacks": ["ERROR"]"#, r#""matches": ["begin"]"#] {
            let check = check(&format!(r#"{{"name": "v", "stdout": {{{stdout}}}}}"#));
            assert_eq!(
                check.compare(&ended),
                [
                    "stdout: 9.0 MiB (9437184 bytes) are too much to be looked into; have the command write less"
                ]
            );
        }
        let nothing_of_it = check(r#"{"name": "v", "stderr": {"text": ""}}"#);
        assert!(nothing_of_it.compare(&ended).is_empty());
    }

    #[test]
    fn a_reason_cannot_move_the_cursor() {
        let reason = "the image has no program `\u{1b}[2K`:\n    x".to_owned();
        let case = check(r#"{"name": "v"}"#).case(Err(reason), Duration::ZERO);
        let told = "the image has no program `\\u{1b}[2K`:\n    x".to_owned();
        assert_eq!(case.outcome, Outcome::Failed(vec![told]));
    }

    #[test]
    fn a_command_is_the_images_own_unless_it_is_given() {
        let config = br#"{"config": {"Entrypoint": ["/app"], "Cmd": ["serve"]}}"#;
        let config = ImageConfig::read(config).unwrap();
        let argv = |expected| check(expected).argv(&config);
        assert_eq!(argv(r#"{"name": "v"}"#), ["/app", "serve"]);
        assert_eq!(argv(r#"{"name": "v", "args": ["-v"]}"#), ["/app", "-v"]);
        assert_eq!(argv(r#"{"name": "v", "argv": ["/bin/x"]}"#), ["/bin/x"]);
    }
}
