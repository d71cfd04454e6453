//! The error type of the crate, which prints a report.

pub(crate) mod causes;
mod fold;
mod shown;
mod tail;

use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::process::ExitStatus;
use std::sync::Arc;

pub(crate) use shown::{
    Escaped, escaped, is_obeyed, is_on_github, shortened, shortened_to, shown_command,
};
pub(crate) use tail::{Count, Excerpt, SinceReady, Source, Tail};

/// Why a process could not be started, waited for, or stopped.
///
/// `Display` prints a report: the command, the place of its declaration, the unfinished probe, the
/// last result of that probe, and the last lines of the program's output. `Debug` prints the same,
/// since `unwrap` and tests that return `Err` print `Debug`.
///
/// ```
/// use summon::SimpleExecutor;
///
/// let error = SimpleExecutor::new("no-such-program --fast").start().unwrap_err();
/// let report = error.to_string();
/// assert!(report.starts_with("no-such-program could not be started: `no-such-program` is not in PATH"));
/// assert!(report.contains("\n  command   no-such-program --fast"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Report>);

/// The parts of an error. Only this file lays them out as text.
#[derive(Clone, Default)]
struct Report {
    headline: String,
    facts: Vec<(Cow<'static, str>, String)>,
    timeout: bool,
    already_running: bool,
    port_in_use: bool,
    exit: Option<ExitStatus>,
    output: Option<Tail>,
    /// Why the test should be skipped.
    skip: Option<String>,
}

impl Error {
    /// Creates an error with this text, for an executor or a function of your own.
    ///
    /// ```
    /// use summon::Error;
    ///
    /// fn seed() -> Result<(), Error> {
    ///     std::fs::read("no/such/file").map_err(|error| Error::other(format!("no seed: {error}")))?;
    ///     Ok(())
    /// }
    ///
    /// assert!(seed().unwrap_err().to_string().starts_with("no seed: "));
    /// ```
    pub fn other(message: impl fmt::Display) -> Error {
        Error::new(message.to_string())
    }

    pub(crate) fn new(headline: impl Into<String>) -> Error {
        Error(Arc::new(Report {
            headline: headline.into(),
            ..Report::default()
        }))
    }

    /// Returns the report to change. The error has no clone while it is built, so this copies nothing.
    fn report(&mut self) -> &mut Report {
        Arc::make_mut(&mut self.0)
    }

    /// Adds a fact to the report. `Display` aligns its further lines with the first.
    pub(crate) fn fact(
        mut self,
        label: impl Into<Cow<'static, str>>,
        fact: impl Into<String>,
    ) -> Error {
        self.report().facts.push((label.into(), fact.into()));
        self
    }

    /// Returns whether the report has a fact with this label.
    pub(crate) fn has_fact(&self, label: &str) -> bool {
        self.0.facts.iter().any(|(it, _)| it == label)
    }

    /// Adds each of these hints.
    pub(crate) fn hints(self, hints: impl IntoIterator<Item = String>) -> Error {
        let hints = hints.into_iter();
        hints.fold(self, |error, hint| error.fact("hint", hint))
    }

    /// Adds the facts of another error, which this one explains to the user.
    pub(crate) fn facts_of(mut self, other: &Error) -> Error {
        let Report { facts, timeout, .. } = &*other.0;
        for (label, fact) in facts {
            // Both may name the engine.
            if !self.0.facts.contains(&(label.clone(), fact.clone())) {
                self = self.fact(label.clone(), fact);
            }
        }
        match timeout {
            true => self.timeout(),
            false => self,
        }
    }

    /// Adds the message of a panic. A process that gets this error from another one did not print the message.
    pub(crate) fn panicked(self, panic: &(dyn Any + Send)) -> Error {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        match text.or_else(|| panic.downcast_ref::<&str>().copied()) {
            Some(text) => self.fact("panic", text),
            None => self,
        }
    }

    /// Adds the last lines of a helper command's output.
    pub(crate) fn said(self, output: &[u8]) -> Error {
        let text = String::from_utf8_lossy(output);
        let rows: Vec<_> = tail::last_rows(&text).iter().map(fold::Row::text).collect();
        match rows.join("\n") {
            said if said.is_empty() => self,
            said => self.fact("it said", said),
        }
    }

    pub(crate) fn timeout(mut self) -> Error {
        self.report().timeout = true;
        self
    }

    pub(crate) fn already_running(mut self) -> Error {
        self.report().already_running = true;
        self
    }

    /// Sets whether a port that the program binds was in use.
    pub(crate) fn port_in_use(mut self, in_use: bool) -> Error {
        self.report().port_in_use = in_use;
        self
    }

    pub(crate) fn is_port_in_use(&self) -> bool {
        self.0.port_in_use
    }

    pub(crate) fn exit(mut self, status: Option<ExitStatus>) -> Error {
        self.report().exit = status;
        self
    }

    pub(crate) fn tail(mut self, tail: Tail) -> Error {
        self.report().output = Some(tail);
        self
    }

    /// Shows these lines of the output instead of the last lines.
    pub(crate) fn excerpt(mut self, excerpt: Excerpt) -> Error {
        if let Some(tail) = &mut self.report().output {
            tail.excerpt = Some(excerpt);
        }
        self
    }

    /// Asks to skip the test, for this reason.
    pub(crate) fn skip(mut self, why: impl Into<String>) -> Error {
        self.report().skip = Some(why.into());
        self
    }

    /// Returns why the test should be skipped.
    pub(crate) fn skipped(&self) -> Option<&str> {
        self.0.skip.as_deref()
    }

    /// Returns the first line. It names no log, so it keeps no log.
    pub(crate) fn headline(&self) -> &str {
        &self.0.headline
    }

    /// Returns whether a time-out caused the error: a start, a wait, or a stop took too long.
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// sleeper.start()?;
    /// assert!(sleeper.wait("1ms").unwrap_err().is_timeout());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.0.timeout
    }

    /// Returns whether the process was running before the start, or another process serves its port.
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// sleeper.start()?;
    /// assert!(sleeper.start().unwrap_err().is_already_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn is_already_running(&self) -> bool {
        self.0.already_running
    }

    /// Returns whether the test should be skipped: a program is not there, and
    /// [`missing`](crate::Coordinated::missing) or `SUMMON_MISSING` asks to skip the test. The
    /// attribute skips a test without this.
    ///
    /// ```
    /// use summon::{Error, Missing, SimpleExecutor};
    ///
    /// fn test() -> Result<(), Error> {
    ///     let server = SimpleExecutor::new("no-such-program").missing(Missing::Skip);
    ///     match server.start() {
    ///         Err(error) if error.is_skipped() => {
    ///             println!("SKIPPED: {error}");
    ///             return Ok(());
    ///         }
    ///         started => started?,
    ///     }
    ///     server.stop()
    /// }
    /// # let _ = test();
    /// ```
    pub fn is_skipped(&self) -> bool {
        self.0.skip.is_some()
    }

    /// Returns the exit status of the process if its end caused the error, else `None`.
    ///
    /// ```
    /// let server = summon::OutputCoordinatedExecutor::new("sh -c 'exit 3'", "^up$");
    /// let status = server.start().unwrap_err().exit_status();
    /// assert_eq!(status.and_then(|status| status.code()), Some(3));
    /// ```
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.0.exit
    }

    /// Returns the last part of the output, up to 64 KiB, byte for byte. Empty if the process wrote
    /// nothing or never ran.
    ///
    /// ```
    /// let server = summon::OutputCoordinatedExecutor::new("sh -c 'echo no disk; exit 3'", "^up$");
    /// assert_eq!(server.start().unwrap_err().output(), b"no disk\n");
    /// ```
    pub fn output(&self) -> &[u8] {
        self.0.output.as_ref().map_or(&[], |tail| &tail.bytes)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        let f = &mut Escaped::new(f);
        f.write_str(&report.headline)?;
        for (label, fact) in &report.facts {
            // A user may copy the command.
            let is_command = label == "command";
            let mut lines = fact.lines().map(|line| match is_command {
                true => Cow::Borrowed(line),
                false => shortened(line.as_bytes()),
            });
            write!(f, "\n  {label:<9} {}", lines.next().unwrap_or_default())?;
            for line in lines {
                write!(f, "\n  {:<9} {line}", "")?;
            }
        }
        match &report.output {
            Some(tail) => tail.show(f),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::*;

    struct Nowhere;

    fn lines(lines: usize) -> Count {
        let is_more = false;
        Count { lines, is_more }
    }

    impl Source for Nowhere {
        fn path(&self) -> &Path {
            Path::new("/tmp/x.log")
        }

        fn file(&self) -> &File {
            unreachable!("nobody reads it")
        }

        fn name_it(&self) {}
    }

    #[test]
    fn a_report_has_nothing_that_a_terminal_obeys() {
        let hostile = "\x1b[2J\r\x08\x07\u{9b}2J\u{202e}\u{2066}\u{2028}\x7f\0";
        let shown = r"\u{1b}[2J\r\u{8}\u{7}\u{9b}2J\u{202e}\u{2066}\u{2028}\u{7f}\u{0}";
        // Nobody sees these.
        let hidden = "\u{feff}a\u{200b}\u{200d}\u{2060}\u{ad}\u{e0041}\u{e0100}";
        let told = r"\u{feff}a\u{200b}\u{200d}\u{2060}\u{ad}\u{e0041}\u{e0100}";
        assert_eq!(escaped(hidden), told);
        let seen = "\u{2714}\u{fe0f} \u{e4} \u{1f600} \u{4e2d}";
        assert_eq!(escaped(seen), seen);
        let error = Error::new(format!("x {hostile}"))
            .fact("command", format!("y {hostile}\nz\tä {hostile}"));
        let expected = format!("x {shown}\n  command   y {shown}\n            z\tä {shown}");
        assert_eq!(error.to_string(), expected);
        // Once, however often it is passed on.
        assert_eq!(Error::other(&error).to_string(), expected);
    }

    #[test]
    fn a_report_has_one_fact_a_line() {
        let error = Error::new("redis exited with code 1 before it was ready")
            .fact("declared", "tests/cache.rs:12")
            .fact("waiting", "first\nsecond")
            .tail(Tail {
                bytes: b"one\n\x1b[1mtwo\n".to_vec(),
                lines: lines(7),
                since_ready: None,
                excerpt: None,
                source: Arc::new(Nowhere),
            });
        let expected = "\
redis exited with code 1 before it was ready
  declared  tests/cache.rs:12
  waiting   first
            second
  output    last 2 of 7 lines, /tmp/x.log
            | one
            | \\u{1b}[1mtwo";
        assert_eq!(error.to_string(), expected);
        assert_eq!(format!("{error:?}"), expected);
        assert_eq!(error.output(), b"one\n\x1b[1mtwo\n");
        // A test that fails shows only the lines since the program became ready.
        let since_ready = |bytes, later| {
            let since_ready = Some(SinceReady {
                bytes,
                lines: lines(later),
                before: lines(7 - later),
            });
            let error = Error::new("redis was alive").tail(Tail {
                bytes: b"one\ntwo\n".to_vec(),
                lines: lines(7),
                since_ready,
                excerpt: None,
                source: Arc::new(Nowhere),
            });
            assert_eq!(error.output(), b"one\ntwo\n");
            error.to_string()
        };
        assert_eq!(
            since_ready(4, 1),
            "redis was alive\n  output    since it was ready (6 lines before), last 1 of 1 line, /tmp/x.log\n            | two"
        );
        assert_eq!(
            since_ready(0, 0),
            "redis was alive\n  output    none since it was ready; before that, last 2 of 7 lines, /tmp/x.log\n            | one\n            | two"
        );
    }
}
