//! The loop that waits until a process is ready. It keeps the deadline and the pace, and checks
//! whether the process has exited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lines::{count_lines, last_line};
use super::pauses::{LONGEST_PAUSE, Waiting};
use super::watched::{Watched, alternatives};
use super::{AtTheEnd, Probe, Target, inside};
use crate::output::Pattern;
use crate::progress::Progress;

/// The result of a wait.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) result: Result<(), Why>,
    /// The steps of the wait in their order, each with its alternatives.
    pub(crate) seen: Vec<Vec<Verdict>>,
    /// Whether the log has all output from before the process was ready.
    pub(crate) is_log_complete: bool,
    /// The index of the step that the wait had reached.
    pub(crate) reached: usize,
    /// The descendants of the program that lived at the end of the wait.
    pub(crate) left: Vec<String>,
    /// Whether the program was stopped (SIGSTOP) at the end of the wait.
    pub(crate) halted: bool,
    /// Whether the process had more time than the limit, since it asked for it.
    pub(crate) is_extended: bool,
    pub(crate) took: Duration,
}

/// The result of one probe, for the report.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    /// The last reason why the process was not ready; `None` if the probe was ready or never looked.
    pub(crate) last: Option<String>,
    /// The probable cause and its remedy.
    pub(crate) hint: Option<String>,
    pub(crate) looks: u32,
    pub(crate) ready: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Exited,
    Late,
    Never,
    /// A stop has cancelled the start.
    GivenUp,
    /// The process wrote a line that means failure: the banner, and the line.
    Failed(String, String),
}

/// Looks until the target is ready, or can't become ready any more.
///
/// Each probe's first look comes after the probes before it are ready. When the last probe is
/// ready, summon looks at the others once more, since a server may have closed its port again.
pub(crate) fn until_ready(
    target: &Target<'_>,
    probes: &[Arc<dyn Probe>],
    failures: &[Pattern],
) -> std::io::Result<Waited> {
    let began = Instant::now();
    let _waiting = Waiting::begin();
    let mut steps: Vec<Vec<Watched<'_>>> = probes
        .iter()
        .map(|probe| {
            let alternatives = alternatives(&**probe).into_iter();
            alternatives.map(|it| Watched::new(it, began)).collect()
        })
        .collect();
    let exit_matters = !steps
        .iter()
        .flatten()
        .all(|it| it.probe.facts().is_ready_at_exec);
    if !failures.is_empty() {
        target.news.subscribe_to_output()?;
    }
    let mut progress = Progress::new(began);
    // Until a container has started its program, the output is the engine's.
    let mut is_its_own = target.container().is_none();
    let mut at = 0;
    let mut is_woken = false;
    let result = loop {
        // Look, sleep, reset the wakers, in this order: an event after the look ends the sleep at
        // once. A sleep until its time has no waker to reset.
        let told = is_woken && target.news.reset();
        if target.is_given_up() {
            break Err(Why::GivenUp);
        }
        // Check this before the look: a process that has exited is not ready, even if its files
        // or sockets look ready.
        if exit_matters && target.has_exited() {
            break Err(Why::Exited);
        }
        if !failures.is_empty() {
            let has_started = |it| inside::has_started(target, it).is_ok();
            is_its_own = is_its_own || target.container().is_some_and(has_started);
            let failed = is_its_own.then(|| find_failure(target, failures));
            if let Some(failed) = failed.flatten() {
                break Err(failed);
            }
        }
        let reached = at;
        while let Some(step) = steps.get_mut(at) {
            // The next step has not been looked at before, so it is due.
            if !look_at(step, target, began, told) {
                break;
            }
            at += 1;
        }
        if at == steps.len() {
            // Probes that were ready in an earlier round may have changed.
            if let Some(lost) = still_ready(&mut steps[..reached], target) {
                at = lost;
            } else if exit_matters && target.has_exited() {
                // Check this again after the look: the process may have printed its banner and died.
                break Err(Why::Exited);
            } else if exit_matters && target.is_ending() && Instant::now() < target.deadline() {
                // The kernel has ended the process, and the guard has not reported it yet; its
                // report ends this sleep.
                at = reached;
                is_woken = target.sleep(target.deadline().min(Instant::now() + LONGEST_PAUSE))?;
                continue;
            } else {
                break find_failure(target, failures).map_or(Ok(()), Err);
            }
        }
        let step = &steps[at];
        if step.iter().all(|watched| watched.never) {
            // A look at a dying process may fail for good. Its exit is then the cause.
            break Err(if target.has_exited() {
                Why::Exited
            } else {
                Why::Never
            });
        }
        let (now, deadline) = (Instant::now(), target.deadline());
        if now >= deadline {
            break Err(Why::Late);
        }
        if progress.is_due(now) {
            progress.say(&format!(
                "waiting for {}: {}",
                target.name(),
                so_far(step, target)
            ));
        }
        let due = step.iter().filter_map(Watched::wakes).min();
        let next = due.map_or(deadline, |due| due.min(deadline));
        is_woken = target.sleep(next.min(progress.due()))?;
    };
    let result = match result {
        Err(Why::Exited) => {
            at = look_at_the_end(&mut steps, at, target, began, true);
            let failed = find_failure(target, failures).or_else(|| last_failure(target, failures));
            Err(failed.unwrap_or(Why::Exited))
        }
        Err(failed @ Why::Failed(..)) => {
            at = look_at_the_end(&mut steps, at, target, began, target.has_exited());
            Err(failed)
        }
        result => result,
    };
    let (mut left, mut halted) = (Vec::new(), false);
    if result.is_err() {
        // Collect these even if every probe was ready: a program that binds its port, forks, and
        // exits gets here too.
        left = target.left_behind();
        halted = target.is_halted();
        let pending = steps.get_mut(at).into_iter().flatten();
        let pending = pending.filter(|it| it.looks > 0);
        pending.for_each(|watched| watched.explain(target));
    }
    let seen = |watched: &Watched<'_>| Verdict {
        what: watched.probe.describe(target),
        last: watched.last.clone().filter(|_| !watched.ready),
        looks: watched.looks,
        hint: watched.hint.clone(),
        ready: watched.ready,
    };
    Ok(Waited {
        result,
        seen: steps
            .iter()
            .map(|step| step.iter().map(seen).collect())
            .collect(),
        is_log_complete: is_seen_in_log(target, probes),
        reached: at,
        left,
        halted,
        is_extended: target.is_extended(),
        took: began.elapsed(),
    })
}

/// Returns whether the one sign of readiness stands in the log. All earlier output then does too,
/// unless the guard reads stdout and stderr from two pipes.
fn is_seen_in_log(target: &Target<'_>, probes: &[Arc<dyn Probe>]) -> bool {
    let is_one = matches!(probes, [probe] if probe.facts().is_seen_in_log);
    is_one && !target.is_output_split()
}

/// Looks at the probes of a step that are due, and returns whether one is ready.
fn look_at(step: &mut [Watched<'_>], target: &Target<'_>, began: Instant, told: bool) -> bool {
    // A probe that was ready and no longer is takes part again like the others.
    step.iter_mut()
        .any(|watched| watched.is_due(told) && watched.look(target, began))
}

/// Looks for the report at what a process that has exited or failed leaves, and returns the step that it has
/// reached. A process may say why it ends, and end at once: its end is seen before its last words are.
fn look_at_the_end(
    steps: &mut [Vec<Watched<'_>>],
    reached: usize,
    target: &Target<'_>,
    began: Instant,
    has_exited: bool,
) -> usize {
    let mut at = reached;
    while let Some(step) = steps.get_mut(at) {
        // Any other look would start a command, or a closure of the user that may take the time-out.
        let is_due = |it: &&mut Watched<'_>| match it.probe.facts().at_the_end {
            AtTheEnd::Sign => it.is_told || it.looks == 0,
            // A later step says nothing of the port: the program had not come so far.
            AtTheEnd::Port => it.looks == 0 && has_exited && at == reached,
            AtTheEnd::Nothing => false,
        };
        for watched in step.iter_mut().filter(is_due) {
            watched.look(target, began);
        }
        if !step.iter().any(|it| it.ready) || at + 1 == steps.len() {
            break;
        }
        at += 1;
    }
    at
}

/// Returns the first step that was ready and no longer is.
fn still_ready(steps: &mut [Vec<Watched<'_>>], target: &Target<'_>) -> Option<usize> {
    steps.iter_mut().position(|step| {
        !step
            .iter_mut()
            .any(|watched| watched.ready && watched.look(target, Instant::now()))
    })
}

fn find_failure(target: &Target<'_>, failures: &[Pattern]) -> Option<Why> {
    let line = |banner: &Pattern| count_lines(target, banner, 1).ok()?.1;
    failed(failures, line)
}

/// Finds a line that means failure and has no line end. The process has exited, so nothing follows that could undo
/// the match.
fn last_failure(target: &Target<'_>, failures: &[Pattern]) -> Option<Why> {
    failed(failures, |banner| last_line(target, banner))
}

fn failed(failures: &[Pattern], line: impl Fn(&Pattern) -> Option<Vec<u8>>) -> Option<Why> {
    failures.iter().find_map(|banner| {
        let line = line(banner)?;
        let line = String::from_utf8_lossy(&line).into_owned();
        Some(Why::Failed(banner.as_str().to_owned(), line))
    })
}

/// Describes a step and its last reasons, for the progress line.
fn so_far(step: &[Watched<'_>], target: &Target<'_>) -> String {
    let one = |watched: &Watched<'_>| {
        let what = watched.probe.describe(target);
        match watched.last.as_deref() {
            Some(last) => format!("{what}, {last}"),
            None => what,
        }
    };
    step.iter().map(one).collect::<Vec<_>>().join("; or ")
}
