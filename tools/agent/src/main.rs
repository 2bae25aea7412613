//! `stevedore-agent`: the first process of the container that commands run in. See the library for what it is told and
//! what it answers.

// A static glibc warns of functions that the standard library has and this program does not call. The lint is younger than
// the oldest compiler that is supported.
#![allow(unknown_lints, linker_messages)]

mod account;
mod collection;
mod commands;
mod error;
mod inputs;
mod lifeline;
mod passwd;
mod place;
mod printing;
mod processes;
mod secrets;
mod session;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use stevedore_agent::{Job, Verdict};

use crate::collection::Collection;
use crate::error::{chain, Error};
use crate::session::Session;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("stevedore-agent: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Does the job and says what became of it; whether all was well.
fn run() -> Result<bool, Error> {
    // Everything that the container runs is killed in the end: outside of one, that would be the whole machine.
    if !rustix::process::getpid().is_init() {
        return Err(Error::NotTheFirstProcess);
    }
    // Not `stdout()`, which writes whenever a line of the tar ends.
    let out = io::stdout().as_fd().try_clone_to_owned();
    let mut out = File::from(out.map_err(Error::Answer)?);
    let collection = match carry_out() {
        Ok(collection) => collection,
        Err(error) => {
            answer(&error.verdict()?, &mut out)?;
            return Ok(false);
        }
    };
    answer(&Verdict::Done, &mut out)?;
    collection.write(out)?;
    Ok(true)
}

fn carry_out() -> Result<Collection, Error> {
    let mut input = BufReader::new(io::stdin());
    let mut line = String::new();
    input.read_line(&mut line).map_err(Error::Ask)?;
    let job: Job = serde_json::from_str(&line).map_err(Error::Job)?;
    lifeline::hold(input)?;
    Session::begin(&job)?.carry_out()
}

fn answer(verdict: &Verdict, out: &mut File) -> Result<(), Error> {
    let mut line = serde_json::to_vec(verdict).map_err(Error::Verdict)?;
    line.push(b'\n');
    out.write_all(&line).map_err(Error::Answer)
}
