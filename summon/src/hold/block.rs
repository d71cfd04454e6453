//! The block that a person reads during a hold.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use super::nextest;
use super::setting::{Setting, humantime};
use super::things::Thing;
use super::told::Told;
use crate::error::{Error, escaped, shown_command};
use crate::session::HoldFile;
use crate::sys::terminal::Terminal;

/// What a person sees, and whether they can press Enter.
pub(super) struct Screen {
    terminal: Option<Terminal>,
    can_read: bool,
    /// The way on without a terminal.
    file: Option<HoldFile>,
}

impl Screen {
    pub(super) fn open() -> Screen {
        let terminal = Terminal::open();
        let can_read = terminal.as_ref().is_some_and(Terminal::is_in_foreground);
        Screen {
            terminal,
            can_read,
            file: None,
        }
    }

    /// Shows the block, after the failure if nobody has read it yet.
    pub(super) fn show(&self, block: &Error, told: Option<&Told>) {
        let is_elsewhere = self.terminal.is_some() && !io::stderr().is_terminal();
        let is_known = !is_captured() && !is_elsewhere;
        let is_untold = |told: &&Told| !is_known || !told.is_printed;
        let before = told.filter(is_untold).map_or(String::new(), Told::text);
        self.write(&format!("\n{before}{block}\n\n"));
        if let Some(terminal) = self.terminal.as_ref().filter(|_| self.can_read) {
            // An Enter from before the hold is not meant for it.
            terminal.discard_input();
        }
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

    /// Returns whether the person lets the test go on.
    pub(super) fn goes_on(&self) -> bool {
        self.has_line() || self.file.as_ref().is_some_and(HoldFile::is_removed)
    }

    /// Returns whether the person has pressed Enter.
    fn has_line(&self) -> bool {
        // In the background a read would halt this process. It may come to the foreground later.
        let terminal = self.terminal.as_ref();
        let readable = terminal.filter(|terminal| terminal.is_in_foreground());
        readable.is_some_and(Terminal::has_line)
    }

    /// Returns what a person needs, in the form of a report. `None` if nothing is up.
    pub(super) fn block(
        &mut self,
        setting: &Setting,
        test: &str,
        begun: Instant,
        things: &[&dyn Thing],
        has_failed: bool,
    ) -> Option<Error> {
        let shown: Vec<_> = things.iter().filter_map(|it| it.shown()).collect();
        if shown.is_empty() {
            return None;
        }
        self.file = HoldFile::make().ok();
        let how = if has_failed {
            "has failed"
        } else {
            "has passed"
        };
        let time = humantime(setting.limit);
        let mut block = Error::new(format!("{test} {how}, and summon holds it for {time}"));
        let named = shown.iter().filter_map(|it| it.process);
        let named = named.filter(|(_, is_implied)| !is_implied);
        let named: BTreeSet<usize> = named.map(|(process, _)| process).collect();
        for shown in shown {
            // The test may declare a fixture, and use its static, too.
            let is_twice = |(process, is_implied)| is_implied && named.contains(&process);
            if !shown.process.is_some_and(is_twice) {
                block = block.fact(shown.name, shown.lines.join("\n"));
            }
        }
        let go_on = match &self.file {
            _ if self.can_read => "press Enter".to_owned(),
            Some(file) => {
                let path = file.path();
                let words = [OsStr::new("rm"), path.as_os_str()];
                format!("`{}`", shown_command(words))
            }
            None => format!("`kill {}` ends this test process", std::process::id()),
        };
        let block = nextest::warning(test, begun, setting.limit)
            .into_iter()
            .fold(block, |block, warning| block.fact("nextest", warning));
        let block = block.fact("go on", format!("{go_on}; Ctrl-C ends the run"));
        if let Some(file) = &self.file {
            file.describe(&format!("{block}\n"));
        }
        Some(block)
    }
}

/// Returns whether libtest captures the output of its tests, so that nobody has read the failure
/// yet.
fn is_captured() -> bool {
    let is_off = |arg: OsString| arg == "--nocapture" || arg == "--no-capture";
    let variable = std::env::var_os("RUST_TEST_NOCAPTURE");
    !std::env::args_os().any(is_off) && variable.is_none_or(|value| value == "0")
}
