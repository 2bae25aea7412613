//! The terminal on standard input, while a container has it.

use std::io::{self, IsTerminal as _};

use rustix::stdio::stdin;
use rustix::termios::{self, OptionalActions, Termios};
use stevedore_engine::WindowSize;

/// Whether a container can be given the terminal.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The size of the terminal.
pub(crate) fn window_size() -> io::Result<WindowSize> {
    let size = termios::tcgetwinsize(stdin())?;
    Ok(WindowSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// The terminal passes every key on as it is until this is dropped.
pub(crate) struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Changes the terminal's mode.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = termios::tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Err(error) = termios::tcsetattr(stdin(), OptionalActions::Now, &self.before) {
            eprintln!("warning: failed to restore the terminal (`reset` does): {error}");
        }
    }
}
