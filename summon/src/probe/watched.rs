//! What a wait knows of one probe: the result of its looks, and when to look again.

use std::time::{Duration, Instant};

use super::not_yet::Again;
use super::pauses::{LONGEST_PAUSE, PACE, SOON_PACE, pause_after, side_by_side};
use super::request_pace::RequestPace;
use super::{Probe, Target};
use crate::trace::{self, Moment};

/// After a look that takes longer than this, the pause lasts equally long, so that a slow command
/// does not keep a processor busy.
const CHEAP: Duration = Duration::from_millis(2);

/// A probe and the result of its looks.
pub(super) struct Watched<'p> {
    pub(super) probe: &'p dyn Probe,
    pub(super) looks: u32,
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
    pub(super) is_told: bool,
    pub(super) last: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) ready: bool,
    pub(super) never: bool,
}

impl<'p> Watched<'p> {
    pub(super) fn new(probe: &'p dyn Probe, now: Instant) -> Watched<'p> {
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

    pub(super) fn look(&mut self, target: &Target<'_>, began: Instant) -> bool {
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

    pub(super) fn explain(&mut self, target: &Target<'_>) {
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
    pub(super) fn wakes(&self) -> Option<Instant> {
        let due = self.due()?;
        let work = self.request_pace().and_then(RequestPace::next_look);
        Some(work.map_or(due, |work| work.min(due)))
    }

    /// Returns whether to look now. Events (`told`) matter only to probes that subscribed to them,
    /// not to probes that poll.
    pub(super) fn is_due(&mut self, told: bool) -> bool {
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
pub(super) fn alternatives(probe: &dyn Probe) -> Vec<&dyn Probe> {
    let some = probe.facts().alternatives;
    match some.is_empty() {
        true => vec![probe],
        false => some.into_iter().flat_map(alternatives).collect(),
    }
}
