//! Identifies the holder of a fixed port, and decides how long to wait for it.

use std::time::{Duration, Instant};

use super::taken::turns;
use crate::sys::{self, ports, proc};

/// The limit for a thread that waits for one port while it has another. Two such threads may wait
/// for each other.
pub(super) const HOLDING_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait if no process listens on the claim's socket. A process of summon listens right
/// after it has claimed a port.
const SILENT_LIMIT: Duration = Duration::from_secs(5);
/// How long a released claim may linger in a fork of another thread, between `fork` and `execve`.
/// The port has no holder then, so this applies in addition to every limit.
const LINGERS: Duration = Duration::from_secs(1);

/// The kind of a holder, which determines how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A guard, a test process, or a process that can't be seen.
    Usual,
    /// The guard of a fixture, which lasts until its run ends.
    Fixture,
    /// A guard that has ended, or this process without a turn: a fork still has a copy.
    Lingers,
    /// A process of another user. It may be a guard, but its word proves nothing.
    Others,
    /// No process listens on the claim.
    Silent,
}

impl Sort {
    pub(super) fn of(holder: Option<&ports::Holder>, port: u16) -> Sort {
        let Some(holder) = holder else {
            return Sort::Silent;
        };
        let has_ended = match holder.pid {
            0 => false,
            pid if pid == std::process::id() => !turns().iter().any(|turn| turn.port == port),
            pid => proc::has_ended(pid),
        };
        match holder {
            _ if has_ended => Sort::Lingers,
            holder if holder.is_others => Sort::Others,
            holder if holder.is_fixture => Sort::Fixture,
            _ => Sort::Usual,
        }
    }

    /// Returns how long to wait for a holder of this kind, found at `since`.
    pub(super) fn limit(self, since: Instant, deadline: Instant) -> Instant {
        match self {
            Sort::Usual => deadline,
            Sort::Fixture | Sort::Others => deadline.min(since + HOLDING_LIMIT),
            Sort::Lingers => deadline.max(since + LINGERS),
            // The holder may have ended between two looks. The next look then finds the port free.
            Sort::Silent => (deadline.max(since + LINGERS)).min(since + SILENT_LIMIT),
        }
    }

    pub(super) fn hint(self, holding: bool, waited: Duration) -> String {
        match self {
            Sort::Silent => "it does not listen there, so it does not belong to summon; end it, or use another port".to_owned(),
            Sort::Others => format!(
                "it belongs to another user, so its end may never come; the start waited for {waited:?}; end it, or use another port"
            ),
            _ if holding => "this thread has another fixed port already, so the two may wait for each other;\n\
                             a set (stacked attributes, or `orchestrated`) takes its ports in order"
                .to_owned(),
            Sort::Fixture if waited >= HOLDING_LIMIT => {
                format!("a fixture keeps it until its run ends; the start waited for {HOLDING_LIMIT:?}")
            }
            _ => format!("the start waited for {waited:?}; `turn_timeout` sets this limit"),
        }
    }
}

/// Describes the holder of a port for a report.
pub(super) fn describe(holder: Option<&ports::Holder>, port: u16) -> String {
    let kept = || sys::who(ports::keeper(port).unwrap_or(0));
    match holder {
        None => format!("{}, by {}", kept(), ports::what_is_claimed(port)),
        Some(holder) if holder.pid != 0 && proc::has_ended(holder.pid) => format!(
            "{}, which has a copy of the lease; the guard that had the port, pid {}, has ended",
            kept(),
            holder.pid
        ),
        Some(holder) if holder.pid == 0 => kept(),
        Some(holder) => sys::who(holder.pid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_none_of_ours_is_not_waited_for_to_the_end() {
        let now = Instant::now();
        let (soon, late) = (now + Duration::from_secs(3), now + Duration::from_secs(600));
        for sort in [Sort::Silent, Sort::Others] {
            assert_eq!(sort.limit(now, soon), soon);
            assert!(sort.limit(now, late) <= now + HOLDING_LIMIT);
        }
        assert_eq!(Sort::Usual.limit(now, late), late);
    }
}
