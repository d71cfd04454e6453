//! The state of the descendants of a program.

use std::time::{Duration, Instant};

use crate::guard::{Guarded, State};
use crate::sys::signal::Disposition;
use crate::sys::{containers, proc};

/// How long descendants may outlive the program. Workers end within this time, a daemon does not.
const MOMENT: Duration = Duration::from_millis(100);
/// The processor time that such a program may use before summon stops it anyway.
const SETTLING: Duration = Duration::from_millis(50);
/// The maximum wait for such a program. On a busy machine it waits for a processor.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two checks.
const PAUSE: Duration = Duration::from_micros(300);

/// Returns the command lines of the living processes of a service without its leader, at most three.
pub(crate) fn left_behind((guard, leader): (u32, u32)) -> Vec<String> {
    // Look twice. During one look a process may fork and exit: the kernel moves its child to the
    // guard, behind our back.
    let look = || proc::service(guard, leader).unwrap_or_default();
    let mut pids = look();
    pids.extend(look());
    let mut seen = Vec::new();
    pids.retain(|pid| {
        let is_new = *pid != leader && !seen.contains(pid);
        seen.push(*pid);
        is_new && !proc::has_ended(*pid)
    });
    let mut lines: Vec<String> = Vec::new();
    for line in pids.into_iter().filter_map(proc::command_line) {
        // Workers often have the same command line as their master.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.truncate(3);
    lines
}

/// Returns the processor time of a service while one of its processes is busy or its leader has just
/// ended. Returns `None` if all processes are blocked: the service has then finished its start-up work.
fn busy_for((guard, leader): (u32, u32)) -> Option<Duration> {
    // Look twice, each time with a new list. While we look at one process, another may wake a
    // process that we have already seen and then block, or fork and exit.
    // A leader that has ended counts as busy, since the guard is about to report its end.
    let is_busy = (0..2).any(|_| proc::is_service_busy(guard, leader));
    is_busy.then(|| {
        let tree = proc::service(guard, leader).unwrap_or_default();
        tree.into_iter().filter_map(proc::processor_time).sum()
    })
}

/// Returns the descendants of a program that has exited with code 0, and left them behind for good.
pub(crate) fn left_for_good(guarded: &Guarded) -> Vec<String> {
    loop {
        let state = guarded.state();
        let (Some(status), Some(at), Some(pids)) = (state.exit, state.exited, state.pids) else {
            return Vec::new();
        };
        if !status.success() || state.gone {
            return Vec::new();
        }
        let left = left_behind(pids);
        if left.is_empty() || at.elapsed() >= MOMENT {
            return left;
        }
        pause(guarded, |state| state.gone);
    }
}

/// Waits until a program is idle. A program that gets the stop signal while it forks away ends
/// differently, for example with exit code 5.
pub(crate) fn settle(guarded: &Guarded) {
    let (began, mut used_before) = (Instant::now(), None);
    while began.elapsed() < PATIENCE {
        let state = guarded.state();
        if state.exit.is_some() || state.gone {
            return;
        }
        let Some(used) = state.pids.and_then(busy_for) else {
            return;
        };
        // Processes that have ended no longer count, so the sum can shrink.
        let before = *used_before.get_or_insert(used);
        if used.saturating_sub(before) >= SETTLING {
            return;
        }
        pause(guarded, |state| state.exit.is_some() || state.gone);
    }
}

/// Returns whether the main process of a container never notices a signal: process 1 of a pid namespace
/// gets only signals that it handles (`pid_namespaces(7)`).
///
/// A shell blocks all signals while it forks, so a blocked one is looked at again for a moment. A program
/// that takes its signals from `signalfd(2)` keeps them blocked.
pub(crate) fn is_deaf(guarded: &Guarded, main: u32, signal: i32) -> bool {
    let began = Instant::now();
    loop {
        match containers::disposition(main, signal) {
            Disposition::Default => return true,
            Disposition::Blocked if began.elapsed() < MOMENT => {
                pause(guarded, |state| state.exit.is_some());
            }
            Disposition::Handled | Disposition::Blocked => return false,
        }
    }
}

fn pause(guarded: &Guarded, done: impl FnMut(&State) -> bool) {
    // Only `poll` can fail here. The caller then checks again without a pause.
    let _ = guarded.wait_until(Instant::now() + PAUSE, &[], done);
}
