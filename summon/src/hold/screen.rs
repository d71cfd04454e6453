//! The terminal and the output that a person reads during a hold.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use super::known_failure::KnownFailure;
use crate::error::{Error, escaped};
use crate::sys::terminal::Terminal;

/// What a person sees, and whether they can press Enter.
pub(super) struct Screen {
    terminal: Option<Terminal>,
    can_read: bool,
}

impl Screen {
    pub(super) fn open() -> Screen {
        let terminal = Terminal::open();
        let can_read = terminal.as_ref().is_some_and(Terminal::is_in_foreground);
        Screen { terminal, can_read }
    }

    /// Returns whether the person can press Enter.
    pub(super) fn can_read(&self) -> bool {
        self.can_read
    }

    /// Shows the block, after the failure if nobody has read it yet.
    pub(super) fn show(&self, block: &Error, told: Option<&KnownFailure>) {
        let is_elsewhere = self.terminal.is_some() && !io::stderr().is_terminal();
        let is_known = !is_captured() && !is_elsewhere;
        let is_untold = |told: &&KnownFailure| !is_known || !told.is_printed;
        let before = told
            .filter(is_untold)
            .map_or(String::new(), KnownFailure::text);
        if let Some(terminal) = self.terminal.as_ref().filter(|_| self.can_read) {
            // An Enter from before the hold is not meant for it. Before the block, since the answer to the block
            // may come at once.
            terminal.discard_input();
        }
        self.write(&format!("\n{before}{block}\n\n"));
    }

    /// Shows a line.
    pub(super) fn say(&self, what: &str) {
        self.write(&format!("summon: {}\n", escaped(what)));
    }

    /// Writes past the harness: libtest captures only the print macros. A runner that captures the
    /// output of its tests would show the text too late, so it also goes to the terminal. One write,
    /// so that the text of another process does not land in the middle.
    fn write(&self, text: &str) {
        let terminal = self.terminal.as_ref();
        if let Some(terminal) = terminal.filter(|_| !io::stderr().is_terminal()) {
            terminal.write(text);
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Returns whether the person has pressed Enter.
    pub(super) fn has_line(&self) -> bool {
        // In the background a read would halt this process. It may come to the foreground later.
        let terminal = self.terminal.as_ref();
        let readable = terminal.filter(|terminal| terminal.is_in_foreground());
        readable.is_some_and(Terminal::has_line)
    }
}

/// Returns whether libtest captures the output of its tests, so that nobody has read the failure
/// yet.
fn is_captured() -> bool {
    let is_off = |arg: OsString| arg == "--nocapture" || arg == "--no-capture";
    let variable = std::env::var_os("RUST_TEST_NOCAPTURE");
    !std::env::args_os().any(is_off) && variable.is_none_or(|value| value == "0")
}
