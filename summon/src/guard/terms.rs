//! The terms of a service: how it ends, and which resources its guard holds.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::session::Sweep;
use crate::sys::Signal;
use crate::sys::fd::OwnedFd;

/// The duties of a guard, apart from running the program.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The program forks away. The processes that it leaves are the service.
    pub(crate) daemon: bool,
    pub(crate) stop: StopPlan,
    /// Present if the program is an engine's client, and the service is in a container.
    pub(crate) container: Option<Container>,
    /// Commands to run when no process of the service is left.
    pub(crate) after_stop: Vec<Vec<OsString>>,
    pub(crate) log: OwnedFd,
    /// The maximum number of bytes in the log.
    pub(crate) log_limit: u64,
    /// Additional logs, one for standard output and one for standard error.
    pub(crate) streams: Option<[OwnedFd; 2]>,
    /// The name of the socket for notices (`sd_notify(3)`).
    pub(crate) notify: Option<String>,
    /// The content of the guard's report if the test is killed.
    pub(crate) about: About,
    pub(crate) sweep: Sweep,
    /// Present if other processes may use the service.
    pub(crate) sharing: Option<Sharing>,
    /// The leases, which end with the guard.
    pub(crate) leases: Vec<OwnedFd>,
    /// The sockets of the relays to other services, which end after the container.
    pub(crate) relays: Vec<OwnedFd>,
}

/// The commands of an engine for the container of a service.
#[derive(Debug)]
pub(crate) struct Container {
    /// Commands that must succeed before the container is made. Each makes a container with the same
    /// name, and removes it.
    pub(crate) before: Vec<Vec<OsString>>,
    /// The time-out of each of them.
    pub(crate) before_limit: Duration,
    /// Creates the container, and prints its id or writes it to `id_file`.
    pub(crate) create: Vec<OsString>,
    pub(crate) id_file: Option<PathBuf>,
    /// Copies the files in this archive into the container, before the program starts.
    pub(crate) copy: Option<(Vec<OsString>, OwnedFd)>,
    /// Describes the state of the container.
    pub(crate) inspect: Vec<OsString>,
    pub(crate) removal: Removal,
}

impl Container {
    /// The longest time for one command of the engine, on a machine that is very busy.
    pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(30);
}

/// The commands that remove a container.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    /// Removes the container, which may run. The last word is its name.
    pub(crate) remove: Vec<OsString>,
    /// Prints the id of the container while there is one, and nothing after that.
    pub(crate) list: Vec<OsString>,
}

/// The shared side of a service.
#[derive(Debug)]
pub(crate) struct Sharing {
    /// The listening socket for users, and its path.
    pub(crate) socket: OwnedFd,
    pub(crate) path: PathBuf,
    /// Whether the service ends early: when it has no users and another process wants its port.
    pub(crate) yields: bool,
}

impl Sharing {
    pub(crate) fn share(&self) -> io::Result<Sharing> {
        Ok(Sharing {
            socket: self.socket.try_clone()?,
            path: self.path.clone(),
            yields: self.yields,
        })
    }
}

/// The content of a report after its headline.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// The owning test. Empty for a fixture.
    pub(crate) test: String,
    /// Lines with facts that are known before the start.
    pub(crate) facts: String,
    /// The position in the log where this service begins.
    pub(crate) since: u64,
    /// The length of the log when the service first became ready. Later output is written during a
    /// test.
    pub(crate) ready_at: Option<u64>,
}

/// How to ask a service to end, and how long that may take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StopPlan {
    pub(crate) signal: Signal,
    /// Signal the program only, which informs its children itself.
    pub(crate) only_leader: bool,
    /// A command that asks the service to end, instead of the signal.
    pub(crate) command: Option<Vec<OsString>>,
    pub(crate) grace: Duration,
}

/// The maximum of all extensions beyond the grace.
const MOST_EXTENDED: Duration = Duration::from_secs(30);

impl StopPlan {
    /// Returns the longest time beyond the grace that a service gets if it asks for more
    /// (`EXTEND_TIMEOUT_USEC`). A short grace means that the user does not want to wait, so the
    /// limit grows with the grace.
    pub(super) fn most_extended(&self) -> Duration {
        self.grace.saturating_mul(9).min(MOST_EXTENDED)
    }

    /// Returns a plan without grace.
    pub(crate) fn kill() -> StopPlan {
        StopPlan {
            signal: Signal::KILL,
            only_leader: false,
            command: None,
            grace: Duration::ZERO,
        }
    }
}
