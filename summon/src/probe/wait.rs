//! The loop that waits until a process is ready. It keeps the deadline and the pace, and checks
//! whether the process has exited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lines::count_lines;
use super::not_yet::Again;
use super::pauses::{LONGEST_PAUSE, PACE, SOON_PACE, Waiting, pause_after, side_by_side};
use super::request_pace::RequestPace;
use super::{Probe, Target};
use crate::output::Pattern;
use crate::progress::Progress;
use crate::trace::{self, Moment};

/// After a look that takes longer than this, the pause lasts equally long, so that a slow command
/// does not keep a processor busy.
const CHEAP: Duration = Duration::from_millis(2);

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

/// A probe and the result of its looks.
struct Watched<'p> {
    probe: &'p dyn Probe,
    looks: u32,
    /// The end of the last look, and its duration.
    looked: Instant,
    took: Duration,
    /// The start of polling, and its pace; `None` if events decide when to look.
    paced: Option<(Instant, u32)>,
    /// The looks that a server has answered, and whether the last look is one of them.
    request_pace: Option<RequestPace>,
    is_answered: bool,
    /// The time of the next look, if the probe has set it.
    later: Option<Instant>,
    /// Whether an event would have announced any change since the last look. Such a look costs the program nothing.
    is_told: bool,
    last: Option<String>,
    hint: Option<String>,
    ready: bool,
    never: bool,
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
        if let Some(failed) = find_failure(target, failures) {
            break Err(failed);
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
            at = look_at_the_end(&mut steps, at, target, began);
            Err(find_failure(target, failures).unwrap_or(Why::Exited))
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

/// Looks for the report at what a process that has exited leaves, and returns the step that it has reached. A
/// process may say why it ends, and end at once: its end is seen before its last words are.
fn look_at_the_end(
    steps: &mut [Vec<Watched<'_>>],
    mut at: usize,
    target: &Target<'_>,
    began: Instant,
) -> usize {
    while let Some(step) = steps.get_mut(at) {
        for watched in step.iter_mut().filter(|it| it.looks == 0 || it.is_told) {
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

impl<'p> Watched<'p> {
    fn new(probe: &'p dyn Probe, now: Instant) -> Watched<'p> {
        Watched {
            probe,
            looks: 0,
            looked: now,
            took: Duration::ZERO,
            paced: None,
            request_pace: None,
            is_answered: false,
            later: None,
            is_told: false,
            last: None,
            hint: None,
            ready: false,
            never: false,
        }
    }

    fn look(&mut self, target: &Target<'_>, began: Instant) -> bool {
        let looked = Instant::now();
        if let Some(request_pace) = &mut self.request_pace {
            request_pace.ask(target);
        }
        let seen = self.probe.look(target);
        self.looks += 1;
        self.looked = Instant::now();
        self.took = self.looked - looked;
        let was_ready = std::mem::replace(&mut self.ready, seen.is_ok());
        let Err(seen) = seen else {
            if !was_ready {
                let what = self.probe.describe(target);
                trace::tell(target.name(), Moment::Seen(&what));
            }
            return true;
        };
        // A look that the deadline cut short says less than the look before it, unless it had at
        // least half of the time-out.
        let deadline = target.deadline();
        let half = deadline.saturating_duration_since(began) / 2;
        let cut_short = seen.is_cut_short
            || self.looked >= deadline && deadline.saturating_duration_since(looked) < half;
        if seen.again == Again::Never || self.last.is_none() || !cut_short {
            self.last = Some(seen.why);
        }
        self.never = seen.again == Again::Never;
        let since = self.paced.map_or(looked, |(since, _)| since);
        self.paced = match seen.again {
            Again::AtItsPace => Some((since, PACE)),
            Again::Soon => Some((since, SOON_PACE)),
            Again::AtRequestPace | Again::Later(_) | Again::WhenTold | Again::Never => None,
        };
        self.is_told = seen.again == Again::WhenTold;
        self.is_answered = seen.again == Again::AtRequestPace;
        if self.is_answered {
            let request_pace = self
                .request_pace
                .get_or_insert_with(|| RequestPace::new(self.looked));
            request_pace.answer(target, self.looked);
        }
        self.later = match seen.again {
            Again::Later(then) => Some(then),
            _ => None,
        };
        false
    }

    fn explain(&mut self, target: &Target<'_>) {
        let explained = self.probe.explain(target);
        self.last = explained.last.or(self.last.take());
        self.hint = explained.hint;
    }

    /// Returns when to look again if no event comes first.
    fn due(&self) -> Option<Instant> {
        if self.later.is_some() {
            return self.later;
        }
        let slowness = self.took.saturating_sub(CHEAP);
        let pause = match (self.request_pace(), self.paced) {
            _ if self.never => return None,
            _ if self.looks == 0 => Duration::ZERO,
            (Some(request_pace), _) => request_pace.pause(side_by_side()).max(slowness),
            (None, Some((since, pace))) => {
                let pause = pause_after(self.looked - since, pace) * side_by_side();
                pause.max(slowness).min(LONGEST_PAUSE)
            }
            (None, None) => LONGEST_PAUSE,
        };
        Some(self.looked + pause)
    }

    fn request_pace(&self) -> Option<&RequestPace> {
        self.request_pace.as_ref().filter(|_| self.is_answered)
    }

    /// Returns when to wake if no event comes first.
    fn wakes(&self) -> Option<Instant> {
        let due = self.due()?;
        let work = self.request_pace().and_then(RequestPace::next_look);
        Some(work.map_or(due, |work| work.min(due)))
    }

    /// Returns whether to look now. Events (`told`) matter only to probes that subscribed to them,
    /// not to probes that poll.
    fn is_due(&mut self, told: bool) -> bool {
        let now = Instant::now();
        let polls = self.paced.is_some() || self.is_answered || self.later.is_some();
        let is_told = told && !polls && !self.never;
        if is_told || self.due().is_some_and(|due| due <= now) {
            return true;
        }
        let request_pace = self.request_pace.as_mut().filter(|_| self.is_answered);
        request_pace.is_some_and(|it| it.has_worked(now, side_by_side()))
    }
}

/// Returns the alternatives of a probe, or the probe alone.
fn alternatives(probe: &dyn Probe) -> Vec<&dyn Probe> {
    let some = probe.facts().alternatives;
    match some.is_empty() {
        true => vec![probe],
        false => some.into_iter().flat_map(alternatives).collect(),
    }
}

fn find_failure(target: &Target<'_>, failures: &[Pattern]) -> Option<Why> {
    failures.iter().find_map(|banner| {
        let (_, line) = count_lines(target, banner, 1).ok()?;
        let line = String::from_utf8_lossy(&line?).into_owned();
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
