//! Trace events of the run, in a file for Perfetto and `chrome://tracing`: `SUMMON_TRACE=out.json`.
//!
//! All test processes of a run append to one file, in the JSON array format
//! (<https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>). The file is
//! complete at every moment: a new event overwrites the closing bracket, and ends with a new one.
//! Each test has a row. The rows of its processes are below it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::is_obeyed;
use crate::progress;
use crate::small_map::SmallMap;
use crate::sys::maker::Maker;
use crate::sys::{self, runner};

/// Returns the file, if the user wants one.
fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let path = runner::path_from_env("SUMMON_TRACE")?;
        match open(&path) {
            Ok(file) => {
                let program = std::env::current_exe().unwrap_or_default();
                let program = program.file_stem().unwrap_or_default().to_string_lossy();
                name(&file, "process_name", 0, &program);
                Some(file)
            }
            Err(error) => {
                let path = path.display();
                progress::say(&format!("SUMMON_TRACE: {path} can't be written: {error}"));
                None
            }
        }
    };
    FILE.get_or_init(open).as_ref()
}

/// Opens the file of this run. The first process of a run truncates it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = sys::private::options_through_links();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let id = runner::current().map_or_else(
        || format!("process {}", std::process::id()),
        |runner| runner.id.clone(),
    );
    let head = format!(
        "[\n{{\"ph\":\"M\",\"name\":\"summon_run\",\"pid\":0,\"tid\":0,\"args\":{{\"id\":\"{}\"}}}}",
        escaped(&id)
    );
    // Hold the lock until the head is written: a process that opens the file meanwhile waits, and
    // then finds the head.
    if !take(&file)? {
        return Err(io::Error::other(HELD));
    }
    let mut found = vec![0; head.len()];
    file.rewind()?;
    if file.read_exact(&mut found).is_err() || found != head.as_bytes() {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all((head + END).as_bytes())?;
    }
    sys::unlock_file(&file)?;
    Ok(file)
}

/// A row of the trace. A forked child has a copy, and adds no events to it.
#[derive(Debug)]
pub(super) struct Row(u64, Maker);

/// The rows of this process.
struct Rows {
    count: u64,
    of_tests: SmallMap<String, u64>,
}

static ROWS: Mutex<Rows> = Mutex::new(Rows {
    count: 0,
    of_tests: SmallMap::new(),
});

/// The distance between the places of two tests. The rows of a test's processes fit in between.
const APART: u64 = 1000;

impl Row {
    /// Returns the row of a test, always the same. `None` if the user wants no trace.
    pub(super) fn of_test(test: &str) -> Option<Row> {
        let file = file()?;
        let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.of_tests.get(test) {
            return Some(Row(*row, Maker::here()));
        }
        rows.count += 1;
        let row = rows.count;
        rows.of_tests.insert(test.to_owned(), row);
        name_row(file, row, test, row * APART);
        Some(Row(row, Maker::here()))
    }

    /// Makes a row for a process, below the row of its test.
    pub(super) fn of_process(test: &str, process: &str) -> Option<Row> {
        let Row(above, _) = Row::of_test(test)?;
        let row = {
            let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
            rows.count += 1;
            rows.count
        };
        name_row(
            file()?,
            row,
            &format!("{test}: {process}"),
            above * APART + row % APART,
        );
        Some(Row(row, Maker::here()))
    }

    pub(super) fn begin(&self, bar: &str, detail: &str) {
        let (bar, detail) = (escaped(bar), escaped(detail));
        self.write(
            Duration::ZERO,
            &format!(
                "\"ph\":\"B\",\"name\":\"{bar}\",\"cat\":\"summon\",\"args\":{{\"detail\":\"{detail}\"}}"
            ),
        );
    }

    /// Ends the bar at the time `ago` before now.
    pub(super) fn end(&self, ago: Duration) {
        self.write(ago, "\"ph\":\"E\"");
    }

    /// Adds an event without a duration, at the time `ago` before now.
    pub(super) fn mark(&self, what: &str, ago: Duration) {
        let what = escaped(what);
        self.write(
            ago,
            &format!("\"ph\":\"i\",\"s\":\"t\",\"name\":\"{what}\",\"cat\":\"summon\""),
        );
    }

    /// Adds an event that happened at the time `ago` before now.
    fn write(&self, ago: Duration, event: &str) {
        if let Some(file) = file().filter(|_| self.1.is_here()) {
            write(file, || {
                format!("{event},\"ts\":{},\"tid\":{}", at(ago), self.0)
            });
        }
    }
}

fn name_row(file: &File, row: u64, called: &str, place: u64) {
    name(file, "thread_name", row, called);
    write(file, || {
        format!(
            "\"ph\":\"M\",\"name\":\"thread_sort_index\",\"tid\":{row},\"args\":{{\"sort_index\":{place}}}"
        )
    });
}

/// Returns the time `ago` before now, in microseconds since 1970. The system's clock is asked
/// once: it may be set back during the run, and a bar would then begin before the last one ended.
fn at(ago: Duration) -> u128 {
    static FIRST: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (clock, first) = FIRST.get_or_init(|| (SystemTime::now(), Instant::now()));
    let since = clock.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since + first.elapsed()).saturating_sub(ago).as_micros()
}

fn name(file: &File, kind: &str, row: u64, called: &str) {
    let called = escaped(called);
    write(file, || {
        format!("\"ph\":\"M\",\"name\":\"{kind}\",\"tid\":{row},\"args\":{{\"name\":\"{called}\"}}")
    });
}

/// The end of the file.
const END: &str = "\n]\n";
/// The time-out of the lock. A process adds an event in less than a millisecond, unless it is
/// halted meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// The reason for missing events after that time-out.
const HELD: &str = "another process has held the lock on the file for 1 s";
/// The pause between two attempts: no system has a file lock with a time-out. A thread that waits in its
/// place could get the lock after the time-out, and this process would keep it.
const PAUSE: Duration = Duration::from_micros(200);

/// Adds an event. `event` runs while this process holds the lock, so that the times of a row's
/// events are in the order of the file, although several threads may work for one test.
fn write(file: &File, event: impl FnOnce() -> String) {
    // The file lock belongs to the process, so its threads need a lock among themselves.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let pid = std::process::id();
    if !take(file).unwrap_or(false) {
        static SAID: Once = Once::new();
        SAID.call_once(|| progress::say(&format!("SUMMON_TRACE: events are missing: {HELD}")));
        return;
    }
    // A failure to trace is no failure of the test.
    let _ = add(file, &format!(",\n{{\"pid\":{pid},{}}}{END}", event()));
    let _ = sys::unlock_file(file);
}

/// Takes the lock on the file. Returns `false` after the time-out.
fn take(file: &File) -> io::Result<bool> {
    let until = Instant::now() + PATIENCE;
    while !sys::try_lock_file(file)? {
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}

/// Adds an event with one write, so that the file is complete whenever this process ends.
fn add(mut file: &File, event: &str) -> io::Result<()> {
    file.seek(io::SeekFrom::End(-(END.len() as i64)))?;
    file.write_all(event.as_bytes())
}

/// Escapes a text for a JSON string.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            // JSON strings may not contain control characters (RFC 8259). Escape the other
            // characters that terminals interpret too, for users who print the file.
            c if c == '\t' || is_obeyed(c) => {
                let _ = write!(escaped, "\\u{:04x}", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a\"b\\c\n\u{1}ä"), "a\\\"b\\\\c\\u000a\\u0001ä");
    }

    #[test]
    fn the_first_of_a_run_begins_the_file_anew() {
        let home =
            crate::session::Home::create("trace", None, sys::users::Access::PRIVATE).unwrap();
        let path = home.dir().join("out.json");
        std::fs::write(&path, "[\nof an older run,\n").unwrap();
        let first = open(&path).unwrap();
        write(&first, || "\"ph\":\"E\"".to_owned());
        let second = open(&path).unwrap();
        write(&second, || "\"ph\":\"B\"".to_owned());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("older"), "{text}");
        let pid = std::process::id();
        let events =
            format!(",\n{{\"pid\":{pid},\"ph\":\"E\"}},\n{{\"pid\":{pid},\"ph\":\"B\"}}\n]\n");
        assert!(
            text.starts_with("[\n{\"ph\":\"M\",\"name\":\"summon_run\"") && text.ends_with(&events),
            "{text}"
        );
    }
}
