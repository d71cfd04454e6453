//! What a probe may see.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::memory::Memory;
use super::news::News;
use super::{NotReady, descendants};
use crate::command::Command;
use crate::error::Source as _;
use crate::guard::{Guarded, Program, State};
use crate::output;
use crate::session::{Log, Written};
use crate::sys::diag::Diag;
use crate::sys::fd::BorrowedFd;
use crate::sys::{is_shortage, proc, wait};

/// An answer that takes longer is asked for again, with more patience each time.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(10);

/// As long as the wait has taken by now, and all that is left where that is at most twice as long. So
/// each answer comes that takes a third of the time-out, and one that hangs does not use up the rest.
fn patience_alone(waited: Duration, left: Duration) -> Duration {
    let patience = waited.max(LEAST_PATIENCE);
    if left <= patience * 2 { left } else { patience }
}

/// The process that a probe looks at, while it starts.
///
/// ```
/// use summon::{Coordinated, probe::Target};
///
/// let is_up = |target: &Target<'_>| match target.output().ends_with(b"up\n") {
///     true => Ok(()),
///     false => Err("it does not say that it is up"),
/// };
/// let server = Coordinated::with("sh -c 'echo up; exec sleep 100'", is_up);
/// server.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Debug)]
pub struct Target<'a> {
    name: &'a str,
    host: String,
    values: &'a dyn Values,
    dir: &'a Path,
    pub(super) log: Arc<Log>,
    /// Where in the log this run begins.
    pub(super) since: u64,
    pub(super) written: Vec<(Written, u64)>,
    deadline: Instant,
    began: Instant,
    /// Whoever serves the port is taken for the service.
    any_listener: bool,
    pub(super) news: News,
    pub(super) memory: RefCell<Memory>,
    diag: OnceCell<Option<Diag>>,
    found: Cell<Option<SocketAddr>>,
}

/// What only the process itself can tell, and tells when asked.
pub(crate) trait Values: std::fmt::Debug {
    fn port(&self) -> Result<u16, NotReady>;
    /// Puts the values of the placeholders into a text.
    fn fill(&self, text: &str) -> Result<String, NotReady>;
    /// A path as the program sees it: from its own working directory.
    fn path(&self, text: &str) -> Result<PathBuf, NotReady>;
    /// A command that runs as the program does: in its directory, with its environment.
    fn helper(&self, command: &Command) -> Result<Program, NotReady>;
    /// Takes note of a value that the program has told.
    fn learn(&self, name: &str, value: &str) -> Result<(), NotReady>;
}

/// What is known of a target before it is launched.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) name: &'a str,
    pub(crate) host: String,
    pub(crate) values: &'a dyn Values,
    pub(crate) dir: &'a Path,
    pub(crate) log: Arc<Log>,
    pub(crate) since: u64,
    /// Where lines are looked for.
    pub(crate) written: Vec<(Written, u64)>,
    pub(crate) deadline: Instant,
    pub(crate) any_listener: bool,
}

impl<'a> Target<'a> {
    /// One that is about to be launched, or that was there before.
    pub(crate) fn new(scene: Scene<'a>) -> Target<'a> {
        let Scene {
            name,
            host,
            values,
            dir,
            log,
            since,
            written,
            deadline,
            any_listener,
        } = scene;
        Target {
            name,
            host,
            values,
            dir,
            log,
            since,
            written,
            deadline,
            began: Instant::now(),
            any_listener,
            news: News::default(),
            memory: RefCell::default(),
            diag: OnceCell::new(),
            found: Cell::new(None),
        }
    }

    /// It was launched.
    pub(crate) fn launched(&mut self, guarded: Arc<Guarded>) -> io::Result<()> {
        self.news = News::of(guarded)?;
        Ok(())
    }

    /// The name of the process.
    ///
    /// ```
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let says_so = |target: &Target<'_>| {
    ///     let line = format!("{} is up\n", target.name());
    ///     let says_so = target.output().ends_with(line.as_bytes());
    ///     says_so.then_some(()).ok_or("it does not say that it is up")
    /// };
    /// let api = Coordinated::with("sh -c 'echo {name} is up; exec sleep 100'", says_so).named("api");
    /// api.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        self.name
    }

    /// The host that the process was asked to serve on; `localhost` unless it was told another.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let has_metrics = |target: &Target<'_>| TcpStream::connect((target.host(), 9090));
    /// Coordinated::with("my-api --metrics-port 9090", has_metrics);
    /// ```
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the process, the one that `{port}` stands for; 0 if it is to be read from a
    /// banner that has not come yet.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let accepts = |target: &Target<'_>| TcpStream::connect((target.host(), target.port()));
    /// Coordinated::with("my-api --port {port}", accepts);
    /// ```
    pub fn port(&self) -> u16 {
        self.values.port().unwrap_or(0)
    }

    /// The address where it listens, if a probe before this one has found it. Otherwise it is the
    /// port on the host if that is an IP address, and else on 127.0.0.1, as
    /// [`Process::addr`](crate::Process::addr) has it; its port is 0 if it is to be read from a banner
    /// that has not come yet.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use summon::{TcpCoordinatedExecutor, probe::Target};
    ///
    /// let greets = |target: &Target<'_>| {
    ///     let mut stream = TcpStream::connect(target.addr())?;
    ///     std::io::Read::read_exact(&mut stream, &mut [0])
    /// };
    /// TcpCoordinatedExecutor::new("my-smtp --port {port}", "localhost", 0).and(greets);
    /// ```
    pub fn addr(&self) -> SocketAddr {
        self.found.get().unwrap_or_else(|| {
            let ip = self
                .host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse();
            SocketAddr::new(ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port())
        })
    }

    /// The private directory of the process, the one that `{dir}` stands for.
    ///
    /// ```
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let has_pid = |target: &Target<'_>| std::fs::metadata(target.dir().join("pid"));
    /// let server = Coordinated::with(["sh", "-c", "echo $$ > {dir}/pid; exec sleep 100"], has_pid);
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn dir(&self) -> &Path {
        self.dir
    }

    /// The pid of the program, if summon started it.
    ///
    /// ```
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let has_pid = |target: &Target<'_>| target.id().ok_or("it has no pid");
    /// let server = Coordinated::with("sleep 100", has_pid);
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn id(&self) -> Option<u32> {
        self.pids().map(|(_, pid)| pid)
    }

    fn pids(&self) -> Option<(u32, u32)> {
        self.state()?.pids
    }

    /// What it has written since this start, stdout and stderr in the order written.
    ///
    /// ```
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let has_two_lines = |target: &Target<'_>| match target.output().split(|b| *b == b'\n').count() {
    ///     3.. => Ok(()),
    ///     _ => Err("there are fewer than two lines"),
    /// };
    /// let server = Coordinated::with("sh -c 'echo one; echo two; exec sleep 100'", has_two_lines);
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn output(&self) -> Vec<u8> {
        output::read_all(self.log.file(), self.since)
    }

    /// When the start fails if the process is not ready: a look must not take longer. It may
    /// become later, if the process asks for that (`EXTEND_TIMEOUT_USEC` in `sd_notify(3)`), up to ten
    /// times the time-out.
    ///
    /// ```
    /// use std::io::{Read, Result};
    /// use std::net::TcpStream;
    /// use std::time::Instant;
    /// use summon::{Coordinated, probe::Target};
    ///
    /// fn greets(target: &Target<'_>) -> Result<()> {
    ///     let mut stream = TcpStream::connect((target.host(), target.port()))?;
    ///     let left = target.deadline().saturating_duration_since(Instant::now());
    ///     stream.set_read_timeout(Some(left))?;
    ///     stream.read_exact(&mut [0])
    /// }
    ///
    /// Coordinated::with("my-smtp --port {port}", greets);
    /// ```
    pub fn deadline(&self) -> Instant {
        let Some(asked) = self.state().and_then(|state| state.extended) else {
            return self.deadline;
        };
        // A program that hangs may ask again and again, or for a year.
        let limit = self.deadline.saturating_duration_since(self.began);
        let last = self.deadline.checked_add(limit.saturating_mul(9));
        asked.min(last.unwrap_or(asked)).max(self.deadline)
    }

    /// What its guard knows of it, if it has one.
    pub(super) fn state(&self) -> Option<State> {
        Some(self.news.guarded()?.state())
    }

    /// Whether its end is known.
    pub(super) fn has_exited(&self) -> bool {
        let ended = |state: State| state.exit.is_some() || state.gone;
        self.state().is_some_and(ended)
    }

    /// Whether it has ended, though its end may not be known yet.
    pub(super) fn is_ending(&self) -> bool {
        self.id().is_some_and(proc::is_ending)
    }

    pub(super) fn values(&self) -> &dyn Values {
        self.values
    }

    pub(super) fn takes_any_listener(&self) -> bool {
        self.any_listener
    }

    /// Takes note of where the process listens on its own port.
    pub(super) fn found_at(&self, addr: SocketAddr) {
        if self.found.get().is_none() {
            self.found.set(Some(addr));
        }
    }

    /// Where a probe has found that it listens.
    pub(crate) fn found(&self) -> Option<SocketAddr> {
        self.found.get()
    }

    /// How long to wait for an answer before another is asked for beside it.
    pub(super) fn patience(&self) -> Duration {
        (self.began.elapsed() / 2).clamp(LEAST_PATIENCE, MOST_PATIENCE)
    }

    /// How long a command may take before it is ended and run again.
    pub(super) fn patience_alone(&self) -> Duration {
        let now = Instant::now();
        patience_alone(
            now - self.began,
            self.deadline().saturating_duration_since(now),
        )
    }

    /// A path as it is, for the report.
    pub(super) fn shown_path(&self, text: &str) -> String {
        match self.values.path(text) {
            Ok(path) => path.display().to_string(),
            Err(_) => text.to_owned(),
        }
    }

    /// Sleeps until one of these can be read. `false`: not before `until`, or the process has ended
    /// meanwhile.
    pub(super) fn sleep_on(&self, fds: &[BorrowedFd<'_>], until: Instant) -> io::Result<bool> {
        let is_readable = || fds.iter().any(wait::is_readable);
        let Some(guarded) = self.news.guarded() else {
            wait::sleep(fds, Some(until))?;
            return Ok(is_readable());
        };
        guarded.wait_until(until, fds, |state| {
            is_readable() || state.exit.is_some() || state.gone
        })?;
        Ok(is_readable())
    }

    /// Who tells of sockets, where the kernel does.
    pub(super) fn diag(&self) -> io::Result<Option<&Diag>> {
        if self.diag.get().is_none() {
            let diag = match Diag::open() {
                Err(error) if is_shortage(&error) => return Err(error),
                diag => diag.ok(),
            };
            let _ = self.diag.set(diag);
        }
        let diag = self.diag.get().and_then(Option::as_ref);
        if let Some(diag) = diag {
            // Each time, since one that forks away has another leader then.
            diag.about(self.pids());
        }
        Ok(diag)
    }

    /// Asks the kernel; none if it does not answer such questions, as in some sandboxes.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Diag) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        match self.diag()?.map(question) {
            Some(Err(error)) if is_shortage(&error) => Err(error),
            answer => Ok(answer.and_then(Result::ok)),
        }
    }

    /// The processes of the service but the program itself, as people would call them.
    pub(super) fn left_behind(&self) -> Vec<String> {
        self.pids()
            .map(descendants::left_behind)
            .unwrap_or_default()
    }

    /// Whether the program has been stopped, as by Ctrl-Z.
    pub(super) fn is_halted(&self) -> bool {
        let halts = |pid| proc::is_halted(pid) && !proc::has_ended(pid);
        self.id().is_some_and(halts)
    }

    /// Every process of the service. It is an error if some can't be seen, such as for want of
    /// descriptors: who is not among the others may be one of these.
    pub(crate) fn tree(&self) -> io::Result<Vec<u32>> {
        match self.pids() {
            Some((guard, leader)) => proc::service(guard, leader),
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a command that takes so long ends once, in seconds.
    fn ends(takes: u64, limit: u64) -> bool {
        let (takes, limit) = (Duration::from_secs(takes), Duration::from_secs(limit));
        let mut now = Duration::ZERO;
        while now < limit {
            let patience = patience_alone(now, limit - now);
            if takes <= patience {
                return true;
            }
            now += patience;
        }
        false
    }

    #[test]
    fn a_command_may_take_a_third_of_the_time_out() {
        for limit in 3..300 {
            assert!(ends(limit / 3, limit), "{limit}");
            assert!(!ends(limit + 1, limit), "{limit}");
        }
        assert!(ends(12, 30));
    }

    #[test]
    fn a_command_that_hangs_is_run_again_before_the_time_out() {
        for limit in 4..300 {
            let limit = Duration::from_secs(limit);
            assert!(patience_alone(Duration::ZERO, limit) < limit / 2);
        }
    }
}
