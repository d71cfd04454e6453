//! The handle on a process: its name, address, and directory, and the methods that move it.

mod as_run;
mod databases;
mod fixture;
mod forked;
mod handover;
mod held;
mod helpers;
mod hints;
mod joint_start;
mod life;
mod live;
mod once;
mod plan;
mod postmortem;
mod report;
mod spec;
mod speech;
mod start;
mod stop;
mod turn;
mod values;
mod verbs;

pub use speech::Mark;
pub(crate) use {databases::Claim, joint_start::JointStart, spec::Spec};

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::error::Error;
use crate::guard::Sharing;
use crate::port::Lease;
use crate::probe::{Endpoint, NotReady, Probe};
use crate::session::{Home, Session};
use crate::trace::Story;
use life::Life;

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
    inner: Arc<Inner>,
}

/// All mutable state is behind locks, and no lock is held while user code runs. Poisoning is
/// ignored: a panic leaves each value complete, either old or new.
impl UnwindSafe for Process {}
impl RefUnwindSafe for Process {}

struct Inner {
    spec: Spec,
    /// The process is ready when each probe has succeeded, one after the other.
    probes: Vec<Arc<dyn Probe>>,
    name: OnceLock<String>,
    /// Leases by label. The empty label is the process's main port.
    leases: Mutex<BTreeMap<String, Lease>>,
    home: Mutex<Option<Arc<Home>>>,
    dir: OnceLock<std::path::PathBuf>,
    set: Mutex<Option<Arc<Set>>>,
    life: Mutex<Life>,
    /// Set if the process is a fixture.
    fixture: Mutex<Option<fixture::Fixture>>,
    /// The session of its files, if not that of this test process.
    session: Mutex<Option<Arc<Session>>>,
    /// Set if the next start shares the process with other test processes.
    sharing: Mutex<Option<Sharing>>,
    /// The ports of a process that another test process has started, by label.
    told_ports: OnceLock<BTreeMap<String, u16>>,
    /// Notified when `life.starting` becomes false.
    start_over: Condvar,
    story: Story,
}

/// The processes that may use each other's placeholders. Weak, since each process holds its set.
#[derive(Default)]
pub(crate) struct Set {
    members: Vec<(String, Weak<Inner>)>,
    pub(crate) start: JointStart,
}

impl Process {
    pub(crate) fn new(spec: Spec, probes: Vec<Arc<dyn Probe>>) -> Process {
        Process {
            inner: Arc::new(Inner {
                name: spec.name.clone().map(OnceLock::from).unwrap_or_default(),
                spec,
                probes,
                leases: Mutex::default(),
                home: Mutex::default(),
                dir: OnceLock::new(),
                set: Mutex::default(),
                life: Mutex::default(),
                fixture: Mutex::default(),
                session: Mutex::default(),
                sharing: Mutex::default(),
                told_ports: OnceLock::new(),
                start_over: Condvar::new(),
                story: Story::default(),
            }),
        }
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
        self.inner.name.get_or_init(|| {
            let stem = self.inner.spec.command.stem();
            stem.unwrap_or_else(|| "process".to_owned())
        })
    }

    /// Takes over the leases and the directory of a handle that this one replaces.
    pub(crate) fn take_over(&self, before: &Process) {
        *lock(&self.inner.leases) = std::mem::take(&mut *lock(&before.inner.leases));
        *lock(&self.inner.home) = lock(&before.inner.home).take();
    }

    /// Sets the name, unless the process has a name.
    pub(crate) fn suggest_name(&self, name: &str) {
        let _ = self.inner.name.set(name.to_owned());
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
        match self.try_port(label) {
            Ok(port) => port,
            Err(why) => panic!("{} has no port: {why}", self.name()),
        }
    }

    fn try_port(&self, label: &str) -> Result<u16, NotReady> {
        let value = match label {
            "" => "port".to_owned(),
            label => format!("port_{label}"),
        };
        if self.learns(&value) {
            let port = self.learned(&value)?;
            return port.parse().map_err(|_| no_port(&value, &port));
        }
        match self.endpoint() {
            Some(endpoint) if label.is_empty() && endpoint.port != 0 => return Ok(endpoint.port),
            _ => {}
        }
        let told = self.inner.told_ports.get();
        if let Some(port) = told.and_then(|ports| ports.get(label)) {
            return Ok(*port);
        }
        let mut leases = lock(&self.inner.leases);
        if let Some(lease) = leases.get(label) {
            return Ok(lease.port);
        }
        let lease = Lease::pick().map_err(|error| NotReady::ever(error.to_string()))?;
        let port = lease.port;
        leases.insert(label.to_owned(), lease);
        Ok(port)
    }

    fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let probes = self.inner.probes.iter();
        probes.filter_map(|probe| probe.facts().endpoint)
    }

    /// Returns the main endpoint.
    fn endpoint(&self) -> Option<Endpoint> {
        self.endpoints().next()
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
        // The host may be a placeholder of another process, without a value so far.
        self.try_host().unwrap_or_else(|_| {
            let endpoint = self.endpoint().map(|endpoint| endpoint.host);
            endpoint.unwrap_or_else(|| "localhost".to_owned())
        })
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
        let run = lock(&self.inner.life).run.clone()?;
        let values = lock(&run.values);
        values.get(name).cloned()
    }

    /// Returns whether the banner reports this value.
    fn learns(&self, name: &str) -> bool {
        let mut probes = self.inner.probes.iter();
        probes.any(|probe| probe.facts().values.contains(&name))
    }

    fn learned(&self, name: &str) -> Result<String, NotReady> {
        self.value(name).ok_or_else(|| {
            NotReady::yet(format!(
                "its banner reports `{name}`, and no line has matched it so far"
            ))
        })
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
        let found = lock(&self.inner.life).addr();
        let host = || {
            // Without the brackets of an IPv6 address in a URL.
            let ip = self.host().trim_matches(['[', ']']).parse();
            ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
        };
        found.unwrap_or_else(|| SocketAddr::new(host(), self.port()))
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
        format!("{}{}{slash}{path}", self.inner.spec.scheme, self.addr())
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
        match self.try_dir() {
            Ok(dir) => dir,
            Err(error) => panic!("{error}"),
        }
    }

    fn try_dir(&self) -> Result<&Path, Error> {
        let home = self.home()?;
        Ok(self.inner.dir.get_or_init(|| home.dir().to_owned()))
    }

    fn home(&self) -> Result<Arc<Home>, Error> {
        let mut home = lock(&self.inner.home);
        if let Some(home) = home.as_ref().filter(|home| !home.is_copy()) {
            return Ok(Arc::clone(home));
        }
        let (session, test) = (lock(&self.inner.session).clone(), self.test());
        let made = Home::of_test(self.name(), test.as_deref(), session, self.access()?)?;
        Ok(Arc::clone(home.insert(Arc::new(made))))
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
        lock(&self.inner.life).pid()
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
        let life = lock(&self.inner.life);
        life.pid().is_some() || life.reused.is_some()
    }

    /// Adds the process to a set. Its placeholders may then name the set's processes.
    pub(crate) fn join(&self, set: &Arc<Set>) {
        *lock(&self.inner.set) = Some(Arc::clone(set));
    }
}

impl Set {
    /// Makes a set of processes, each with its name in the set.
    pub(crate) fn new<'a>(processes: impl Iterator<Item = (String, &'a Process)>) -> Arc<Set> {
        let member = |(name, process): (String, &Process)| (name, Arc::downgrade(&process.inner));
        Arc::new(Set {
            members: processes.map(member).collect(),
            start: JointStart::default(),
        })
    }

    fn find(&self, name: &str) -> Option<Process> {
        let (_, member) = self.members.iter().find(|(member, _)| member == name)?;
        Some(Process {
            inner: member.upgrade()?,
        })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("command", &self.inner.spec.command)
            .finish_non_exhaustive()
    }
}

fn no_port(name: &str, value: &str) -> NotReady {
    NotReady::ever(format!(
        "its banner reports `{value}` as `{name}`, which is not a port"
    ))
}

/// Locks a mutex. Ignores poisoning: a thread that panicked has left a complete value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
