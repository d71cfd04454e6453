//! `SUMMON_HOLD` keeps the processes of a test up, so that a person can look into them.

mod nextest;
mod setting;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) use setting::Setting;

use crate::error::{Error, escaped};
use crate::executor::Executor;
use crate::panicked::Failure;
use crate::progress;
use crate::sys::fd::AsFd;
use crate::sys::terminal::Terminal;
use crate::sys::{runner, wait};

/// How often a hold looks whether it has to end.
const PACE: Duration = Duration::from_millis(100);
/// How long after the end of a hold a guard ends its process without an order. The test itself
/// comes first, so that an end in time is an end in order.
const SPARE: Duration = Duration::from_secs(1);

/// One hold at a time reads Enter. The others wait here.
static TURN: Mutex<()> = Mutex::new(());
/// When the last hold of the queue ends at the latest.
static LAST_END: Mutex<Option<Instant>> = Mutex::new(None);

/// What summon has printed about a failed test.
pub(super) struct Told {
    pub(super) failure: Failure,
    pub(super) reports: Vec<Error>,
}

impl Told {
    /// Returns the message of the panic, and the reports.
    fn text(&self) -> String {
        let panic = self.failure.panic.as_ref();
        let panic = panic.map(|panic| {
            let place = panic.place.as_ref();
            let place = place.map_or(String::new(), |it| format!(" at {}:{}", it.file, it.line));
            escaped(format!("panicked{place}:\n{}", panic.message))
        });
        let reports = self.reports.iter().map(Error::to_string);
        panic
            .into_iter()
            .chain(reports)
            .map(|text| text + "\n\n")
            .collect()
    }
}

/// Why a hold has ended.
enum End {
    Enter,
    Time,
    Run,
}

/// Holds the processes of a test, if the setting says so. `told` is what summon has printed about
/// a failure.
pub(super) fn hold(setting: &Setting, test: &str, nodes: &[&dyn Executor], told: Option<&Told>) {
    if nodes.is_empty() || (told.is_none() && !setting.always) {
        return;
    }
    // The guards learn the latest end before anything waits. From here on nothing outlives it, even
    // if this process is halted, or blocked in the queue.
    let latest = enqueue(setting.limit);
    let own = nodes.iter().filter(|node| node.shared_as().is_none());
    for process in own.flat_map(|node| node.processes()) {
        process.hold(latest.saturating_duration_since(Instant::now()) + SPARE);
    }
    let _turn = TURN.try_lock().unwrap_or_else(|_| {
        progress::say(&format!(
            "{test} is held, too; its turn comes after the hold of another test"
        ));
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    });
    let terminal = Terminal::open();
    let can_read = terminal.as_ref().is_some_and(Terminal::is_in_foreground);
    let block = block(setting, test, nodes, told.is_some(), can_read);
    let is_to_terminal = terminal.is_some() && !io::stderr().is_terminal();
    let is_known = !is_captured() && !is_to_terminal;
    let before = told.filter(|_| !is_known).map_or(String::new(), Told::text);
    show(&format!("\n{before}{block}\n\n"), terminal.as_ref());
    if let Some(terminal) = terminal.as_ref().filter(|_| can_read) {
        // An Enter from before the hold is not meant for it.
        terminal.discard_input();
    }
    let end = wait_for_end(Instant::now() + setting.limit, terminal.as_ref());
    let why = match end {
        End::Enter => "the test goes on",
        End::Time => "the time is over, and the test goes on",
        End::Run => "the run has ended",
    };
    progress::say(&format!("{test} is no longer held: {why}"));
}

/// Returns the latest end of a hold that begins after those in the queue.
fn enqueue(limit: Duration) -> Instant {
    let last = LAST_END.lock();
    let mut last = last.unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let end = last.map_or(now, |last| last.max(now)) + limit;
    *last = Some(end);
    end
}

fn wait_for_end(until: Instant, terminal: Option<&Terminal>) -> End {
    let runner = runner::current();
    loop {
        // In the background a read would halt this process. It may come to the foreground later.
        let readable = terminal.filter(|terminal| terminal.is_in_foreground());
        if readable.is_some_and(Terminal::has_line) {
            return End::Enter;
        }
        let now = Instant::now();
        if now >= until {
            return End::Time;
        }
        if runner.is_some_and(|runner| wait::is_readable(&runner.ending)) {
            return End::Run;
        }
        let ending: Vec<_> = runner.iter().map(|runner| runner.ending.as_fd()).collect();
        if wait::sleep(&ending, Some(until.min(now + PACE))).is_err() {
            return End::Time;
        }
    }
}

/// Returns what a person needs, in the form of a report.
fn block(
    setting: &Setting,
    test: &str,
    nodes: &[&dyn Executor],
    has_failed: bool,
    can_read: bool,
) -> Error {
    let how = if has_failed {
        "has failed"
    } else {
        "has passed"
    };
    let time = humantime(setting.limit);
    let mut block = Error::new(format!("{test} {how}, and summon holds it for {time}"));
    for node in nodes {
        for process in node.processes() {
            let name = node.shared_as().unwrap_or(process.name()).to_owned();
            let lines = process.lines_for_a_person(node.database_url());
            block = block.fact(name, lines.join("\n"));
        }
    }
    let pid = std::process::id();
    let go_on = match can_read {
        true => "press Enter; Ctrl-C ends the run".to_owned(),
        false => format!("`kill {pid}` ends this test process; Ctrl-C ends the run"),
    };
    let block = nextest::warning()
        .into_iter()
        .fold(block, |block, warning| block.fact("nextest", warning));
    block.fact("go on", go_on)
}

/// Writes past the harness: libtest captures only the print macros. A runner that captures the
/// output of its tests would show the text too late, so it also goes to the terminal.
fn show(text: &str, terminal: Option<&Terminal>) {
    if let Some(terminal) = terminal.filter(|_| !io::stderr().is_terminal()) {
        terminal.write(text);
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Returns whether libtest captures the output of its tests, so that nobody has read the failure
/// yet.
fn is_captured() -> bool {
    let is_off = |arg: OsString| arg == "--nocapture" || arg == "--no-capture";
    let variable = std::env::var_os("RUST_TEST_NOCAPTURE");
    !std::env::args_os().any(is_off) && variable.is_none_or(|value| value == "0")
}

fn humantime(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) => format!("{} s", limit.as_secs_f64()),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
