//! What the descendants of a program are at.

use std::time::Duration;

use crate::sys::proc;

/// The processes of a service but its leader that live, as people would call them, up to three.
pub(crate) fn left_behind((guard, leader): (u32, u32)) -> Vec<String> {
    // Twice: a process between two forks ends, and its child moves to the guard, while we look.
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
        // Workers are often called as their master is.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.truncate(3);
    lines
}

/// How much processor time a service has used, if some process of it is busy or its leader has just
/// ended. `None` if all of them wait for others: then it has done what it does at its start.
pub(crate) fn busy_for((guard, leader): (u32, u32)) -> Option<Duration> {
    // Twice, each time with a new list: one wakes another and then waits, and one forks and then
    // ends, while we look at the next.
    for _ in 0..2 {
        let tree = proc::service(guard, leader).unwrap_or_default();
        // The leader's end comes last, and the guard is about to tell of it.
        if tree.iter().any(|pid| proc::is_busy(*pid)) || proc::has_ended(leader) {
            let times = tree.into_iter().filter_map(proc::processor_time);
            return Some(times.sum());
        }
    }
    None
}
