//! A handle on a link.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

pub(crate) use separating::Separating;

use super::ended::Ended;
use super::fault::{self, Fault};
use super::history::History;
use super::in_force::InForce;
use crate::error::Error;
use crate::guard::{LinkProcess, Separated};
use crate::hold::{self, Shown, Thing};
use crate::panicked::{self, Failure};
use crate::port::Lease;
use crate::sys::maker::Maker;
use crate::trace::{TestId, this_test};

/// A private TCP port in front of a server. The link passes everything on until a test breaks the
/// network: it cuts, silences, or slows down the connections.
///
/// [`Process::link`](crate::Process::link) makes one. It does not disturb the server, nor other tests
/// that use it. A verb changes the connections that exist and those to come, and returns when it is in
/// force. Without a fault, clients see the same through the link as without it. Bytes never change, and
/// never change their order.
///
/// Each verb has a form that takes a closure. It undoes this one fault afterwards, also if the closure
/// panics.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::net::TcpStream;
/// use summon::SimpleExecutor;
///
/// let server = SimpleExecutor::new("sleep 100 {port}").listen_fd(true);
/// server.start()?;
/// let link = server.link()?;
/// assert!(TcpStream::connect(link.addr()).is_ok());
/// link.cut()?;
/// assert!(TcpStream::connect(link.addr()).is_err());
/// assert!(TcpStream::connect(server.addr()).is_ok());     // nobody else notices
/// link.heal()?;
/// assert!(TcpStream::connect(link.addr()).is_ok());
/// # }
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The link ends when its last handle is dropped, and resets the connections that are left.
///
/// # Platform notes
///
/// Links exist on Linux. Elsewhere summon returns an error.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

/// A panic leaves each value complete, either old or new.
impl UnwindSafe for Link {}
impl RefUnwindSafe for Link {}

#[derive(Debug)]
struct Inner {
    server: Server,
    port: u16,
    begun: Instant,
    /// The test that made it.
    test: TestId,
    maker: Maker,
    state: Mutex<State>,
}

/// The server of a link.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    /// The scheme of its URLs, such as `http://`.
    pub(crate) scheme: String,
    /// Its address, if known.
    pub(crate) addr: Option<SocketAddr>,
    /// Keeps the histories of its links.
    pub(crate) ended: Weak<Ended>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) process: LinkProcess,
    faults: InForce,
    /// Where new connections lead. `None` if that is unknown.
    target: Option<SocketAddr>,
    /// The separated nodes. `None` if they are unknown.
    separated: Option<Separated>,
    /// The names of the separated nodes.
    separated_names: String,
    history: History,
    /// Whether a report has the history.
    is_told: bool,
}

/// A link that may have ended.
#[derive(Clone, Debug)]
pub(crate) struct WeakLink(Weak<Inner>);

impl WeakLink {
    pub(crate) fn upgrade(&self) -> Option<Link> {
        let inner = self.0.upgrade()?;
        Some(Link { inner })
    }
}

/// The maximum number of ports to try. Between the lease and the bind, a program without summon may take a port.
const ATTEMPTS: usize = 5;

impl Link {
    pub(crate) fn to(server: Server) -> Result<Link, Error> {
        let failed = |why: &dyn fmt::Display| {
            let name = &server.name;
            Error::new(format!("the link to {name} could not be made: {why}"))
        };
        panicked::note_panics();
        let mut attempt = 0;
        let (lease, process) = loop {
            let lease = Lease::pick()?;
            let claim = lease.share().map_err(|error| failed(&error))?;
            match LinkProcess::start(&server.name, lease.port, &claim, server.addr) {
                Ok(process) => break (lease, process),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(failed(&error)),
            }
        };
        let state = State {
            process,
            faults: InForce::default(),
            target: server.addr,
            separated: Some(Separated::default()),
            separated_names: String::new(),
            history: History::new(&server.name, lease.port),
            is_told: false,
        };
        let inner = Arc::new(Inner {
            port: lease.port,
            server,
            begun: Instant::now(),
            test: this_test(),
            maker: Maker::here(),
            state: Mutex::new(state),
        });
        hold::note(&inner);
        Ok(Link { inner })
        // The process of the link holds the lease from now on.
    }

    pub(crate) fn downgrade(&self) -> WeakLink {
        WeakLink(Arc::downgrade(&self.inner))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failed(&self, why: &dyn fmt::Display) -> Error {
        let name = &self.inner.server.name;
        Error::new(format!("the link to {name} can't be changed: {why}"))
    }

    /// Whether another program has killed the process of the link.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().process.has_ended()
    }

    /// Leads new connections to this address.
    pub(crate) fn lead_to(&self, target: SocketAddr) -> Result<(), Error> {
        let mut state = self.lock();
        if state.target != Some(target) {
            let led = state.process.lead_to(target);
            settle(&mut state.target, target, &led);
            led.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Adds a fault until the link is healed.
    pub(super) fn put(&self, fault: &Fault) -> Result<(), Error> {
        let mut state = self.lock();
        let mut faults = state.faults.clone();
        faults.add(fault);
        self.apply(&mut state, faults, &fault.to_string())
    }

    /// Adds a fault until its end. Returns its number.
    pub(super) fn begin(&self, fault: &Fault) -> Result<u64, Error> {
        let mut state = self.lock();
        let mut faults = state.faults.clone();
        let number = faults.begin(fault);
        self.apply(&mut state, faults, &fault.to_string())?;
        Ok(number)
    }

    /// Ends one fault, and leaves the others. `heal` may have ended it before.
    pub(super) fn end(&self, number: u64, fault: &Fault) -> Result<(), Error> {
        let mut state = self.lock();
        let mut faults = state.faults.clone();
        if !faults.end(number) {
            return Ok(());
        }
        self.apply(&mut state, faults, &format!("no longer {fault}"))
    }

    /// Ends all faults.
    pub(super) fn end_all(&self) -> Result<(), Error> {
        let mut state = self.lock();
        let mut faults = state.faults.clone();
        faults.heal();
        self.apply(&mut state, faults, "healed")
    }

    fn apply(&self, state: &mut State, faults: InForce, what: &str) -> Result<(), Error> {
        let all = faults.all();
        let applied = state.process.apply(all.clone());
        if let Err(error) = applied {
            if may_come(&error) {
                let what = format!("{what}, without an answer");
                let before = state.faults.all();
                state.history.note(&what, &before, &state.separated_names);
            }
            return Err(self.failed(&error));
        }
        state.history.note(what, &all, &state.separated_names);
        state.faults = faults;
        Ok(())
    }

    /// Returns the history of the link, for the report of a failed test. `None` if the test has not changed
    /// the link. The drop of the link does not print it again.
    pub(crate) fn report(&self, failed: &Failure) -> Option<String> {
        let mut state = self.lock();
        state.is_told = true;
        state.history.report(failed)
    }

    /// Returns the history of the link, for a test that has failed now.
    pub(crate) fn report_now(&self) -> Option<String> {
        self.report(&Failure::since(self.inner.begun))
    }

    /// Returns the port of the link, on 127.0.0.1.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let server = summon::SimpleExecutor::new("my-api --port {port}");
    /// let link = server.link()?;
    /// assert_ne!(link.port(), server.port());
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Returns the address of the link: its port on 127.0.0.1.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let link = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// assert_eq!(link.addr(), ([127, 0, 0, 1], link.port()).into());
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// Returns the URL of a path on the server, through the link. [`Process::url`](crate::Process::url)
    /// has the same scheme.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let link = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// assert_eq!(link.url("/users"), format!("http://127.0.0.1:{}/users", link.port()));
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{}{slash}{path}", self.inner.server.scheme, self.addr())
    }
}

/// Whether an order that has failed may still come into force. The process of a link obeys orders in their
/// sequence, so a later order replaces it.
fn may_come(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

/// Notes what is in force after an order.
fn settle<T>(known: &mut Option<T>, ordered: T, result: &io::Result<()>) {
    match result {
        Ok(()) => *known = Some(ordered),
        Err(error) if may_come(error) => *known = None,
        Err(_) => {}
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.inner.server.name)
            .field("addr", &self.addr())
            .field("faults", &self.lock().faults.all())
            .finish()
    }
}

impl Thing for Inner {
    fn shown(&self) -> Option<Shown> {
        let server = &self.server.name;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = match state.process.has_ended() {
            true => format!("to {server}; another program has killed its process"),
            false => format!("127.0.0.1:{}, to {server}", self.port),
        };
        let faults = fault::with_separated(&state.faults.all(), &state.separated_names);
        if !faults.is_empty() {
            line += &format!(", {faults}");
        }
        Some(Shown {
            name: "link".to_owned(),
            // It needs its server, which is shown, too.
            is_up: false,
            lines: vec![line],
            process: None,
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Before the drop of the inner value, which ends the link.
        hold::at_drop();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            return;
        }
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !thread::panicking() {
            // The test may still fail, for example by an error that it returns.
            let ended = self.server.ended.upgrade().filter(|_| !state.is_told);
            if let Some((ended, changes)) = ended.zip(state.history.end()) {
                ended.keep(self.test.clone(), changes);
            }
            return;
        }
        let report = || state.history.report(&Failure::since(self.begun));
        if let Some(report) = (!state.is_told).then(report).flatten() {
            let name = &self.server.name;
            eprintln!("\nthe link to {name} in this failed test:\n{report}");
        }
    }
}

mod separating;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
