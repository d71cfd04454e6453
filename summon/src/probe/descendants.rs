//! The state of the descendants of a program.

use std::time::Duration;

use crate::sys::proc;

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
pub(crate) fn busy_for((guard, leader): (u32, u32)) -> Option<Duration> {
    // Look twice, each time with a new list. While we look at one process, another may wake a
    // process that we have already seen and then block, or fork and exit.
    for _ in 0..2 {
        let tree = proc::service(guard, leader).unwrap_or_default();
        // A leader that has ended counts as busy, since the guard is about to report its end.
        if tree.iter().any(|pid| proc::is_busy(*pid)) || proc::has_ended(leader) {
            let times = tree.into_iter().filter_map(proc::processor_time);
            return Some(times.sum());
        }
    }
    None
}
