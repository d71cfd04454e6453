//! The known state of services and helper commands, and their errors.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::details::Details;

/// The reason why a command did not start.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// Preparation or exec failed.
    Refused(Step, io::Error),
    /// The engine made no container.
    NoContainer(Ran),
    /// The command with this index, which runs before the service in its container, has failed.
    Before(usize, Ran),
    /// No guard could be hired.
    NoGuard(io::Error),
    /// The deadline has passed.
    Late,
    /// The start was cancelled.
    Cancelled,
}

impl LaunchError {
    /// Returns whether another process has killed the guard, or the warden before it read the request.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, LaunchError::NoGuard(error) if error.kind() == io::ErrorKind::ConnectionAborted)
    }
}

/// The known state of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The pids of the guard and of the program.
    pub(crate) pids: Option<(u32, u32)>,
    /// The program has forked away, and its eldest descendant took its place.
    pub(crate) forked_away: bool,
    /// How the program ended, and when the owner heard it.
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) exited: Option<Instant>,
    /// No process is left: the guard says so, or has itself ended.
    pub(crate) gone: bool,
    /// The guard ended before it had reported the end of the service, so another process killed it.
    pub(crate) guard_died: bool,
    /// The details for users, once the service is shared.
    pub(crate) shared: Option<Arc<Details>>,
    /// The latest notice, and until when the service asks to wait.
    pub(crate) notice: Option<Notice>,
    pub(crate) extended: Option<Instant>,
    /// When the guard began to ask the service to end. `ended_unasked`: the service had ended by
    /// then, or was about to.
    pub(crate) asked: Option<Instant>,
    pub(crate) ended_unasked: bool,
    /// The service did not end within its grace and was killed.
    pub(crate) killed: bool,
    /// What the engine has said about the container of the service.
    pub(crate) told: Told,
    /// The results of the commands that followed the stop.
    pub(crate) after_stop: Vec<Ran>,
    /// How many bytes of output were lost, and the errno.
    pub(crate) lost: Option<(u64, i32)>,
    /// The processes that were killed and do not end.
    pub(crate) survivors: Vec<String>,
    /// The service was asked to end because the runner had ended.
    pub(crate) run_ended: bool,
    /// The highest number of an order that the guard has confirmed.
    pub(super) synced: u64,
    pub(super) refused: Option<(Step, i32)>,
    pub(super) finished: bool,
}

#[cfg(unix)]
impl State {
    /// Notes the answer to a numbered order.
    pub(super) fn confirm(&mut self, number: u64) {
        // Two threads number their orders before they send them, so the higher number may be sent and
        // answered first. A lower number must not hide that answer: its thread would wait to its limit.
        self.synced = self.synced.max(number);
    }
}

/// The words of an engine about the container of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The command before the service that has failed, by its index.
    pub(crate) before: Option<(usize, Ran)>,
    /// The result of its creation, and of the copy of its files.
    pub(crate) created: Option<Ran>,
    /// Its state when the program had ended.
    pub(crate) inspected: Option<Ran>,
    /// Why it is still there, although the guard has removed it again and again.
    pub(crate) left: Option<Ran>,
}

impl Told {
    /// Returns whether the engine has told that it could not start the container.
    pub(crate) fn has_never_started(&self) -> bool {
        let Some(inspected) = &self.inspected else {
            return false;
        };
        let text = String::from_utf8_lossy(&inspected.output);
        // The status comes first. A container that has run is `exited`.
        text.split('|')
            .next()
            .is_some_and(|it| is_unstarted(it.trim()))
    }

    /// Returns the id of the container.
    pub(crate) fn id(&self) -> Option<String> {
        let created = self.created.as_ref();
        created.filter(|it| it.status == Some(0))?.container_id()
    }
}

/// Returns whether a container with this status has not been started. Podman knows more of them than Docker.
pub(crate) fn is_unstarted(status: &str) -> bool {
    ["created", "configured", "initialized"].contains(&status)
}

impl Ran {
    /// Returns the id of a container, which an engine prints after its warnings.
    pub(crate) fn container_id(&self) -> Option<String> {
        let output = String::from_utf8_lossy(&self.output);
        let is_id = |line: &&str| line.len() == 64 && line.bytes().all(|it| it.is_ascii_hexdigit());
        output
            .lines()
            .map(str::trim)
            .rfind(is_id)
            .map(str::to_owned)
    }
}

/// The receivers of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Group,
    Leader,
}

/// A notice of a service about itself (`sd_notify(3)`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) ready: bool,
    pub(crate) status: String,
    /// The requested extension, from now.
    pub(crate) extend: Option<Duration>,
}

/// A place in the output of a service from which on a test allows lines that match, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) pattern: String,
    pub(crate) begins: bool,
    /// The length of the log.
    pub(crate) log: u64,
    /// The lengths of standard output and standard error, if these are kept apart.
    pub(crate) streams: [u64; 2],
}

/// The result of a helper command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    /// The wait status. `None` after a time-out.
    pub(crate) status: Option<i32>,
    /// The end of the output.
    pub(crate) output: Vec<u8>,
    /// The end of standard error, if it was kept apart.
    pub(crate) errors: Vec<u8>,
}

/// A step of the guard before the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fork,
    Prepare,
    WorkingDirectory,
    Attributes,
    Container,
    Exec,
}

impl Step {
    /// Returns the step with this number, `step as u8`.
    #[cfg(unix)]
    pub(super) fn of_number(number: u64) -> Step {
        let steps = [
            Step::Fork,
            Step::Prepare,
            Step::WorkingDirectory,
            Step::Attributes,
            Step::Container,
        ];
        let mut steps = steps.into_iter();
        steps
            .find(|step| *step as u64 == number)
            .unwrap_or(Step::Exec)
    }
}

/// The news that wake a sleeper: ends, and for some also output or notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Only the end of the guard.
    Gone,
    Ends,
    Output,
    Notices,
    All,
}

/// The reason why a command has no result.
#[derive(Debug)]
pub(crate) enum HelperError {
    /// Preparation or exec failed.
    Refused(Step, io::Error),
    /// The caller gave up waiting.
    GivenUp,
    Broken(io::Error),
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stays_known_after_the_answer_to_an_earlier_order() {
        let mut state = State::default();
        for number in [1, 3, 2] {
            state.confirm(number);
        }
        assert_eq!(state.synced, 3);
    }

    #[test]
    fn a_warning_of_an_engine_is_no_container() {
        let id = "0123456789abcdef".repeat(4);
        let printed = |output: String| Ran {
            output: output.into_bytes(),
            ..Ran::default()
        };
        let warning = "Port mappings have been discarded\n";
        assert_eq!(printed(warning.to_owned()).container_id(), None);
        assert_eq!(printed(format!("{warning}{id}\n")).container_id(), Some(id));
    }

    #[test]
    fn a_container_that_was_not_started_is_told_from_one_that_has_run() {
        let told = |output: &str| Told {
            inspected: Some(Ran {
                output: output.into(),
                ..Ran::default()
            }),
            ..Told::default()
        };
        for output in [
            "created|0|false|\n",
            "configured|0|false|",
            "\ninitialized|0|false|x",
        ] {
            assert!(told(output).has_never_started(), "{output}");
        }
        for output in [
            "exited|0|false|",
            "running|0|false|",
            "Error: no such container",
            "",
        ] {
            assert!(!told(output).has_never_started(), "{output}");
        }
        assert!(!Told::default().has_never_started());
    }
}
