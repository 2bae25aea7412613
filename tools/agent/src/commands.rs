//! The commands, one after the other.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Pid;
use stevedore_agent::Job;

use crate::account::Account;
use crate::error::Error;
use crate::printing::Printing;
use crate::processes;

/// Runs all commands of the job, up to the first that fails. What they print goes where `printing` says.
pub(crate) fn run(job: &Job, account: &Account, printing: &mut Printing) -> Result<(), Error> {
    for (number, arguments) in job.commands.iter().enumerate() {
        let mut command = command(job, account, number, arguments)?;
        let (stdout, stderr) = printing.streams()?;
        command.stdout(stdout).stderr(stderr);
        let child = start(number, command, account)?;
        if let Some(ending) = processes::wait_for(child)? {
            return Err(Error::Failed {
                command: number,
                ending,
            });
        }
    }
    Ok(())
}

fn command(
    job: &Job,
    account: &Account,
    number: usize,
    arguments: &[String],
) -> Result<Command, Error> {
    let Some((program, arguments)) = arguments.split_first() else {
        return Err(Error::EmptyCommand { command: number });
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", &account.home)
        .envs(&job.env)
        .stdin(Stdio::null());
    Ok(command)
}

/// Starts a command as `account`; its process number.
///
/// The standard library cannot give a command its groups. So a thread that ends right after becomes the user, and what it
/// starts is the user's as well, before the program is looked for.
fn start(number: usize, mut command: Command, account: &Account) -> Result<Pid, Error> {
    let spawn = || {
        account.assume()?;
        let child = command.spawn();
        child
            .map(|child| Pid::from_child(&child))
            .map_err(|source| cannot_start(number, &command, source))
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .spawn_scoped(scope, spawn)
            .map_err(Error::Thread)?;
        thread.join().unwrap_or_else(|_| {
            let panicked = io::Error::other("a thread ended early");
            Err(Error::Thread(panicked))
        })
    })
}

fn cannot_start(number: usize, command: &Command, source: io::Error) -> Error {
    let program = command.get_program();
    let search_path = command
        .get_envs()
        .find(|(name, _)| *name == "PATH")
        .and_then(|(_, value)| value);
    Error::CannotStart {
        command: number,
        program: program.to_string_lossy().into_owned(),
        program_exists: exists(program, search_path.unwrap_or_default()),
        source,
    }
}

/// Whether a file is where a program of that name would be looked for.
fn exists(program: &OsStr, search_path: &OsStr) -> bool {
    if program.to_string_lossy().contains('/') {
        return Path::new(program).exists();
    }
    std::env::split_paths(search_path).any(|folder| folder.join(program).exists())
}
