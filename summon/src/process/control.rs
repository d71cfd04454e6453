//! The verbs of a handle: start, stop, signal, and wait.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::launched::Launched;
use super::{Process, contained};
use crate::error::Error;
use crate::guard::{State, Whom};
use crate::hold::Setting;
use crate::limit::Limit;
use crate::sys::Signal;
use crate::sys::maker::Maker;

/// The interval at which `crash` repeats the signal.
const AGAIN: Duration = Duration::from_millis(100);

impl Process {
    /// Starts the process, and returns when it is ready.
    ///
    /// A process with a fixed port first waits for its turn. Then the time-out (default: 30 s)
    /// covers everything up to readiness. If the program exits because its port is in use, but no
    /// process serves that port, `start` waits until connections no longer hold it, and launches
    /// the program again with a new time-out. If the start fails, `start` first stops everything
    /// that it has started, with the usual grace.
    ///
    /// ```
    /// use summon::OutputCoordinatedExecutor;
    ///
    /// let server = OutputCoordinatedExecutor::new("sh -c 'echo up; exec sleep 100'", "^up$");
    /// server.start()?;
    /// assert!(server.start().unwrap_err().is_already_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process runs already, can't be executed, exits before it is ready (with any exit
    /// code), can't become ready, or is not ready in time. Also if the last launch was not stopped, and
    /// wrote a line that [`never`](crate::Coordinated::never) forbids. The next `start` then launches it.
    pub fn start(&self) -> Result<(), Error> {
        Setting::get()?;
        self.note_held();
        self.parts.start()
    }

    /// Stops the process. Returns when it and all its descendants have ended.
    ///
    /// The process group gets the stop signal (default: TERM). A descendant that has left the group
    /// gets it when no process of the group is left. Processes that outlive the grace (default: 10
    /// s) are killed. Stopping a process that does not run has no effect. If another thread is
    /// starting the process, that start is cancelled.
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// sleeper.start()?;
    /// sleeper.stop()?;
    /// assert!(!sleeper.is_running());
    /// sleeper.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - If the exit code is neither 0 nor 128 plus the signal's number. See
    ///   [`expect_exit`](crate::Coordinated::expect_exit).
    /// - If an [`after_stop`](crate::Coordinated::after_stop) command fails.
    /// - If the process has ended unasked, but [must live](crate::Coordinated::must_live).
    /// - If cargo or nextest has ended, so that the guard has stopped the process already.
    /// - If the process is a fixture, which then keeps running.
    /// - If the guard was killed. Descendants may have survived.
    /// - If a process can't be killed, since it runs as a different user. The error lists these
    ///   processes.
    ///
    /// After any other error, no process that the guard knows is left.
    pub fn stop(&self) -> Result<(), Error> {
        self.parts.check_own("stopped")?;
        let stopped = self.parts.stop();
        self.parts.give_turns_back();
        stopped
    }

    /// Kills the process and all its descendants without grace. Returns when they have ended.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// db.kill()?;
    /// assert!(!db.is_running());
    /// db.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn kill(&self) -> Result<(), Error> {
        let launched = self.parts.running_own("killed")?;
        self.parts.kill(&launched)
    }

    /// Stops the process and starts it again, with the same name, ports, and directory. An
    /// [image](crate::guide::images) gets a new container, without the files that the old one wrote.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let (pid, port) = (db.id(), db.port());
    /// db.restart()?;
    /// assert!(db.id() != pid && db.port() == port);
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`stop`](Process::stop) and [`start`](Process::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.stopped(|| ())
    }

    /// Stops the process, calls `body`, and starts the process again, even if `body` panics. The
    /// process keeps its ports meanwhile. Returns the result of `body`.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let seen = db.stopped(|| db.is_running())?;
    /// assert!(!seen && db.is_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`stop`](Process::stop) and [`start`](Process::start). If the stop fails, `body` is not
    /// called. If `body` panics, an error of the start is printed to stderr.
    pub fn stopped<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        self.parts.check_own("stopped")?;
        let stopped = self.parts.stop();
        stopped.inspect_err(|_| self.parts.give_turns_back())?;
        let maker = Maker::here();
        let result = catch_unwind(AssertUnwindSafe(body));
        // A child that `body` has forked may return from `body` too. It must not start the process.
        let started = match maker.is_here() {
            true => self.start(),
            false => Ok(()),
        };
        match result {
            Ok(result) => started.map(|()| result),
            Err(panic) => {
                if let Err(error) = started {
                    eprintln!("{error}");
                }
                resume_unwind(panic)
            }
        }
    }

    /// Sends a signal to the process group, or only to the program if
    /// [`signal_only_leader`](crate::Coordinated::signal_only_leader) is set.
    ///
    /// ```
    /// use summon::{OutputCoordinatedExecutor, Signal};
    ///
    /// let script = "trap 'echo reloaded; exec sleep 100' HUP; echo up; sleep 100 & wait";
    /// let server = OutputCoordinatedExecutor::new(["sh", "-c", script], "^up$");
    /// server.start()?;
    /// server.signal(Signal::HUP)?;
    /// server.wait_for_output("^reloaded$", "5s")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let launched = self.parts.running_own("signalled")?;
        launched.expect_end();
        if let Some(contained) = self.parts.container_of(&launched)? {
            return contained.signal(signal);
        }
        let whom = match self.parts.declaration.spec.signal_only_leader {
            true => Whom::Leader,
            false => Whom::Group,
        };
        let sent = launched.guarded.signal(signal, whom);
        sent.map_err(|error| self.no("be signalled", &error))
    }

    /// Halts the process and all its descendants with SIGSTOP, calls `body`, and resumes them, even
    /// if `body` panics. Returns the result of `body`. To clients, a halted process looks like a
    /// machine that no longer answers.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let seen = db.paused(|| db.is_running())?;
    /// assert!(seen);
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, or is a fixture.
    pub fn paused<R>(&self, body: impl FnOnce() -> R) -> Result<R, Error> {
        let launched = self.parts.running_own("paused")?;
        if let Some(contained) = self.parts.container_of(&launched)? {
            return contained.paused(body);
        }
        let no = |error: io::Error| self.no("be paused", &error);
        launched.guarded.pause(true).map_err(no)?;
        let result = catch_unwind(AssertUnwindSafe(body));
        let resumed = launched.guarded.pause(false).map_err(no);
        match result {
            Ok(result) => resumed.map(|()| result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Kills the program with a signal, such as [`Signal::SEGV`], and returns its exit status.
    /// Descendants keep running, as after a real crash, until the next stop or start. The process
    /// keeps its ports, name, and directory.
    ///
    /// ```
    /// use summon::{Signal, SimpleExecutor};
    ///
    /// let db = SimpleExecutor::new("sleep 100");
    /// db.start()?;
    /// let status = db.crash(Signal::SEGV)?;
    /// assert!(!status.success() && !db.is_running());
    /// db.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, does not die of the signal within its
    /// [`stop_timeout`](crate::Coordinated::stop_timeout), or is a fixture.
    pub fn crash(&self, signal: Signal) -> Result<ExitStatus, Error> {
        let launched = self.parts.running_own("crashed")?;
        launched.expect_end();
        let declaration = &self.parts.declaration;
        let limit = declaration.limit(&declaration.spec.stop_timeout)?;
        let contained = self.parts.container_of(&launched)?;
        let limit = match &contained {
            // Nothing survives KILL, but a busy engine may need longer than the program to say so.
            Some(_) if signal == Signal::KILL => limit.max(contained::LIMIT),
            _ => limit,
        };
        let mut until = None;
        loop {
            match &contained {
                // A program that has just ended can't be signalled. Its exit status comes.
                Some(contained) => drop(contained.signal(signal)),
                None => {
                    let sent = launched.guarded.signal(signal, Whom::Leader);
                    sent.map_err(|error| self.no("be crashed", &error))?;
                }
            }
            // The time that an engine takes to send the first signal is not the program's.
            let until = *until.get_or_insert_with(|| Instant::now() + limit);
            // A handler may catch the first signal and restore the default action for the second,
            // as Rust's runtime does with SEGV.
            let moment = (Instant::now() + AGAIN).min(until);
            match self.exit_by(&launched, moment)? {
                Some(status) => return Ok(status),
                None if Instant::now() >= until => {
                    let why = format!("{} did not die of {signal} within {limit:?}", self.name());
                    let error = self.parts.error_with_output(why, &launched).timeout();
                    let hint = contained.filter(|_| signal != Signal::KILL).map(|_| {
                        "process 1 of a container gets only signals that it handles, and KILL: `crash(Signal::KILL)` ends it"
                    });
                    return Err(error.hints(hint.map(str::to_owned)));
                }
                None => {}
            }
        }
    }

    /// Waits until the program ends, and returns its exit status.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'exit 3'");
    /// job.start()?;
    /// assert_eq!(job.wait("5s")?.code(), Some(3));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process was never started, or has not ended when the time-out passes.
    pub fn wait(&self, timeout: impl Into<Limit>) -> Result<ExitStatus, Error> {
        let declaration = &self.parts.declaration;
        let limit = declaration.limit(&timeout.into())?;
        let launched = self.parts.life.launched();
        let launched = launched.ok_or_else(|| self.no("be waited for", &"it was not started"))?;
        match self.exit_by(&launched, Instant::now() + limit)? {
            Some(status) => {
                launched.expect_end();
                Ok(status)
            }
            None => {
                let why = format!("{} did not end within {limit:?}", self.name());
                Err(launched.with_output(declaration.error(why).timeout()))
            }
        }
    }

    /// Waits for the end of the program. Returns `None` at the deadline.
    fn exit_by(&self, launched: &Launched, until: Instant) -> Result<Option<ExitStatus>, Error> {
        let has_ended = |state: &State| state.exit.is_some() || state.gone;
        let known = launched.guarded.wait_until(until, &[], has_ended);
        let known = known.map_err(|error| self.no("be waited for", &error))?;
        match known.map(|state| state.exit) {
            Some(None) => {
                let why = format!("the guard of {} was killed", self.name());
                Err(self.parts.declaration.error(why))
            }
            known => Ok(known.flatten()),
        }
    }

    /// Returns the error of a verb that has failed.
    fn no(&self, verb: &str, why: &dyn fmt::Display) -> Error {
        let headline = format!("{} could not {verb}: {why}", self.name());
        self.parts.declaration.error(headline)
    }
}
