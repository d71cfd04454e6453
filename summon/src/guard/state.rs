//! What is known of services and helper commands, and what can go wrong with them.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// How a helper command ended.
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
    Attributes,
    Exec,
}

impl Step {
    /// The step of that number, `step as u8`.
    #[cfg(unix)]
    pub(super) fn of_number(number: u64) -> Step {
        let steps = [
            Step::Fork,
            Step::Prepare,
            Step::WorkingDirectory,
            Step::Attributes,
        ];
        let mut steps = steps.into_iter();
        steps
            .find(|step| *step as u64 == number)
            .unwrap_or(Step::Exec)
    }
}

/// What a sleeper wants to be woken for, beside the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Ends,
    Output,
    Notices,
    All,
}

/// Why a command did not run to its end, or its limit.
#[derive(Debug)]
pub(crate) enum HelperError {
    /// It could not be exec'ed, or not prepared.
    Refused(Step, io::Error),
    /// The caller did not want to wait any more.
    GivenUp,
    Broken(io::Error),
}
