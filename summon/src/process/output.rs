//! The output of a handle's process, and its standard input.

use std::time::Instant;

use super::Process;
use super::launched::NotWritten;
use super::output_window::Position;
use crate::error::{Error, Source as _};
use crate::limit::Limit;
use crate::output::{self, Pattern, Search};
use crate::sys::signal::how_it_ended;

/// A position in the output of a process, between earlier and later output.
///
/// [`Process::mark`] returns it.
///
/// ```
/// use summon::{Error, Mark, SimpleExecutor, Stdin};
///
/// fn answer(mark: Mark<'_>) -> Result<String, Error> {
///     mark.wait_for_output(r"\d rows", "5s")
/// }
///
/// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped());
/// echo.start()?;
/// let mark = echo.mark();
/// echo.write_stdin("2 rows\n")?;
/// assert_eq!(answer(mark)?, "2 rows");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mark<'p> {
    process: &'p Process,
    position: Position,
}

impl Mark<'_> {
    /// Waits until a line after the mark matches, and returns the line. Otherwise it does what
    /// [`Process::wait_for_output`] does.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped());
    /// echo.start()?;
    /// echo.write_stdin("1 row\n")?;
    /// echo.wait_for_output("row", "5s")?;
    /// let mark = echo.mark();
    /// echo.write_stdin("2 rows\n")?;
    /// assert_eq!(mark.wait_for_output(r"\d row", "5s")?, "2 rows");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Process::wait_for_output`].
    pub fn wait_for_output(&self, regex: &str, timeout: impl Into<Limit>) -> Result<String, Error> {
        let position = Some(self.position);
        self.process.wait_for_line(position, regex, &timeout.into())
    }
}

impl Process {
    /// Returns the output of all starts so far: both streams, in the order written. If a log
    /// exceeds [`log_limit`](crate::Coordinated::log_limit), its middle is replaced by a note.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'echo one; echo two >&2'");
    /// job.start()?;
    /// job.wait("5s")?;
    /// assert_eq!(job.output(), b"one\ntwo\n");
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn output(&self) -> Vec<u8> {
        self.catch_up();
        match self.parts.resources.home() {
            Some(home) => output::read_all(home.log().file(), 0),
            None => Vec::new(),
        }
    }

    /// Returns the standard output so far, like [`output`](Process::output) for both streams.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'echo 3 rows; echo done >&2'").split_output(true);
    /// job.start()?;
    /// job.wait("5s")?;
    /// assert_eq!(job.stdout(), b"3 rows\n");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If [`split_output`](crate::Coordinated::split_output) is not set.
    #[track_caller]
    pub fn stdout(&self) -> Vec<u8> {
        self.stream(0, "stdout")
    }

    /// Returns the standard error so far, like [`output`](Process::output) for both streams.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'echo 3 rows; echo done >&2'").split_output(true);
    /// job.start()?;
    /// job.wait("5s")?;
    /// assert_eq!(job.stderr(), b"done\n");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If [`split_output`](crate::Coordinated::split_output) is not set.
    #[track_caller]
    pub fn stderr(&self) -> Vec<u8> {
        self.stream(1, "stderr")
    }

    #[track_caller]
    fn stream(&self, index: usize, name: &str) -> Vec<u8> {
        if !self.parts.declaration.spec.split_output {
            panic!(
                "the {name} of {} is not recorded separately: set `split_output = true`, or use `output()`",
                self.name()
            );
        }
        self.catch_up();
        let home = self.parts.resources.home();
        match home.as_ref().and_then(|home| home.streams()) {
            Some(streams) => output::read_all(&streams.files()[index], 0),
            None => Vec::new(),
        }
    }

    /// Waits until the log holds all output written so far.
    fn catch_up(&self) {
        if let Some(launched) = self.parts.life.launched() {
            // If the guard has ended, the log is complete.
            let _ = launched.guarded.sync();
        }
    }

    /// Returns the current position in the output. With it, a test can wait for output that its own
    /// actions cause.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped());
    /// echo.start()?;
    /// echo.write_stdin("hello\n")?;
    /// echo.wait_for_output("hello", "5s")?;
    ///
    /// let mark = echo.mark();
    /// assert!(mark.wait_for_output("hello", "10ms").is_err()); // the line is before the mark
    /// echo.write_stdin("hello again\n")?;
    /// assert_eq!(mark.wait_for_output("hello", "5s")?, "hello again");
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn mark(&self) -> Mark<'_> {
        Mark {
            process: self,
            position: self.position(),
        }
    }

    /// Returns the length of the log so far. Later output begins at this offset.
    pub(crate) fn log_length(&self) -> u64 {
        let home = self.parts.resources.home();
        home.map_or(0, |home| output::length(home.log().file()))
    }

    /// Returns the end of the output so far.
    pub(super) fn position(&self) -> Position {
        self.catch_up();
        let home = self.parts.resources.home();
        let streams = home.and_then(|home| Some(home.streams()?.lengths()));
        Position {
            log: self.log_length(),
            streams,
        }
    }

    /// Waits until a line of output matches, and returns that line. Lines written since the last
    /// start and before the call count too. For the syntax see
    /// [`probe::output`](crate::probe::output()).
    ///
    /// ```
    /// use summon::SimpleExecutor;
    ///
    /// let job = SimpleExecutor::new("sh -c 'echo 3 rows copied; exec sleep 100'");
    /// job.start()?;
    /// let line = job.wait_for_output(r"\d+ rows", "5s")?;
    /// assert_eq!(line, "3 rows copied");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `regex` is not a regular expression, the process was never started, or no line matches
    /// before the process ends or the time-out passes.
    pub fn wait_for_output(&self, regex: &str, timeout: impl Into<Limit>) -> Result<String, Error> {
        self.wait_for_line(None, regex, &timeout.into())
    }

    fn wait_for_line(
        &self,
        after: Option<Position>,
        regex: &str,
        timeout: &Limit,
    ) -> Result<String, Error> {
        let (parts, declaration) = (&self.parts, &self.parts.declaration);
        let limit = declaration.limit(timeout)?;
        let name = self.name();
        let pattern = Pattern::new(regex)
            .map_err(|why| declaration.error(format!("can't wait for output: `{regex}` {why}")))?;
        let launched = parts.life.launched().ok_or_else(|| {
            declaration.error(format!("{name} has no output: it was not started"))
        })?;
        let from = after.map_or(launched.since, |position| position.log);
        let streams = after.and_then(|position| position.streams);
        let mut search = Search::new(launched.home.written(from, streams));
        let mut found = Ok(None);
        // The guard reports the end of the output before the end of the program. So a search after
        // the program's end sees all output.
        let deadline = Instant::now() + limit;
        let known = launched.guarded.wait_until(deadline, &[], |state| {
            found = search.find(&pattern, deadline);
            !matches!(found, Ok(None)) || state.exit.is_some() || state.gone
        });
        let error = |why: String| {
            let error = format!("no line of {name}'s output matches `{regex}`: {why}");
            parts.error_with_output(error, &launched)
        };
        match (found, known) {
            (Ok(Some(line)), _) => Ok(String::from_utf8_lossy(&line).into_owned()),
            (Err(failed), _) | (_, Err(failed)) => Err(error(failed.to_string())),
            (Ok(None), Ok(None)) => {
                let log = launched.home.log();
                Err(match output::unfinished_in(&pattern, log.file(), from) {
                    None => error(format!("timed out after {limit:?}")),
                    Some((line, hint)) => {
                        let seen = format!("`{line}` matches, but did not end within {limit:?}");
                        error(seen).fact("hint", hint)
                    }
                }
                .timeout())
            }
            (Ok(None), Ok(Some(state))) => {
                let ended = state.exit.map_or("is gone".to_owned(), how_it_ended);
                let error = error(format!("{name} {ended}")).exit(state.exit);
                Err(error.hints(parts.forked_away(&launched)))
            }
        }
    }

    /// Writes to the standard input of a process with [`Stdin::piped`](crate::Stdin::piped).
    /// Returns when the pipe has taken all bytes. If the program does not read, waits for up to the
    /// time-out of the start ([`timeout`](crate::Coordinated::timeout), default: 30 s).
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped());
    /// echo.start()?;
    /// echo.write_stdin("hello\n")?;
    /// assert_eq!(echo.wait_for_output("hello", "5s")?, "hello");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, its input is not piped or is closed, it does not read in time,
    /// or it is a fixture.
    pub fn write_stdin(&self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let launched = self.parts.running_own("written to")?;
        let declaration = &self.parts.declaration;
        let limit = declaration.limit(&declaration.spec.timeout)?;
        let written = launched.input.write(bytes.as_ref(), Instant::now() + limit);
        let no_input =
            |why: &str| declaration.error(format!("{} can't be written to: {why}", self.name()));
        written.map_err(|why| match why {
            NotWritten::Closed => no_input("its input is closed, or not `Stdin::piped()`"),
            NotWritten::Late => no_input(&format!("it did not read within {limit:?}")).timeout(),
            NotWritten::Failed(error) => no_input(&error.to_string()),
        })
    }

    /// Closes the standard input of a process with [`Stdin::piped`](crate::Stdin::piped). Has no
    /// effect if the input is closed already.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped());
    /// echo.start()?;
    /// echo.write_stdin("all there is")?;
    /// echo.close_stdin()?;
    /// assert!(echo.wait("5s")?.success());
    /// assert_eq!(echo.output(), b"all there is");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn close_stdin(&self) -> Result<(), Error> {
        let launched = self.parts.running_own("written to")?;
        launched.input.set(None);
        Ok(())
    }
}
