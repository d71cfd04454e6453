//! What a process writes, and what it is told on its standard input.

use std::io::{self, Write};
use std::time::Instant;

use super::report::with_output;
use super::{Process, lock};
use crate::error::{Error, Source as _};
use crate::limit::Limit;
use crate::output::{self, Pattern, Search};
use crate::sys::fd::AsFd;
use crate::sys::signal::how_it_ended;
use crate::sys::wait;

/// A point in the output of a process: what was written before it, and what after.
///
/// Made by [`Process::mark`].
///
/// ```
/// use summon::{OutputCoordinatedExecutor, Stdin};
///
/// let server = OutputCoordinatedExecutor::new("sh -c 'echo up; exec cat'", "^up$")
///     .stdin(Stdin::piped());
/// server.start()?;
/// let before = server.mark();
/// server.write_stdin("hello\n")?;
/// server.wait_for_output("hello", "5s")?;
/// assert!(before < server.mark());
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    log: u64,
    /// In the streams, if they are apart.
    streams: Option<[u64; 2]>,
}

impl Process {
    /// What it has written so far, both streams in the order written, over all its starts. What is
    /// longer than [`log_limit`](crate::Coordinated::log_limit) has a gap in the middle, and says so.
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
        match &*lock(&self.inner.home) {
            Some(home) => output::read_all(home.log().file(), 0),
            None => Vec::new(),
        }
    }

    /// What it has written to standard output so far, as [`output`](Process::output) has both.
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
    /// Unless [`split_output`](crate::Coordinated::split_output) was asked for.
    #[track_caller]
    pub fn stdout(&self) -> Vec<u8> {
        self.stream(0, "stdout")
    }

    /// What it has written to standard error so far, as [`output`](Process::output) has both.
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
    /// Unless [`split_output`](crate::Coordinated::split_output) was asked for.
    #[track_caller]
    pub fn stderr(&self) -> Vec<u8> {
        self.stream(1, "stderr")
    }

    #[track_caller]
    fn stream(&self, index: usize, name: &str) -> Vec<u8> {
        if !self.inner.spec.split_output {
            panic!(
                "the {name} of {} is not kept apart: say `split_output = true`, or use `output()`",
                self.name()
            );
        }
        self.catch_up();
        let home = lock(&self.inner.home).clone();
        match home.as_ref().and_then(|home| home.streams()) {
            Some(streams) => output::read_all(&streams.files()[index], 0),
            None => Vec::new(),
        }
    }

    /// Has everything in the log that it has written by now.
    fn catch_up(&self) {
        let run = lock(&self.inner.life).run.clone();
        // A guard that is gone has written all of it.
        let _ = run.map(|run| run.guarded.sync());
    }

    /// Marks this point in the output, so that a test can wait for what its own doings cause.
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
    /// assert!(echo.wait_for_output_after(mark, "hello", "10ms").is_err());   // that was before
    /// echo.write_stdin("hello again\n")?;
    /// assert_eq!(echo.wait_for_output_after(mark, "hello", "5s")?, "hello again");
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn mark(&self) -> Mark {
        self.catch_up();
        let home = lock(&self.inner.home).clone();
        let streams = home.and_then(|home| Some(home.streams()?.lengths()));
        Mark {
            log: self.log_length(),
            streams,
        }
    }

    /// Waits until a line of output matches, and returns that line. Lines that were written
    /// before the call count too. The syntax is that of [`probe::output`](crate::probe::output()).
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
    /// If the pattern is no regular expression, the process was never started, or no such line came
    /// before it ended or the time-out passed.
    pub fn wait_for_output(&self, regex: &str, timeout: impl Into<Limit>) -> Result<String, Error> {
        self.wait_for_line(None, regex, &timeout.into())
    }

    /// As [`wait_for_output`](Process::wait_for_output), for what was written after the
    /// [`mark`](Process::mark) alone.
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
    /// assert_eq!(echo.wait_for_output_after(mark, r"\d row", "5s")?, "2 rows");
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As `wait_for_output`.
    pub fn wait_for_output_after(
        &self,
        mark: Mark,
        regex: &str,
        timeout: impl Into<Limit>,
    ) -> Result<String, Error> {
        self.wait_for_line(Some(mark), regex, &timeout.into())
    }

    fn wait_for_line(
        &self,
        mark: Option<Mark>,
        regex: &str,
        timeout: &Limit,
    ) -> Result<String, Error> {
        let limit = self.limit(timeout)?;
        let name = self.name();
        let pattern = Pattern::new(regex)
            .map_err(|why| self.error(format!("no output to wait for: `{regex}` {why}")))?;
        let run = lock(&self.inner.life).run.clone();
        let run =
            run.ok_or_else(|| self.error(format!("{name} has no output: it does not run")))?;
        let from = mark.map_or(run.since, |mark| mark.log);
        let streams = mark.and_then(|mark| mark.streams);
        let mut search = Search::new(run.home.written(from, streams));
        let mut found = Ok(None);
        // The end of the output is told before the end of the program, so one look after that
        // has seen everything.
        let deadline = Instant::now() + limit;
        let known = run.guarded.wait_until(deadline, &[], |state| {
            found = search.find(&pattern, deadline);
            !matches!(found, Ok(None)) || state.exit.is_some() || state.gone
        });
        let error = |why: String| {
            let error = format!("no line of {name}'s output matches `{regex}`: {why}");
            with_output(self.error_as_run(error, &run.as_run), &run)
        };
        match (found, known) {
            (Ok(Some(line)), _) => Ok(String::from_utf8_lossy(&line).into_owned()),
            (Err(failed), _) | (_, Err(failed)) => Err(error(failed.to_string())),
            (Ok(None), Ok(None)) => {
                let log = run.home.log();
                Err(match output::unfinished_in(&pattern, log.file(), from) {
                    None => error(format!("not within {limit:?}")),
                    Some((line, hint)) => {
                        let seen = format!("`{line}` is one, but has not ended within {limit:?}");
                        error(seen).fact("hint", hint)
                    }
                }
                .timeout())
            }
            (Ok(None), Ok(Some(state))) => {
                let ended = state.exit.map_or("is gone".to_owned(), how_it_ended);
                let error = error(format!("{name} {ended}")).exit(state.exit);
                Err(match self.forked_away(&run) {
                    Some(hint) => error.fact("hint", hint),
                    None => error,
                })
            }
        }
    }

    /// Writes to the standard input of a process that was given
    /// [`Stdin::piped`](crate::Stdin::piped). Returns when all of it is on its way: a program that
    /// does not read is waited for, at most as long as for its start
    /// ([`timeout`](crate::Coordinated::timeout)).
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
    /// If it does not run, has no such input or has closed it, does not read, or is a fixture.
    pub fn write_stdin(&self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        self.check_own("written to")?;
        let run = self.running("written to")?;
        let limit = self.limit(&self.inner.spec.timeout)?;
        let no_input =
            |why: &str| self.error(format!("{} can't be written to: {why}", self.name()));
        let mut stdin = lock(&run.stdin);
        let Some(stdin) = &mut *stdin else {
            return Err(no_input("its input is closed, or not `Stdin::piped()`"));
        };
        let until = Instant::now() + limit;
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            match stdin.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() >= until {
                        let error = no_input(&format!("it does not read within {limit:?}"));
                        return Err(error.timeout());
                    }
                    // When it ends its end of the pipe closes, which is told too.
                    wait::until_writable(stdin.as_fd(), until)
                        .map_err(|error| no_input(&error.to_string()))?;
                }
                Err(error) => return Err(no_input(&error.to_string())),
            }
        }
        Ok(())
    }

    /// Ends the standard input of a process that was given [`Stdin::piped`](crate::Stdin::piped).
    /// Ending what has ended is fine.
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
    /// If it does not run, or is a fixture.
    pub fn close_stdin(&self) -> Result<(), Error> {
        self.check_own("written to")?;
        let run = self.running("written to")?;
        *lock(&run.stdin) = None;
        Ok(())
    }
}
