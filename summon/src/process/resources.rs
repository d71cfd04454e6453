//! What a process has: its ports, its directory with the log, and its place in a shared session.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::Error;
use crate::guard::Sharing;
use crate::port::{Lease, Turn};
use crate::session::{Home, Session};
use crate::small_map::SmallMap;
use crate::sys::fd::OwnedFd;

/// The resources of a process. They outlast its restarts, and changes of its options before a start.
///
/// No other lock of the process is taken under this lock. The lock of the life may be held already.
#[derive(Default)]
pub(crate) struct Resources {
    held: Mutex<Acquired>,
    /// The path of the directory, once someone has asked for it.
    dir: OnceLock<PathBuf>,
}

#[derive(Default)]
struct Acquired {
    /// Ports by label. The empty label is the process's main port.
    ports: SmallMap<String, Port>,
    /// The turns on fixed ports, from before the start until the process and its descendants are
    /// gone.
    turns: Vec<Turn>,
    home: Option<Arc<Home>>,
    /// The session of its files, if not that of this test process.
    session: Option<Arc<Session>>,
    /// Set while a start is to be shared with other test processes.
    sharing: Option<Sharing>,
}

enum Port {
    Leased(Lease),
    /// The test process that started the process holds the lease.
    OfOthers(u16),
}

impl Port {
    fn number(&self) -> u16 {
        match self {
            Port::Leased(lease) => lease.port,
            Port::OfOthers(port) => *port,
        }
    }
}

impl Resources {
    fn lock(&self) -> MutexGuard<'_, Acquired> {
        // A thread that panicked has left a complete value behind.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the port with this label, if the process has it.
    pub(super) fn port(&self, label: &str) -> Option<u16> {
        self.lock().ports.get(label).map(Port::number)
    }

    /// Returns all ports by label.
    pub(super) fn ports(&self) -> Vec<(String, u16)> {
        let held = self.lock();
        let port = |(label, port): &(String, Port)| (label.clone(), port.number());
        held.ports.iter().map(port).collect()
    }

    /// Leases a port for this label, unless the process has one.
    pub(super) fn lease(&self, label: &str) -> Result<u16, Error> {
        let mut held = self.lock();
        if let Some(port) = held.ports.get(label) {
            return Ok(port.number());
        }
        let lease = Lease::pick()?;
        let port = lease.port;
        held.ports.insert(label.to_owned(), Port::Leased(lease));
        Ok(port)
    }

    pub(super) fn has_turn(&self, port: u16) -> bool {
        self.lock().turns.iter().any(|turn| turn.port() == port)
    }

    pub(super) fn add_turn(&self, turn: Turn) {
        self.lock().turns.push(turn);
    }

    pub(super) fn give_turns_back(&self) {
        let turns = std::mem::take(&mut self.lock().turns);
        drop(turns);
    }

    /// Duplicates the leases and turns, so that the guard holds them too.
    pub(super) fn claims(&self) -> io::Result<Vec<OwnedFd>> {
        let held = self.lock();
        let leases = held.ports.iter().filter_map(|(_, port)| match port {
            Port::Leased(lease) => Some(lease.share()),
            Port::OfOthers(_) => None,
        });
        leases.chain(held.turns.iter().map(Turn::share)).collect()
    }

    pub(super) fn home(&self) -> Option<Arc<Home>> {
        self.lock().home.clone()
    }

    /// Returns the home, which `make` makes in the session of the files if there is none. A forked
    /// child makes its own.
    pub(super) fn home_or(
        &self,
        make: impl FnOnce(Option<Arc<Session>>) -> Result<Home, Error>,
    ) -> Result<Arc<Home>, Error> {
        let mut held = self.lock();
        if let Some(home) = held.home.as_ref().filter(|home| !home.is_copy()) {
            return Ok(Arc::clone(home));
        }
        let made = make(held.session.clone())?;
        Ok(Arc::clone(held.home.insert(Arc::new(made))))
    }

    /// Returns the path of the directory, which stays the same from the first call on.
    pub(super) fn dir_of(&self, home: &Home) -> &Path {
        self.dir.get_or_init(|| home.dir().to_owned())
    }

    /// Returns whether the path is in the private directory.
    pub(super) fn is_private(&self, path: &Path) -> bool {
        self.dir.get().is_some_and(|own| path.starts_with(own))
    }

    /// Makes the launches from now on shared ones, with their files in the session of the run.
    /// Returns `false` if the files exist already, in the session of this test process.
    pub(super) fn share_in(&self, session: Arc<Session>, sharing: Sharing) -> bool {
        let mut held = self.lock();
        if held.home.as_ref().is_some_and(|home| !home.is_copy()) {
            return false;
        }
        held.session = Some(session);
        held.sharing = Some(sharing);
        true
    }

    /// Copies the sharing, for one launch. The executor of a fixture may launch its process twice.
    pub(super) fn sharing(&self) -> io::Result<Option<Sharing>> {
        self.lock().sharing.as_ref().map(Sharing::share).transpose()
    }

    /// Makes the launches from now on private ones.
    pub(super) fn unshare(&self) {
        drop(self.lock().sharing.take());
    }

    /// Takes over the ports and the files of a process that another test process has started.
    pub(super) fn adopt(&self, ports: Vec<(String, u16)>, home: Arc<Home>) {
        let mut held = self.lock();
        let ports = ports.into_iter();
        let ports = ports.map(|(label, port)| (label, Port::OfOthers(port)));
        held.ports = ports.collect();
        held.home = Some(home);
    }

    /// Removes the files, and gives the turns back.
    pub(super) fn clear(&self) {
        let home = self.lock().home.take();
        drop(home);
        self.give_turns_back();
    }
}
