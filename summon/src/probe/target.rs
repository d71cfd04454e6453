//! The view that a probe has of its process.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use once_cell::unsync::OnceCell;

use super::container::Container;
use super::memory::Memory;
use super::news::News;
use super::{NotReady, descendants};
use crate::command::Command;
use crate::error::Source as _;
use crate::guard::{Guarded, Program, State};
use crate::output::{self, Search};
use crate::session::{Log, Written};
use crate::sys::diag::Diag;
use crate::sys::fd::BorrowedFd;
use crate::sys::{is_shortage, proc, wait};

/// The starting process that a probe looks at.
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
    scene: Scene<'a>,
    began: Instant,
    pub(super) news: News,
    pub(super) memory: Memory,
    diag: OnceCell<Option<Diag>>,
    addr: OnceCell<SocketAddr>,
}

/// The properties of a target that are known before its launch.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) name: &'a str,
    pub(crate) host: String,
    pub(crate) values: &'a dyn Values,
    pub(crate) dir: &'a Path,
    pub(crate) log: Arc<Log>,
    /// The offset of this run in the log.
    pub(crate) since: u64,
    /// The files to search for lines, each with the offset of this run.
    pub(crate) written: Vec<(Written, u64)>,
    pub(crate) deadline: Instant,
    /// Whether any listener on the port counts as the service.
    pub(crate) any_listener: bool,
    /// The container of the process, if it has one.
    pub(crate) container: Option<Container>,
    /// Readable when the wait for a server that ran before the test is given up. The wait for a
    /// launched process ends with the process.
    pub(crate) given_up: Option<BorrowedFd<'a>>,
}

/// The values of a process that a probe may use.
pub(crate) trait Values: fmt::Debug {
    /// Returns the port that the process listens on.
    fn port(&self) -> Result<u16, NotReady>;
    /// Replaces the placeholders in a text by their values.
    fn fill(&self, text: &str) -> Result<String, NotReady>;
    /// Resolves a path from the program's working directory.
    fn path(&self, text: &str) -> Result<PathBuf, NotReady>;
    /// Prepares a command with the directory and the environment of the program.
    fn helper(&self, command: &Command) -> Result<Program, NotReady>;
    /// Prepares the health check of its image.
    fn health_check(&self) -> Result<Program, NotReady>;
    /// Records a value that the program has printed.
    fn learn(&self, name: &str, value: &str) -> Result<(), NotReady>;
}

impl<'a> Target<'a> {
    /// Makes the target of a process that is about to be launched, or that ran before the test.
    pub(crate) fn new(scene: Scene<'a>) -> Target<'a> {
        Target {
            scene,
            began: Instant::now(),
            news: News::default(),
            memory: Memory::default(),
            diag: OnceCell::new(),
            addr: OnceCell::new(),
        }
    }

    /// Subscribes to the events of the launched process.
    pub(crate) fn launched(&mut self, guarded: Arc<Guarded>) -> io::Result<()> {
        self.news = News::of(guarded)?;
        Ok(())
    }

    /// Returns the name of the process.
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
        self.scene.name
    }

    /// Returns the host that the process should serve on. Default: `localhost`.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let has_metrics = |target: &Target<'_>| TcpStream::connect((target.host(), 9090));
    /// Coordinated::with("my-api --metrics-port 9090", has_metrics);
    /// ```
    pub fn host(&self) -> &str {
        &self.scene.host
    }

    /// Returns the port of the process, the value of `{port}`. It is 0 while the banner with the port
    /// has not come yet.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use summon::{Coordinated, probe::Target};
    ///
    /// let accepts = |target: &Target<'_>| TcpStream::connect((target.host(), target.port()));
    /// Coordinated::with("my-api --port {port}", accepts);
    /// ```
    pub fn port(&self) -> u16 {
        let port = self.scene.values.port().unwrap_or(0);
        let container = self.scene.container.as_ref();
        let outside = container.and_then(|it| it.outside(port));
        outside.map_or(port, |addr| addr.port())
    }

    /// Returns whether the process runs in a container.
    pub(crate) fn is_contained(&self) -> bool {
        self.container().is_some()
    }

    /// Returns the container, if the process has one.
    pub(super) fn container(&self) -> Option<&Container> {
        self.scene.container.as_ref()
    }

    /// Returns the id of the container, once the engine has made it.
    pub(super) fn container_id(&self) -> Option<String> {
        self.state()?.told.id()
    }

    /// Returns the address that the process listens on, if a probe before this one has found it.
    /// Otherwise returns the port on the host if the host is an IP address, and on 127.0.0.1 if it is
    /// not, like [`Process::addr`](crate::Process::addr). The port is 0 while the banner with the port has
    /// not come yet.
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
        self.found().unwrap_or_else(|| {
            let host = self.host();
            let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
            SocketAddr::new(ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port())
        })
    }

    /// Returns the private directory of the process, the value of `{dir}`.
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
        self.scene.dir
    }

    /// Returns the pid of the program, if summon started it.
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

    /// Returns the output since this start, stdout and stderr in the order written.
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
        output::read_all(self.scene.log.file(), self.scene.since)
    }

    /// Returns the time when the start fails unless the process is ready. A look must end by then.
    /// The process can extend it (`EXTEND_TIMEOUT_USEC` in `sd_notify(3)`), up to ten times the
    /// time-out.
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
        let deadline = self.scene.deadline;
        let Some(asked) = self.state().and_then(|state| state.extended) else {
            return deadline;
        };
        // A program that hangs may ask for more time repeatedly, or for a year.
        let limit = deadline.saturating_duration_since(self.began);
        let last = deadline.checked_add(limit.saturating_mul(9));
        asked.min(last.unwrap_or(asked)).max(deadline)
    }

    /// Returns whether the process has extended its deadline.
    pub(super) fn is_extended(&self) -> bool {
        self.deadline() > self.scene.deadline
    }

    /// Returns the time since the start began.
    pub(super) fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns the state that the guard has reported, if the process has a guard.
    pub(super) fn state(&self) -> Option<State> {
        Some(self.news.guarded()?.state())
    }

    /// Returns whether the guard has reported the end of the process.
    pub(super) fn has_exited(&self) -> bool {
        let ended = |state: State| state.exit.is_some() || state.gone;
        self.state().is_some_and(ended)
    }

    /// Returns whether the process has ended, even if the guard has not reported it yet.
    pub(super) fn is_ending(&self) -> bool {
        self.id().is_some_and(proc::is_ending)
    }

    pub(super) fn values(&self) -> &dyn Values {
        self.scene.values
    }

    pub(super) fn takes_any_listener(&self) -> bool {
        self.scene.any_listener
    }

    /// Returns a search through the output since this start.
    pub(super) fn search(&self) -> Search {
        Search::new(self.scene.written.clone())
    }

    /// Returns whether stdout and stderr are recorded separately.
    pub(super) fn is_output_split(&self) -> bool {
        self.scene.written.len() > 1
    }

    /// Records the address of the process's own port. The first one stays.
    pub(super) fn found_at(&self, addr: SocketAddr) {
        let _ = self.addr.set(addr);
    }

    /// Returns the address that a probe has found.
    pub(crate) fn found(&self) -> Option<SocketAddr> {
        self.addr.get().copied()
    }

    /// Returns a path with its placeholders filled in, for the report.
    pub(super) fn shown_path(&self, text: &str) -> String {
        match self.scene.values.path(text) {
            Ok(path) => path.display().to_string(),
            Err(_) => text.to_owned(),
        }
    }

    /// Sleeps until there is news, `until` has come, or the wait is given up. Returns whether there may
    /// be news.
    pub(super) fn sleep(&self, until: Instant) -> io::Result<bool> {
        self.news.sleep(until, self.scene.given_up)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.scene.given_up.is_some_and(|it| wait::is_readable(&it))
    }

    /// Sleeps until one of these descriptors is readable, `until` has come, or the process has ended.
    /// Returns whether one is readable.
    pub(super) fn sleep_on(&self, fds: &[BorrowedFd<'_>], until: Instant) -> io::Result<bool> {
        let is_readable = || fds.iter().any(wait::is_readable);
        let Some(guarded) = self.news.guarded() else {
            let fds: Vec<_> = fds.iter().copied().chain(self.scene.given_up).collect();
            wait::sleep(&fds, Some(until))?;
            return Ok(is_readable());
        };
        guarded.wait_until(until, fds, |state| {
            is_readable() || state.exit.is_some() || state.gone
        })?;
        Ok(is_readable())
    }

    /// Asks the kernel about sockets. Returns `None` if it does not answer such questions, as in some
    /// sandboxes.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Diag) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let open = || match Diag::open() {
            Err(error) if is_shortage(&error) => Err(error),
            diag => Ok(diag.ok()),
        };
        let Some(diag) = self.diag.get_or_try_init(open)? else {
            return Ok(None);
        };
        // Set the pids before each question: a daemon that forks gets another leader.
        diag.about(self.pids());
        match question(diag) {
            Err(error) if is_shortage(&error) => Err(error),
            answer => Ok(answer.ok()),
        }
    }

    /// Returns the command lines of the service's processes without the program itself.
    pub(super) fn left_behind(&self) -> Vec<String> {
        self.pids()
            .map(descendants::left_behind)
            .unwrap_or_default()
    }

    /// Returns whether the program is stopped, for instance by Ctrl-Z.
    pub(super) fn is_halted(&self) -> bool {
        let halts = |pid| proc::is_halted(pid) && !proc::has_ended(pid);
        self.id().is_some_and(halts)
    }

    /// Returns the pids of all processes of the service. Fails if the list is incomplete, for instance
    /// when file descriptors run out: the caller would take a missing process for a stranger.
    pub(crate) fn tree(&self) -> io::Result<Vec<u32>> {
        match self.pids() {
            Some((guard, leader)) => proc::service(guard, leader),
            None => Ok(Vec::new()),
        }
    }
}
