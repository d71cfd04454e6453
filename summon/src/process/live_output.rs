//! Prints the output of processes while they run: `SUMMON_OUTPUT=live`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Once};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Source as _, escaped};
use crate::guard::{Guarded, Interest};
use crate::output;
use crate::progress;
use crate::session::Log;
use crate::sys::holes;
use crate::sys::maker::Maker;
use crate::sys::threads;

/// A thread that prints the output of one run until no process of the run is left.
#[derive(Debug)]
pub(super) struct LiveOutput(Maker, Option<JoinHandle<()>>);

/// Longer than any run, since `wait_until` needs a deadline.
const FOR_EVER: Duration = Duration::from_secs(100 * 24 * 60 * 60);
/// The maximum length of a printed line. Longer lines are printed in parts.
const LONGEST: usize = 64 * 1024;

/// Returns whether `SUMMON_OUTPUT` is `live`. Says once if it has another value, which has no effect.
fn is_wanted() -> bool {
    static SAID: Once = Once::new();
    let value = std::env::var_os("SUMMON_OUTPUT").unwrap_or_default();
    if !["", "0", "live"].iter().any(|known| value == *known) {
        let value = value.to_string_lossy();
        let wrong = format!("`SUMMON_OUTPUT={value}` has no effect: the value is `live`");
        SAID.call_once(|| progress::say(&wrong));
    }
    value == "live"
}

impl LiveOutput {
    /// Starts the thread. Returns `None` unless `SUMMON_OUTPUT` is `live`. Each line begins with
    /// `name`.
    pub(super) fn of(
        name: &str,
        guarded: &Guarded,
        log: Arc<Log>,
        since: u64,
    ) -> Option<LiveOutput> {
        if !is_wanted() {
            return None;
        }
        let mut shown = Shown {
            prefix: prefix(name),
            log,
            at: since,
            pending: Vec::new(),
        };
        // The thread ends with the guard, and keeps neither the guard nor the process alive.
        let sleeper = guarded.sleeper(Interest::All).ok()?;
        let builder = Builder::new().name("summon-live".into());
        let thread = threads::spawn(builder, move || {
            let until = Instant::now() + FOR_EVER;
            let _ = sleeper.wait_until(until, &[], |state| {
                shown.show();
                state.gone
            });
            shown.show_rest();
        });
        thread
            .ok()
            .map(|thread| LiveOutput(Maker::here(), Some(thread)))
    }
}

impl Drop for LiveOutput {
    /// Waits until the thread has printed everything.
    fn drop(&mut self) {
        let thread = self.1.take();
        // `fork` copies only the calling thread, so a forked child has no thread to join.
        if let Some(thread) = thread.filter(|_| self.0.is_here()) {
            let _ = thread.join();
        }
    }
}

struct Shown {
    prefix: String,
    log: Arc<Log>,
    at: u64,
    pending: Vec<u8>,
}

impl Shown {
    /// Prints the lines that were completed since the last call.
    fn show(&mut self) {
        let end = output::length(self.log.file());
        let new = holes::read(self.log.file(), self.at..end.max(self.at));
        self.pending.extend(new.unwrap_or_default());
        self.at = end.max(self.at);
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.write(&line[..end]);
        }
        if self.pending.len() > LONGEST {
            self.show_rest();
        }
    }

    fn show_rest(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.write(&rest);
        }
    }

    /// Prints a line with one write, since other threads and processes write to stderr too.
    /// `eprint!` would leave the line to a test harness that captures output.
    fn write(&self, line: &[u8]) {
        let _ = io::stderr().write_all(whole(&self.prefix, line).as_bytes());
    }
}

/// Returns the line with control characters escaped: a terminal that interprets them could erase
/// other output.
fn whole(prefix: &str, line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    format!("{prefix}{}\n", escaped(String::from_utf8_lossy(line)))
}

/// Returns `name |`, coloured by name if the user wants colours (<https://no-color.org>).
fn prefix(name: &str) -> String {
    let off = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if off("NO_COLOR") || is_dumb || !io::stderr().is_terminal() {
        return format!("{} | ", escaped(name));
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    // The six of the eight colours that are readable on both black and white.
    let colour = 31 + hasher.finish() % 6;
    format!("\x1b[{colour}m{} |\x1b[0m ", escaped(name))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_is_shown_and_not_obeyed() {
        let shown = |line| super::whole("server | ", line);
        assert_eq!(shown(b"up\tto\r"), "server | up\tto\n");
        let hostile = shown(b"\x1b[2J\rgone\x9b2J\xc2\x9b");
        assert_eq!(hostile, "server | \\u{1b}[2J\\rgone\u{fffd}2J\\u{9b}\n");
    }
}
