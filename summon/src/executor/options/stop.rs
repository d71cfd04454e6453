//! Options of the stop, and of what fails a test besides: an early end, and forbidden lines.

use crate::command::Command;
use crate::executor::Coordinated;
use crate::limit::Limit;
use crate::never::{Lines, Never, PANIC};
use crate::number_set::ExitCodes;
use crate::sys::Signal;

impl<P> Coordinated<P> {
    /// Sets the signal that asks the process to end. The attribute also takes its name:
    /// `stop_signal = "INT"`. Default: the stop signal of the [image](Coordinated::image) if it has one,
    /// or else [`Signal::TERM`].
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres").stop_signal(summon::Signal::INT);
    /// ```
    pub fn stop_signal(self, signal: Signal) -> Self {
        self.change(|spec| {
            spec.stop_signal = Some(signal);
            spec.last_signal = None;
        })
    }

    /// Limits how long the process may take to end after the stop signal. Then summon kills it.
    /// Default: 10 s; zero kills at once. If the process asks for more time (`EXTEND_TIMEOUT_USEC`
    /// in `sd_notify(3)`), it gets at most ten times the limit, and at most 30 s more.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").stop_timeout("2s");
    /// ```
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.stop_timeout = limit.into())
    }

    /// Asks the process to end by a command instead of a signal. The command has the working
    /// directory and the environment of the process. If it fails, summon sends the stop signal. The
    /// grace period is the same. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}").stop_command("pg_ctl stop -m fast -D {dir}");
    /// ```
    pub fn stop_command(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.stop_command = Some(command.into()))
    }

    /// Runs a command after the whole process tree has ended, even if the test process was killed.
    /// Its limit is [`stop_timeout`](Coordinated::stop_timeout), and at least a second. If the
    /// command fails, [`stop`](crate::Process::stop) returns an error. Several commands run one
    /// after the other. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("docker run --name summon-{port} redis")
    ///     .after_stop("docker rm -f summon-{port}");
    /// ```
    pub fn after_stop(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.after_stop.push(command.into()))
    }

    /// Sends signals only to the program, for supervisors that forward signals to their own
    /// children. After the grace period summon still kills all descendants. Default: no, and the
    /// whole process group gets each signal.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-supervisor").signal_only_leader(true);
    /// ```
    pub fn signal_only_leader(self, only: bool) -> Self {
        self.change(|spec| spec.signal_only_leader = only)
    }

    /// Sets the exit codes that are a success at a stop: one, a range, or a list. A death by the
    /// stop signal is always a success. Default: 0, and 128 plus the number of the stop signal.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").expect_exit([0, 1]);
    /// ```
    pub fn expect_exit(self, codes: impl Into<ExitCodes>) -> Self {
        self.change(|spec| spec.expect_exit = Some(codes.into()))
    }

    /// Makes an early end of the process a failure: `stop` returns an error, and a scope panics.
    /// Default: no, and summon writes a line to stderr. It is no failure if the test has signalled,
    /// killed, or waited for the process, or if a job is done: a process with
    /// [`probe::started`](crate::probe::started) that exits with code 0.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0).must_live(true);
    /// ```
    pub fn must_live(self, must_live: bool) -> Self {
        self.change(|spec| spec.must_live = must_live)
    }

    /// Forbids a line of output: `stop` returns an error if one matches, and a scope panics, so the
    /// test fails. The value is a regular expression as in
    /// [`probe::output`](crate::probe::output()), which says how summon searches lines. Several
    /// calls forbid several lines. Default: none, and for a program of your package (`bin` or
    /// `example` in the attribute) the message of a panic: `thread '..' panicked at`.
    ///
    /// ```
    /// use summon::OutputCoordinatedExecutor;
    ///
    /// let script = "echo up; echo ERROR: out of cheese; exec sleep 100";
    /// let server = OutputCoordinatedExecutor::new(["sh", "-c", script], "^up$").never("ERROR|FATAL");
    /// server.start()?;
    /// server.wait_for_output("cheese", "5s")?;
    /// let error = server.stop().unwrap_err();
    /// assert!(error.to_string().contains("`ERROR: out of cheese` matches `ERROR|FATAL`"));
    /// assert!(!server.is_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// All output from the start of the program until its stop counts, also output from before it
    /// was ready. Output during the stop does not count. If summon has cut the middle of a long log
    /// ([`log_limit`](Coordinated::log_limit)), it searches the rest. If a test has declared a
    /// fixture with `#[summon(fixture = ..)]`, the output counts that the fixture has written from
    /// the beginning of the test to its end.
    ///
    /// [`Process::allows`](crate::Process::allows) allows the line in a part of the test. If nobody
    /// calls `stop`, the drop of the executor panics. If the test has already failed, its report
    /// has the line. A test with `#[should_panic]` prints the error, and fails.
    ///
    /// `never(false)` removes all patterns, also the default. `never(true)` forbids the message of a
    /// panic in a program that is not of your package.
    pub fn never(self, line: impl Into<Never>) -> Self {
        self.change(|spec| match line.into().0 {
            Lines::Matching(pattern) => spec.never.push(pattern),
            Lines::Panics(true) => spec.never.push(PANIC.to_owned()),
            Lines::Panics(false) => spec.never.clear(),
        })
    }
}
