//! The stage: the process in the namespaces of a sandbox, which makes the sandbox and takes it down.

mod bundle;
mod collect;
mod control_groups;
mod error;
mod inputs;
mod layers;
mod mounts;
mod namespace;
mod overlay;
mod run_folder;
mod runtime;
mod scaffold;
mod wanted;

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Write as _};

use stevedore_agent::{Collect, Job, Verdict};

use crate::container::UNSHARED;
use crate::request::Request;
use bundle::Bundle;
use collect::Layer;
use error::Error;
use layers::Layers;
use overlay::Overlay;
use run_folder::RunFolder;
use runtime::{Running, Runtime};
use scaffold::Scaffold;
use wanted::Wanted;

/// Told after a command has failed where it may have wanted what there is not.
const ONE_USER_HINT: &str = "hint: there is only one user in this sandbox, so nothing can be given to another one: install \
     `newuidmap`, and give this user ranges in `/etc/subuid` and `/etc/subgid`";

/// Does the one job of a stage, and gives its exit code. `user` says whether a user namespace is to be entered.
pub(crate) fn run(user: Option<&OsStr>) -> i32 {
    let entered = match user == Some(OsStr::new("user")) {
        true => enter_user_namespace(),
        false => Ok(()),
    };
    if let Err(error) = entered {
        println!("{error}");
        return 1;
    }
    let mut output = io::stdout().lock();
    let refused = match work(&mut output) {
        Ok(is_done) => return i32::from(!is_done),
        Err(error) => error.into_verdict(),
    };
    // If nobody reads it, nobody wants it.
    let _ = write_verdict(&mut output, &refused);
    1
}

/// Enters a user namespace, and says so to the process that can map its users.
fn enter_user_namespace() -> io::Result<()> {
    namespace::unshare_users()?;
    let mut output = io::stdout();
    output.write_all(UNSHARED.as_bytes())?;
    output.flush()
}

/// Reads what is asked for, does it, and tells whether it was done.
fn work(output: &mut impl io::Write) -> Result<bool, Error> {
    let (request, job, wanted) = asked()?;
    let identity = namespace::enter()?;
    let folder = RunFolder::make(&request.cache)?;
    let layers = Layers::open(&request.cache, &identity)?;
    let layers = layers.obtain_all(&request.layers, &wanted)?;
    let overlay = Overlay::new(&folder, &layers, &identity)?;
    let mut scaffold = Scaffold::new(&folder, overlay.below()?)?;
    let mounts = mounts::prepare(&request, &folder, &mut scaffold, &identity)?;
    scaffold.restore_implied(&layers)?;
    let scaffold = scaffold.finish()?;
    let mounted = overlay.mount(&scaffold)?;
    let runtime = Runtime::find()?;
    let bundle = Bundle {
        request: &request,
        identity: &identity,
        mounts: &mounts,
        root: mounted.root(),
        name: folder.name(),
    };
    bundle.write(&folder)?;
    let running = runtime.start(&folder, bundle.has_control_group())?;
    let layer = Layer {
        mounted: &mounted,
        layers: &layers,
    };
    write_verdict(output, &Verdict::Begun)?;
    let is_done = converse(running, job, &wanted, &layer, output)?;
    if !is_done && identity.has_one_user() {
        eprintln!("{ONE_USER_HINT}");
    }
    folder.remove()?;
    Ok(is_done)
}

/// What standard input says, and what it will say when it ends.
fn asked() -> Result<(Request, Job, Wanted), Error> {
    let mut lines = io::stdin().lock();
    let mut next = || {
        let mut line = String::new();
        lines.read_line(&mut line).map_err(Error::Input)?;
        Ok::<_, Error>(line)
    };
    let (request, job) = (next()?, next()?);
    if job.is_empty() {
        return Err(Error::Unwanted);
    }
    let request = serde_json::from_str(&request).map_err(Error::Request)?;
    let job = serde_json::from_str(&job).map_err(Error::Request)?;
    drop(lines);
    Ok((request, job, Wanted::watch()))
}

/// Gives the job to the agent, and passes on what it says. A layer is not asked of it, but read from the upper directory when
/// all has ended.
fn converse(
    mut running: Running,
    mut job: Job,
    wanted: &Wanted,
    layer: &Layer,
    output: &mut impl io::Write,
) -> Result<bool, Error> {
    let collect = match job.collect {
        Collect::Layer { .. } => std::mem::replace(&mut job.collect, Collect::Nothing),
        _ => Collect::Nothing,
    };
    wanted.begin(&mut running, &job)?;
    let mut answers = BufReader::with_capacity(128 << 10, running.output()?);
    let verdict = loop {
        let mut line = String::new();
        answers.read_line(&mut line).map_err(Error::Agent)?;
        match serde_json::from_str::<Verdict>(&line) {
            Ok(printed @ Verdict::Printed { .. }) => write_verdict(output, &printed)?,
            Ok(verdict) => break verdict,
            Err(_) => return Err(wanted.why(running.end_without_verdict())),
        }
    };
    if verdict == Verdict::Done && collect != Collect::Nothing {
        running.wait()?;
        write_layer(collect, layer, output)?;
        return Ok(true);
    }
    write_verdict(output, &verdict)?;
    io::copy(&mut answers, output).map_err(Error::Output)?;
    let status = running.wait()?;
    Ok(verdict == Verdict::Done && status.success())
}

fn write_layer(collect: Collect, layer: &Layer, output: &mut impl io::Write) -> Result<(), Error> {
    let Collect::Layer {
        latest_mtime,
        exclude,
    } = collect
    else {
        return Ok(());
    };
    let changes = layer.changes(&exclude)?;
    write_verdict(output, &Verdict::Done)?;
    layer.write(&changes, latest_mtime, output)
}

fn write_verdict(output: &mut impl io::Write, verdict: &Verdict) -> Result<(), Error> {
    let mut line = serde_json::to_vec(verdict).map_err(Error::Request)?;
    line.push(b'\n');
    output.write_all(&line).map_err(Error::Output)?;
    output.flush().map_err(Error::Output)
}
