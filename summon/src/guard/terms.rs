//! What is said of services and commands under guard, whatever the system.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::session::Sweep;
use crate::sys::Signal;
use crate::sys::fd::OwnedFd;
use crate::sys::users::User;

/// What a guard is to do: everything resolved, nothing left to look up.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) dir: PathBuf,
    pub(crate) umask: Option<u32>,
    pub(crate) user: Option<User>,
    pub(crate) daemon: bool,
    pub(crate) stop: StopPlan,
    pub(crate) after_stop: Vec<Vec<OsString>>,
    pub(crate) log_limit: u64,
    pub(crate) sweep: Sweep,
    pub(crate) log: OwnedFd,
    /// What its guard is to say of it if its test is killed.
    pub(crate) about: About,
    /// Where its two streams go besides, each by itself.
    pub(crate) streams: Option<[OwnedFd; 2]>,
    pub(crate) stdin: OwnedFd,
    /// The name of the socket where it says that it is ready, if it does.
    pub(crate) notify: Option<String>,
    /// Listening sockets that it is given, with their names.
    pub(crate) sockets: Vec<(String, OwnedFd)>,
    /// Locks and leases that last as long as the service.
    pub(crate) held: Vec<OwnedFd>,
    /// For a service that is to be shared.
    pub(crate) sharing: Option<Sharing>,
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

/// Why a command did not come to run.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// It could not be exec'ed, or not prepared.
    Refused(Step, io::Error),
    /// There is no guard to be had.
    NoGuard(io::Error),
    /// Not in time.
    Late,
}

/// What is known of the service by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The guard and the program.
    pub(crate) pids: Option<(u32, u32)>,
    /// The program is no longer the one that was started, but what that one has left behind.
    pub(crate) forked_away: bool,
    /// How the program itself ended, and when that was heard of.
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) exited: Option<Instant>,
    /// Nothing of it is left: the guard says so, or is itself gone.
    pub(crate) gone: bool,
    /// The guard ended before it had said that nothing is left: somebody killed it.
    pub(crate) guard_died: bool,
    /// It is shared: what its users need to know.
    pub(crate) shared: Option<Arc<[u8]>>,
    /// What it has said of itself, and until when it asks to be waited for.
    pub(crate) notice: Option<Notice>,
    pub(crate) extended: Option<Instant>,
    /// When its guard began to ask it to end. It had ended by then, or was about to.
    pub(crate) asked: Option<Instant>,
    pub(crate) ended_unasked: bool,
    /// It was killed, since it did not end within its grace.
    pub(crate) killed: bool,
    /// How the commands for afterwards ended.
    pub(crate) after_stop: Vec<Ran>,
    /// How much of its output could not be kept, and why.
    pub(crate) lost: Option<(u64, i32)>,
    /// The processes of it that did not end, though they were killed.
    pub(crate) survivors: Vec<String>,
    /// It was asked to end since the runner of this test had ended.
    pub(crate) run_ended: bool,
    pub(super) synced: u64,
    pub(super) refused: Option<(Step, i32)>,
    pub(super) finished: bool,
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

/// Who is to hear a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Group,
    Leader,
}

/// What a service has said of itself (`sd_notify(3)`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) ready: bool,
    pub(crate) status: String,
    /// It asks for so long from now.
    pub(crate) extend: Option<Duration>,
}

/// How an errand ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Its wait status; `None` if it took too long.
    pub(crate) status: Option<i32>,
    /// The end of what it wrote.
    pub(crate) output: Vec<u8>,
}

/// What a guard does before the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fork,
    Prepare,
    WorkingDirectory,
    Exec,
}

/// What a sleeper wants to be woken for, beside the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Ends,
    Output,
    Notices,
    All,
}

/// What to run: everything resolved.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) dir: PathBuf,
    pub(crate) user: Option<User>,
}

/// Why a command did not run to its end, or its limit.
#[derive(Debug)]
pub(crate) enum ErrandFailed {
    /// It could not be exec'ed, or not prepared.
    Refused(Step, io::Error),
    /// The caller did not want to wait any more.
    GivenUp,
    Broken(io::Error),
}
