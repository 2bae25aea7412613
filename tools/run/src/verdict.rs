//! What a verdict that is not good means, in words.

use stevedore_agent::{Ending, Verdict};
use stevedore_image::platform::Platform;

use crate::base::BaseConfig;
use crate::error::{Error, LastLines};
use crate::log::Log;
use crate::spec::RunSpec;

const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;

/// What the kernel does to a process when memory is short.
const KILLED: Ending = Ending::Signal(9);
/// What a shell makes of that.
const KILLED_IN_SHELL: Ending = Ending::Code(128 + 9);

/// Makes an error of a verdict that is not good. `engine` tells the platform that commands run on, and is asked only if that
/// matters.
pub(crate) async fn check(
    spec: &RunSpec,
    base: &BaseConfig,
    verdict: Verdict,
    log: &Log,
    engine: impl AsyncFnOnce() -> Option<Platform>,
) -> Result<(), Error> {
    let of = spec.executed().len();
    match verdict {
        Verdict::Done | Verdict::Begun | Verdict::Printed { .. } => Ok(()),
        Verdict::Failed { command, ending } => Err(Error::Failed {
            number: command + 1,
            of,
            ending: describe(spec, ending),
            title: spec.title(command),
            lines: LastLines(log.last_lines()),
        }),
        Verdict::CannotStart {
            command,
            program,
            program_exists,
            errno,
            error,
        } => {
            let reason = match (errno, program_exists) {
                (ENOENT, false) => missing(spec, &program),
                (ENOENT, true) => format!(
                    "the image has `{program}`, but not the interpreter or dynamic loader that it names"
                ),
                (ENOEXEC, _) => foreign(base, &program, engine().await),
                _ => format!("`{program}`: {error}"),
            };
            Err(Error::CannotStart {
                number: command + 1,
                of,
                reason,
            })
        }
        Verdict::Refused { reason } => Err(Error::Refused { reason }),
    }
}

fn describe(spec: &RunSpec, ending: Ending) -> String {
    let described = match ending {
        Ending::Code(code) => format!("ended with exit code {code}"),
        Ending::Signal(signal) => format!("was killed by signal {signal}"),
    };
    match (ending, spec.memory) {
        (KILLED | KILLED_IN_SHELL, Some(memory)) => {
            format!("{described}; was it out of memory? (`memory` is {memory} bytes)")
        }
        (KILLED | KILLED_IN_SHELL, None) => {
            format!("{described}; was the machine out of memory?")
        }
        _ => described,
    }
}

fn missing(spec: &RunSpec, program: &str) -> String {
    match spec.argv.is_empty() {
        true => format!(
            "the image has no `{program}`, which runs `commands`; set `shell` to one that it has, or use `argv` with a \
             program that it has"
        ),
        false => format!("the image has no program `{program}`; `argv` needs one that it has, by its path or found in `PATH`"),
    }
}

fn foreign(base: &BaseConfig, program: &str, engine: Option<Platform>) -> String {
    let text = |platform: Option<&Platform>| {
        platform.map_or("an unknown platform".to_owned(), ToString::to_string)
    };
    format!(
        "`{program}` is no program for this machine: the image is for {}, and commands run on {}; build for that platform (see \
         `platform`), or have the machine emulate the other one (binfmt_misc with QEMU)",
        text(base.platform.as_ref()),
        text(engine.as_ref()),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::spec::tests::spec;

    async fn error(spec: &RunSpec, verdict: Verdict) -> String {
        let mut log = Log::new(Box::new(std::io::sink()));
        log.take(b"one\ntwo\n").unwrap();
        let base = BaseConfig {
            platform: "linux/arm64".parse().ok(),
            ..BaseConfig::default()
        };
        let engine = async || "linux/amd64".parse().ok();
        let checked = check(spec, &base, verdict, &log, engine).await;
        checked.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_command_that_failed_is_shown_with_what_it_printed_last() {
        let failed = |ending| Verdict::Failed { command: 0, ending };
        let message = error(&spec(), failed(Ending::Code(3))).await;
        assert_eq!(
            message,
            "command 1 of 1 ended with exit code 3: `echo \"$A\" echo 'b'`; the last output was:\n    one\n    two"
        );
        for ending in [Ending::Signal(9), Ending::Code(137)] {
            let message = error(&spec(), failed(ending)).await;
            assert!(message.contains("out of memory?"), "{message}");
        }
        let message = error(&spec(), failed(Ending::Signal(11))).await;
        assert!(message.contains("was killed by signal 11: `"), "{message}");
    }

    #[tokio::test]
    async fn a_program_that_cannot_start_is_explained() {
        let mut exact = spec();
        exact.argv = vec!["/bin/a".to_owned()];
        exact.commands.clear();
        for (spec, program_exists, errno, expected) in [
            (
                &spec(),
                false,
                2,
                "the image has no `/bin/a`, which runs `commands`",
            ),
            (
                &exact,
                false,
                2,
                "the image has no program `/bin/a`; `argv` needs",
            ),
            (&exact, true, 2, "interpreter or dynamic loader"),
            (
                &exact,
                true,
                8,
                "the image is for linux/arm64, and commands run on linux/amd64",
            ),
            (&exact, true, 13, "`/bin/a`: permission denied"),
        ] {
            let verdict = Verdict::CannotStart {
                command: 0,
                program: "/bin/a".to_owned(),
                program_exists,
                errno,
                error: "permission denied".to_owned(),
            };
            let message = error(spec, verdict).await;
            assert!(message.contains(expected), "{message}");
        }
    }
}
