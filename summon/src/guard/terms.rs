//! The terms of a service: how it ends, and what its guard keeps for it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::session::Sweep;
use crate::sys::Signal;
use crate::sys::fd::OwnedFd;

/// What a guard does for its service, beside running it.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Its program forks away: what is left then is the service.
    pub(crate) daemon: bool,
    pub(crate) stop: StopPlan,
    /// Commands to run when nothing is left of it.
    pub(crate) after_stop: Vec<Vec<OsString>>,
    pub(crate) log: OwnedFd,
    /// The most bytes that the log keeps.
    pub(crate) log_limit: u64,
    /// Where standard output and standard error go as well, each by itself.
    pub(crate) streams: Option<[OwnedFd; 2]>,
    /// The name of the socket where the service says that it is ready (`sd_notify(3)`).
    pub(crate) notify: Option<String>,
    /// What the guard reports if the test is killed.
    pub(crate) about: About,
    pub(crate) sweep: Sweep,
    /// Present if other processes may use the service too.
    pub(crate) sharing: Option<Sharing>,
    /// Leases, which end with the guard.
    pub(crate) leases: Vec<OwnedFd>,
}

/// What makes a service one that several processes use.
#[derive(Debug)]
pub(crate) struct Sharing {
    /// Where its users connect: a listening socket, and its path.
    pub(crate) socket: OwnedFd,
    pub(crate) path: PathBuf,
    /// It ends when nobody uses it and somebody wants its port: it is not meant for the whole run.
    pub(crate) yields: bool,
}

/// What is said of a service after its headline, in a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// The test whose it is; none if it is a fixture.
    pub(crate) test: String,
    /// The lines with what is known before it runs.
    pub(crate) facts: String,
    /// Where in the log it begins.
    pub(crate) since: u64,
    /// How long the log was when the service first became ready: what comes then is written during a
    /// test.
    pub(crate) ready_at: Option<u64>,
}

/// How a service is asked to end, and how long it may take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StopPlan {
    pub(crate) signal: Signal,
    /// The program alone hears it: it tells its children itself.
    pub(crate) only_leader: bool,
    /// A command that asks it to end, instead of the signal.
    pub(crate) command: Option<Vec<OsString>>,
    pub(crate) grace: Duration,
}

/// How much longer than its grace a service may take to end, whatever it asks for.
const MOST_EXTENDED: Duration = Duration::from_secs(30);

impl StopPlan {
    /// The longest time that the service gets beyond its grace if it asks for more
    /// (`EXTEND_TIMEOUT_USEC`): a short grace says that the user does not want to wait.
    pub(super) fn most_extended(&self) -> Duration {
        self.grace.saturating_mul(9).min(MOST_EXTENDED)
    }

    /// Without any grace.
    pub(crate) fn kill() -> StopPlan {
        StopPlan {
            signal: Signal::KILL,
            only_leader: false,
            command: None,
            grace: Duration::ZERO,
        }
    }
}
