//! The parts of a process, each with its own state, and the set of processes that it may name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use summon_syntax::nodes;

use super::declaration::Declaration;
use super::joint_start::JointStart;
use super::life::Life;
use super::links::Links;
use super::network::Network;
use super::relays::Relays;
use super::resources::Resources;
use crate::error::Error;
use crate::probe;
use crate::session::Home;
use crate::small_map::SmallMap;
use crate::sys::unmet;
use crate::trace::{self, Moment, Story};

/// The steps of a start and of a stop are methods here: each of them uses several parts.
///
/// Each part has at most one lock. A method that needs two locks takes the life's first, then
/// the set's or the resources'.
pub(crate) struct Parts {
    /// Its declaration: the command and the options.
    pub(super) declaration: Declaration,
    /// Its ports, directory, and session.
    pub(super) resources: Arc<Resources>,
    /// Which processes it may name.
    set: Mutex<Arc<Set>>,
    /// Its state: it starts, runs, and is stopped.
    pub(super) life: Life,
    /// Its events, for the trace.
    story: Story,
    /// Fills the template of its databases.
    pub(super) fill: OnceLock<Fill>,
    /// The patterns that the test allows at present.
    pub(super) allowed: Mutex<Vec<String>>,
    pub(super) links: Links,
    pub(super) relays: Relays,
    /// All nodes of its cluster, itself included.
    pub(super) nodes: OnceLock<Arc<Nodes>>,
}

/// Fills the template with this name.
pub(crate) type Fill = Box<dyn Fn(&str) -> Result<(), Error> + Send + Sync>;

/// The processes that may use each other's placeholders. Weak, since each process holds its set.
#[derive(Default)]
pub(crate) struct Set {
    members: Vec<(String, Weak<Parts>)>,
    places: Mutex<Places>,
    pub(crate) start: JointStart,
}

/// Where members are reached, if not at their processes.
#[derive(Default)]
struct Places {
    /// The URLs of members that are databases.
    urls: SmallMap<String, String>,
    /// The addresses of members that are links.
    addrs: SmallMap<String, SocketAddr>,
}

/// The nodes of a cluster. Weak, since each node holds this value.
pub(crate) struct Nodes {
    /// The nodes by index.
    pub(super) all: Vec<Weak<Parts>>,
    /// The start of several nodes together.
    pub(crate) start: JointStart,
    pub(super) network: Network,
}

impl Set {
    /// Makes a set of processes, each with its name in the set.
    pub(super) fn of(members: Vec<(String, Weak<Parts>)>) -> Arc<Set> {
        Arc::new(Set {
            members,
            places: Mutex::default(),
            start: JointStart::default(),
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Parts>> {
        let (_, member) = self.members.iter().find(|(member, _)| member == name)?;
        member.upgrade()
    }

    /// Returns the first node of the cluster with this name in the set.
    pub(super) fn first_node(&self, cluster: &str) -> Option<Arc<Parts>> {
        self.find(&nodes::name(cluster, 0))
            .filter(|member| member.declaration.index == Some(0))
    }

    /// Sets the URL of a member that is a database.
    pub(crate) fn set_url(&self, name: &str, url: String) {
        self.places().urls.insert(name.to_owned(), url);
    }

    pub(super) fn url(&self, name: &str) -> Option<String> {
        self.places().urls.get(name).cloned()
    }

    /// Sets the address of a member that is a link.
    pub(crate) fn set_addr(&self, name: &str, addr: SocketAddr) {
        self.places().addrs.insert(name.to_owned(), addr);
    }

    pub(super) fn addr(&self, name: &str) -> Option<SocketAddr> {
        self.places().addrs.get(name).copied()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }
}

impl Parts {
    pub(super) fn new(declaration: Declaration, resources: Arc<Resources>) -> Parts {
        Parts {
            declaration,
            resources,
            set: Mutex::default(),
            life: Life::default(),
            story: Story::default(),
            fill: OnceLock::new(),
            allowed: Mutex::default(),
            links: Links::default(),
            relays: Relays::default(),
            nodes: OnceLock::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.declaration.name()
    }

    /// Returns the name, prefixed with the test's name: `remembers/redis`.
    pub(super) fn full_name(&self) -> String {
        let name = self.name();
        self.test()
            .map_or_else(|| name.to_owned(), |test| format!("{test}/{name}"))
    }

    /// Returns the test that owns the process, if known. A fixture belongs to no test.
    fn test(&self) -> Option<String> {
        match self.life.fixture() {
            Some(_) => None,
            None => trace::known_test(),
        }
    }

    /// Reports an event to `tracing` subscribers and the trace file.
    pub(super) fn tell(&self, moment: Moment<'_>) {
        self.story.tell(self.name(), moment);
    }

    pub(super) fn join(&self, set: &Arc<Set>) {
        let mut own = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        *own = Arc::clone(set);
    }

    pub(super) fn set(&self) -> Arc<Set> {
        Arc::clone(&self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether a start of its set, or of its cluster, is called off.
    pub(super) fn is_called_off(&self) -> bool {
        let cluster = self.nodes.get();
        self.set().start.is_called_off() || cluster.is_some_and(|it| it.start.is_called_off())
    }

    /// Returns an error on systems where summon can't start processes.
    pub(super) fn check_system(&self) -> Result<(), Error> {
        match unmet() {
            None => Ok(()),
            Some(missing) => Err(self
                .declaration
                .bad(missing.what)
                .fact("missing", missing.lacks)
                .fact("hint", missing.hint)),
        }
    }

    /// Returns the address that was found when the process became ready, or else the declared one.
    pub(super) fn addr(&self) -> Result<SocketAddr, probe::NotReady> {
        if let Some(found) = self.life.addr() {
            return Ok(found);
        }
        // Without the brackets of an IPv6 address in a URL.
        let ip = self.host().trim_matches(['[', ']']).parse();
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(SocketAddr::new(ip, self.port_or_lease("")?))
    }

    /// Returns the private directory. Makes it at the first call.
    pub(super) fn dir(&self) -> Result<&Path, Error> {
        let home = self.home()?;
        Ok(self.resources.dir_of(&home))
    }

    /// Returns the directory and the log. Makes them at the first call.
    pub(super) fn home(&self) -> Result<Arc<Home>, Error> {
        let made = self.resources.home();
        if let Some(home) = made.filter(|home| !home.is_copy()) {
            return Ok(home);
        }
        // A fixture has its template function before anything asks for the directory.
        let site = self.declaration.site(self.fill.get().is_some())?;
        let test = self.test();
        let make = |session| Home::of_test(self.name(), test.as_deref(), session, site);
        self.resources.home_or(make)
    }
}
