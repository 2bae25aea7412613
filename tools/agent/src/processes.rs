//! The processes of the container, all of which are this one's in the end.

use rustix::io::Errno;
use rustix::process::{kill_process_group, wait, Pid, Signal, WaitOptions};
use stevedore_agent::Ending;

use crate::error::Error;

/// Waits for the process `child`, and for those whose parents ended before them; how it ended, if not well.
pub(crate) fn wait_for(child: Pid) -> Result<Option<Ending>, Error> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                let code = status.exit_status().filter(|code| *code != 0);
                let signal = status.terminating_signal();
                return Ok(code.map(Ending::Code).or(signal.map(Ending::Signal)));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::Wait(errno)),
        }
    }
}

/// Kills every other process of the container, and waits until they are gone.
pub(crate) fn kill_all() -> Result<(), Error> {
    // `kill(-1)`: all but this one.
    match kill_process_group(Pid::INIT, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(errno) => return Err(Error::Kill(errno)),
    }
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(errno) => return Err(Error::Wait(errno)),
        }
    }
}
