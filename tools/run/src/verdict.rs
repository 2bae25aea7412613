//! What a verdict that is not good means, in words.

use stevedore_agent::{Ending, Verdict};
use stevedore_image::platform::Platform;

use crate::base::BaseConfig;
use crate::error::{Error, LastLines};
use crate::log::Log;
use crate::spec::RunSpec;

const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const SIGKILL: i32 = 9;

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
        Verdict::Done => Ok(()),
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
    match ending {
        Ending::Code(code) => format!("ended with exit code {code}"),
        Ending::Signal(SIGKILL) => match spec.memory {
            Some(memory) => format!(
                "was killed by signal 9; was it out of memory? (`memory` is {memory} bytes)"
            ),
            None => "was killed by signal 9; was the machine out of memory?".to_owned(),
        },
        Ending::Signal(signal) => format!("was killed by signal {signal}"),
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
