//! The handle on a process: its name, address, and directory.
//!
//! The parts of a process are in [`parts`]. A start is the list of steps in [`start`].

mod acquire;
mod allowance;
mod client;
mod contained;
mod container;
mod container_marks;
mod container_state;
mod control;
mod copied;
mod databases;
mod declaration;
mod engine_args;
mod exec;
mod fixed_port_turns;
mod fixture;
mod forbidden_lines;
mod forbidden_search;
mod handover;
mod health;
mod held;
mod helper_commands;
mod joint_start;
mod launched;
mod life;
mod linked;
mod links;
mod live_output;
mod member;
mod network;
mod nodes;
mod once;
mod output;
mod output_window;
mod partitions;
mod parts;
mod placeholders;
mod port_conflict;
mod reached;
mod relays;
mod report;
mod resolve;
mod resources;
mod skip_if_missing;
mod spec;
mod start;
mod stop;
mod with_image;

pub use allowance::Allowance;
pub(crate) use client::url_and_client;
pub(crate) use databases::{Claim, DATABASE_LIMIT};
pub(crate) use joint_start::JointStart;
pub use output::Mark;
pub(crate) use output_window::Window;
pub(crate) use parts::{Nodes, Set};
pub(crate) use report::invocation::shown_variable;
pub(crate) use resolve::is_variable;
pub(crate) use resources::Resources;
pub(crate) use spec::{InImage, Spec};

use std::fmt;
use std::net::SocketAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;

use crate::probe::Probe;
use crate::sys::containers;
use declaration::Declaration;
use parts::Parts;

/// A handle on a process that summon starts and stops.
///
/// Tests receive a `&Process`, and executors dereference to it. All methods take `&self`, so
/// threads can share a handle. The name, the directory, and the port (unless the banner reports it)
/// are known before the process runs, and stay the same when it is started again.
///
/// ```
/// use summon::SimpleExecutor;
///
/// let sleeper = SimpleExecutor::new("sleep 100");
/// assert_eq!(sleeper.name(), "sleep");
/// assert_eq!(sleeper.id(), None);
/// sleeper.start()?;
/// assert!(sleeper.is_running());
/// sleeper.stop()?;
/// assert!(!sleeper.is_running());
/// # Ok::<(), summon::Error>(())
/// ```
pub struct Process {
    parts: Arc<Parts>,
}

/// All mutable state is behind locks, and no lock is held while user code runs. Poisoning is
/// ignored: a panic leaves each value complete, either old or new.
impl UnwindSafe for Process {}
impl RefUnwindSafe for Process {}

impl Process {
    pub(crate) fn new(
        spec: Spec,
        probes: Vec<Arc<dyn Probe>>,
        resources: Arc<Resources>,
    ) -> Process {
        let declaration = Declaration::new(spec, probes, None);
        let parts = Arc::new(Parts::new(declaration, resources));
        Process { parts }
    }

    /// Returns the name: as set with `named`, else the name of the test's parameter, else the
    /// program's file name without its extension.
    ///
    /// ```
    /// use summon::SimpleExecutor;
    ///
    /// assert_eq!(SimpleExecutor::new("sleep 100").name(), "sleep");
    /// assert_eq!(SimpleExecutor::new("sleep 100").named("db").name(), "db");
    /// ```
    pub fn name(&self) -> &str {
        self.parts.name()
    }

    /// Returns the port: the fixed port if there is one, else a free port that summon leases for
    /// this process, outside the system's ephemeral range. If the banner has a group `port`
    /// ([`probe::output`](crate::probe::output())), this is the port that the process reports.
    ///
    /// ```
    /// use summon::TcpCoordinatedExecutor;
    ///
    /// let free = TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0);
    /// let fixed = TcpCoordinatedExecutor::new("my-api", "localhost", 8080);
    /// assert_eq!(free.port(), free.port());   // known before it runs
    /// assert_eq!(fixed.port(), 8080);
    /// ```
    ///
    /// # Panics
    ///
    /// If no port is free, which `start` returns as an error. If the banner reports the port, and
    /// the process does not run.
    #[track_caller]
    pub fn port(&self) -> u16 {
        self.port_named("")
    }

    /// Returns an additional port, which placeholders name by its label: `{port:admin}`. summon
    /// leases it like [`port`](Process::port).
    ///
    /// ```
    /// let api = summon::SimpleExecutor::new("my-api --port {port} --admin-port {port:admin}");
    /// assert_ne!(api.port(), api.port_named("admin"));
    /// ```
    ///
    /// # Panics
    ///
    /// If no port is free. `start` returns this as an error.
    #[track_caller]
    pub fn port_named(&self, label: &str) -> u16 {
        match self.parts.port_or_lease(label) {
            Ok(port) => port,
            Err(why) => panic!("{} has no port: {why}", self.name()),
        }
    }

    /// Returns the declared host, or the host that the banner reports. Default: `localhost`.
    ///
    /// ```
    /// use summon::{SimpleExecutor, TcpCoordinatedExecutor};
    ///
    /// assert_eq!(TcpCoordinatedExecutor::new("my-api", "127.0.0.1", 8080).host(), "127.0.0.1");
    /// assert_eq!(SimpleExecutor::new("my-api --listen {host}:{port}").host(), "localhost");
    /// ```
    pub fn host(&self) -> String {
        self.parts.host()
    }

    /// Returns the value of a named group of the banner
    /// ([`probe::output`](crate::probe::output())). `None` if the banner has no such group, or no
    /// line has matched so far.
    ///
    /// ```
    /// use summon::OutputCoordinatedExecutor;
    ///
    /// let notebook = OutputCoordinatedExecutor::new(
    ///     "sh -c 'echo http://127.0.0.1:8888/?token=abc; exec sleep 100'",
    ///     r"http://127.0.0.1:(?<port>\d+)/\?token=(?<token>\w+)$",
    /// );
    /// notebook.start()?;
    /// assert_eq!(notebook.port(), 8888);
    /// assert_eq!(notebook.value("token").as_deref(), Some("abc"));
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn value(&self, name: &str) -> Option<String> {
        self.parts.value(name)
    }

    /// Returns the address on which the process listens, as found when it became ready. Before
    /// that, or if the probe finds no address, this is the [`port`](Process::port) on the declared
    /// host if that is an IP address, else on 127.0.0.1.
    ///
    /// ```
    /// let api = summon::TcpCoordinatedExecutor::new("my-api", "127.0.0.1", 8080);
    /// assert_eq!(api.addr(), ([127, 0, 0, 1], 8080).into());
    /// ```
    ///
    /// # Panics
    ///
    /// See [`port`](Process::port).
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        match self.parts.addr() {
            Ok(addr) => addr,
            Err(why) => panic!("{} has no port: {why}", self.name()),
        }
    }

    /// Returns the URL of a path on this process: `http://<addr><path>`, with
    /// [`addr`](Process::addr) as the address, even if the probe uses `https://`. For the
    /// [`servers`](crate::servers) with a URL scheme, such as `postgres://`, the URL begins with
    /// that scheme.
    ///
    /// ```
    /// use summon::TcpCoordinatedExecutor;
    ///
    /// let api = TcpCoordinatedExecutor::new("my-api", "127.0.0.1", 8080);
    /// assert_eq!(api.url("/users?all"), "http://127.0.0.1:8080/users?all");
    /// ```
    ///
    /// # Panics
    ///
    /// See [`port`](Process::port).
    #[track_caller]
    pub fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!(
            "{}{}{slash}{path}",
            self.parts.declaration.spec.scheme,
            self.addr()
        )
    }

    /// Returns the private directory of this process, `{dir}` in placeholders. It is empty at
    /// first. It is removed with its contents when the handle is dropped or the test process ends.
    ///
    /// ```
    /// let api = summon::SimpleExecutor::new("my-api --config {dir}/api.toml");
    /// std::fs::write(api.dir().join("api.toml"), "threads = 1")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the directory can't be created. `start` returns this as an error.
    #[track_caller]
    pub fn dir(&self) -> &Path {
        match self.parts.dir() {
            Ok(dir) => dir,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the pid of the program, or `None` if it does not run.
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// assert_eq!(sleeper.id(), None);
    /// sleeper.start()?;
    /// assert!(sleeper.id().is_some_and(|pid| pid != std::process::id()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn id(&self) -> Option<u32> {
        let pid = self.parts.life.pid()?;
        let launched = self.parts.life.launched()?;
        match launched.guarded.state().told.id() {
            Some(id) => containers::main_process(&id, &[]),
            None => Some(pid),
        }
    }

    /// Returns whether the program has started and not ended. A server that was found running and
    /// is [reused](crate::Coordinated::reuse) counts as running until [`stop`](Process::stop).
    ///
    /// ```
    /// let sleeper = summon::SimpleExecutor::new("sleep 100");
    /// assert!(!sleeper.is_running());
    /// sleeper.start()?;
    /// assert!(sleeper.is_running());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn is_running(&self) -> bool {
        self.parts.life.is_running()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Before the drop of the parts, which stops the process.
        self.parts.hold_at_drop(Arc::strong_count(&self.parts) == 1);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}
