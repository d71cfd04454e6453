//! The one loop that waits. It owns the deadline, the pace, and the question "has it exited
//! meanwhile?".

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Again, Probe, Target};
use crate::output::Pattern;
use crate::progress::Progress;
use crate::trace::{self, Moment};

/// The first pause between two looks, and how long pauses become in the first moments.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const SHORT_PAUSE: Duration = Duration::from_micros(500);
/// A pause is this part of the time already waited, so that readiness is seen late by no more
/// than that part, and a long wait costs little.
const PACE: u32 = 200;
/// The same for looks that do not disturb the program.
const SOON_PACE: u32 = 250;
/// If more than so many waits of this process look at a pace, each takes longer pauses, so that
/// all of them together cost no more.
const SIDE_BY_SIDE: u32 = 8;
/// A look that takes longer than this is followed by a pause as long, so that a slow command does
/// not keep a processor busy.
const CHEAP: Duration = Duration::from_millis(2);
/// Nor is it longer, also where the system tells: there are file systems on which it does not.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many waits are under way in this process.
static WAITS: AtomicU32 = AtomicU32::new(0);

/// One of them.
struct Waiting;

impl Waiting {
    fn begin() -> Waiting {
        WAITS.fetch_add(1, Ordering::Relaxed);
        Waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How the waiting ended.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) result: Result<(), Why>,
    /// What was waited for, one after the other, each with its alternatives.
    pub(crate) seen: Vec<Vec<Seen>>,
    /// Which of them was being waited for.
    pub(crate) reached: usize,
    /// The descendants of the program that were there when it was given up.
    pub(crate) left: Vec<String>,
    /// The program was halted then.
    pub(crate) halted: bool,
    pub(crate) took: Duration,
}

/// What a probe has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) what: String,
    /// What it saw last instead of readiness; `None` if it was ready, or never looked.
    pub(crate) last: Option<String>,
    /// What is probably wrong.
    pub(crate) hint: Option<String>,
    pub(crate) looks: u32,
    pub(crate) ready: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Exited,
    Late,
    Never,
    /// It wrote a line that means failure: the banner, and the line.
    Failed(String, String),
}

/// One probe, and what came of it so far.
struct Watched<'p> {
    probe: &'p dyn Probe,
    looks: u32,
    /// When it was looked at last, and how long that took.
    looked: Instant,
    took: Duration,
    /// Since when it is looked at at a pace, and which, if it is.
    paced: Option<(Instant, u32)>,
    /// When it is to be looked at again, if it has said so.
    later: Option<Instant>,
    last: Option<String>,
    hint: Option<String>,
    ready: bool,
    never: bool,
}

/// Looks until the target is ready, or can't become ready any more.
///
/// The probes are looked at one after the other: each from when those before it are ready on.
/// When the last one is ready the others are looked at once more, since a server may have come
/// and gone again.
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
    let result = loop {
        // Forget the news, then look, then sleep: news that come after the look end the sleep.
        let told = target.news.reset();
        // Before the look: a process that has exited is not ready, whatever it left behind.
        if exit_matters && target.has_exited() {
            // But what there is to see is of use to the report.
            for unseen in steps[at].iter_mut().filter(|it| it.looks == 0) {
                unseen.look(target, began);
            }
            break Err(Why::Exited);
        }
        if let Some(failed) = find_failure(target, failures) {
            break Err(failed);
        }
        let reached = at;
        while let Some(step) = steps.get_mut(at) {
            // One that has just come up has not been looked at before, and is due.
            if !look_at(step, target, began, told) {
                break;
            }
            at += 1;
        }
        if at == steps.len() {
            // Those that were ready in an earlier round may not be any more.
            if let Some(lost) = still_ready(&mut steps[..reached], target) {
                at = lost;
            } else if exit_matters && target.has_exited() {
                // And after it: it may have printed its banner and died.
                break Err(Why::Exited);
            } else if exit_matters && target.is_ending() && Instant::now() < target.deadline() {
                // The news of its end is on its way; it ends this sleep.
                at = reached;
                target
                    .news
                    .sleep(target.deadline().min(Instant::now() + LONGEST_PAUSE))?;
                continue;
            } else {
                break find_failure(target, failures).map_or(Ok(()), Err);
            }
        }
        let step = &steps[at];
        if step.iter().all(|watched| watched.never) {
            // A look that fails for good may have met a process that was just dying.
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
        let due = step.iter().filter_map(Watched::due).min();
        let next = due.map_or(deadline, |due| due.min(deadline));
        target.news.sleep(next.min(progress.due()))?;
    };
    let (mut left, mut halted) = (Vec::new(), false);
    if result.is_err() {
        // Also if every probe was ready: a program that binds and then forks away exits just then.
        left = target.left_behind();
        halted = target.is_halted();
        let pending = steps.get_mut(at).into_iter().flatten();
        pending.for_each(|watched| watched.explain(target));
    }
    let seen = |watched: &Watched<'_>| Seen {
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
        reached: at,
        left,
        halted,
        took: began.elapsed(),
    })
}

/// Looks at the probes of a step that are due, and says whether one is ready.
fn look_at(step: &mut [Watched<'_>], target: &Target<'_>, began: Instant, told: bool) -> bool {
    // One that was ready and is not any more is looked at again like the others.
    step.iter_mut()
        .any(|watched| watched.is_due(told) && watched.look(target, began))
}

/// The first step that was ready and is not any more.
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
            later: None,
            last: None,
            hint: None,
            ready: false,
            never: false,
        }
    }

    fn look(&mut self, target: &Target<'_>, began: Instant) -> bool {
        let looked = Instant::now();
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
        // A look that the deadline cut short says less than the one before, unless it had most of
        // the time that there is.
        let deadline = target.deadline();
        let half = deadline.saturating_duration_since(began) / 2;
        let cut_short =
            self.looked >= deadline && deadline.saturating_duration_since(looked) < half;
        if seen.again == Again::Never || self.last.is_none() || !cut_short {
            self.last = Some(seen.why);
        }
        self.never = seen.again == Again::Never;
        let since = self.paced.map_or(looked, |(since, _)| since);
        self.paced = match seen.again {
            Again::AtItsPace => Some((since, PACE)),
            Again::Soon => Some((since, SOON_PACE)),
            Again::Later(_) | Again::WhenTold | Again::Never => None,
        };
        self.later = match seen.again {
            Again::Later(then) => Some(then),
            _ => None,
        };
        false
    }

    fn explain(&mut self, target: &Target<'_>) {
        let last = self.last.as_deref().unwrap_or_default();
        let explained = self.probe.explain(target, last);
        self.last = explained.last.or(self.last.take());
        self.hint = explained.hint;
    }

    /// When to look again, if nothing is told.
    fn due(&self) -> Option<Instant> {
        if self.later.is_some() {
            return self.later;
        }
        let pause = match self.paced {
            _ if self.never => return None,
            _ if self.looks == 0 => Duration::ZERO,
            Some((since, pace)) => {
                let waited = self.looked - since;
                let pause = waited.clamp(FIRST_PAUSE, SHORT_PAUSE).max(waited / pace);
                let pause = pause * WAITS.load(Ordering::Relaxed).div_ceil(SIDE_BY_SIDE).max(1);
                pause
                    .max(self.took.saturating_sub(CHEAP))
                    .min(LONGEST_PAUSE)
            }
            None => LONGEST_PAUSE,
        };
        Some(self.looked + pause)
    }

    /// News are for those who asked for them, not for those who look at their own pace.
    fn is_due(&self, told: bool) -> bool {
        let is_told = told && self.paced.is_none() && self.later.is_none() && !self.never;
        is_told || self.due().is_some_and(|due| due <= Instant::now())
    }
}

/// A probe, or those of which any will do.
fn alternatives(probe: &dyn Probe) -> Vec<&dyn Probe> {
    let some = probe.facts().alternatives;
    match some.is_empty() {
        true => vec![probe],
        false => some.into_iter().flat_map(alternatives).collect(),
    }
}

fn find_failure(target: &Target<'_>, failures: &[Pattern]) -> Option<Why> {
    failures.iter().find_map(|banner| {
        let (_, line) = target.count_lines(banner, 1).ok()?;
        let line = String::from_utf8_lossy(&line?).into_owned();
        Some(Why::Failed(banner.as_str().to_owned(), line))
    })
}

/// What a step waits for, and what is there so far.
fn so_far(step: &[Watched<'_>], target: &Target<'_>) -> String {
    let one = |watched: &Watched<'_>| {
        let what = watched.probe.describe(target);
        match watched.last.as_deref() {
            Some(last) if last.starts_with("no") && !last.ends_with(" yet") => {
                format!("{what}, {last} yet")
            }
            Some(last) => format!("{what}, {last}"),
            None => what,
        }
    };
    step.iter().map(one).collect::<Vec<_>>().join("; or ")
}
