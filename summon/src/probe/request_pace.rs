//! When to ask a server again that answers, but not as expected.
//!
//! The server may log each request, so summon sends few. At first it asks often, since most servers
//! become ready soon. Then it watches the processor time of the service, which costs the server
//! nothing: a server that becomes ready does some work first. When the service has worked and is quiet
//! again, summon asks. If it works soon after an answer, that work may belong to the request, or it may
//! make the server ready. So summon asks once more. The server may also become ready while its answer is
//! on the way. So summon counts the work from before the request, and asks again if this request took more
//! work than others. A slow pace finds a server that becomes ready without any work.

use std::time::{Duration, Instant};

use super::Target;
use crate::sys::proc;

/// The requests at the beginning, whose pauses are a part of the wait so far, up to the longest.
const EARLY: u32 = 40;
const EARLY_PART: u32 = 3;
const LONGEST_EARLY_PAUSE: Duration = Duration::from_millis(45);
/// The pauses after that.
const PART: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_millis(1200);
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// How long before the deadline the last request comes.
const LAST: Duration = Duration::from_millis(100);
/// The pause between an answer and the first look at the work. The server still closes the connection,
/// and may write a line of its log.
const FIRST_SLOT: Duration = Duration::from_millis(5);
/// The number of slots that may have such work. On a busy machine the server waits for a processor.
const SETTLING: u32 = 3;
/// The pause between two looks at the processor time.
const SLOT: Duration = Duration::from_millis(15);
/// The requests that work may have caused: so many at once, and so many each second. With the slow
/// pace, a wait of 30 s has at most 100 requests.
const MOST: u32 = 60;
const MOST_EACH_SECOND: f64 = 1.3;
/// A second request for work soon after an answer leaves so many for other work.
const RESERVE: u32 = 8;
/// A request that takes so much more work than the cheapest one may have met other work. Above `HUM` it
/// hardly belongs to the request.
const EXCESS: Duration = Duration::from_micros(40);
/// The early requests whose work is noted, for a comparison.
const COMPARED: u32 = 8;
/// If few requests are left, less work than this in a slot counts as none: a runtime may wake its
/// threads all the time.
const HUM: Duration = Duration::from_micros(300);
const FEW: u32 = 4;

/// The requests to one server that answers, but not as expected.
#[derive(Debug)]
pub(super) struct RequestPace {
    began: Instant,
    /// The number of answers, and the time of the last one.
    asked: u32,
    answered: Instant,
    deadline: Instant,
    work: Option<Work>,
    /// The processor time before the last request.
    before: Option<Duration>,
    /// The work of the cheapest request.
    cheapest: Option<Duration>,
    /// Whether the next request is a second one, for work soon after an answer.
    asks_again: bool,
}

/// The work of a service since an answer.
#[derive(Debug)]
struct Work {
    /// Its processes at the time of the answer. A process that starts another one works itself.
    pids: Vec<u32>,
    /// The time of the next look.
    next: Instant,
    /// The processor time at the last look. `None` before the first look.
    used: Option<Duration>,
    /// The slots whose work may belong to the request.
    settling: u32,
    /// Whether there was no work but in these slots.
    is_early: bool,
    /// Whether the last look has seen work.
    is_busy: bool,
    /// Whether the request was a second one.
    is_second: bool,
    /// The processor time before the request.
    before: Option<Duration>,
    /// Whether there was no quiet look yet.
    is_first: bool,
}

/// The result of a look at the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The service has worked, and is quiet again.
    Worked,
    /// The same, but so soon after an answer that the work may belong to the request.
    Settled,
}

impl RequestPace {
    pub(super) fn new(now: Instant) -> RequestPace {
        RequestPace {
            began: now,
            asked: 0,
            answered: now,
            deadline: now,
            work: None,
            before: None,
            cheapest: None,
            asks_again: false,
        }
    }

    /// Notes that a request follows. The server may become ready from now on.
    pub(super) fn ask(&mut self, target: &Target<'_>) {
        if self.asked + COMPARED < EARLY {
            return;
        }
        let used = used_by(&target.tree().unwrap_or_default());
        // The work of an early request is known when the next one follows.
        if let Some(before) = self.before.replace(used).filter(|_| self.asked < EARLY) {
            self.compare(used.saturating_sub(before));
        }
    }

    /// Compares the work of a request with that of the cheapest one, and returns the rest: the work that
    /// it may have met.
    fn compare(&mut self, work: Duration) -> Duration {
        let cheapest = self.cheapest.unwrap_or(work).min(work);
        self.cheapest = Some(cheapest);
        work.saturating_sub(cheapest + cheapest / 4)
    }

    /// Notes an answer.
    pub(super) fn answer(&mut self, target: &Target<'_>, now: Instant) {
        self.note(now, target.deadline());
        // The early pauses are shorter than the time that two looks need.
        let pids = match self.asked > EARLY {
            true => target.tree().unwrap_or_default(),
            false => Vec::new(),
        };
        let is_second = std::mem::take(&mut self.asks_again);
        self.work = (!pids.is_empty()).then(|| Work {
            pids,
            next: now + FIRST_SLOT,
            used: None,
            settling: SETTLING,
            is_early: true,
            is_busy: false,
            is_second,
            before: self.before,
            is_first: true,
        });
    }

    fn note(&mut self, now: Instant, deadline: Instant) {
        self.asked += 1;
        self.answered = now;
        self.deadline = deadline;
    }

    /// Returns the pause after the last answer, if no work comes first. `times` makes it longer.
    pub(super) fn pause(&self, times: u32) -> Duration {
        let waited = self.answered - self.began;
        let (part, longest) = match self.asked > EARLY {
            true => (PART, LONGEST_PAUSE),
            false => (EARLY_PART, LONGEST_EARLY_PAUSE),
        };
        let pause = (waited / part).min(longest) * times;
        // One more request comes before the deadline.
        let left = self.deadline.saturating_duration_since(self.answered);
        let last = Some(left.saturating_sub(LAST)).filter(|it| !it.is_zero());
        last.map_or(pause, |last| pause.min(last))
            .max(SHORTEST_PAUSE)
    }

    /// Returns when to look at the work of the service.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.work.as_ref().map(|work| work.next)
    }

    /// Returns whether the service has worked since the answer, and is quiet again.
    pub(super) fn has_worked(&mut self, now: Instant, times: u32) -> bool {
        let left = self.left(now);
        let Some(work) = self.work.as_mut().filter(|work| work.next <= now) else {
            return false;
        };
        work.next = now + SLOT * times;
        let used = used_by(&work.pids);
        let hum = if left > FEW { Duration::ZERO } else { HUM };
        let found = work.note(used, hum);
        let is_settled = work.settling == 0 && !work.is_busy && std::mem::take(&mut work.is_first);
        let whole = work
            .before
            .filter(|_| is_settled)
            .map(|it| used.saturating_sub(it));
        let met = whole.map_or(Duration::ZERO, |whole| self.compare(whole));
        match found {
            Found::Nothing => {
                let kept = if met > HUM { 0 } else { RESERVE };
                met > EXCESS && left > kept
            }
            Found::Worked => left > 0,
            Found::Settled => {
                self.asks_again = left > RESERVE;
                self.asks_again
            }
        }
    }

    /// Returns how many requests work may still cause now.
    fn left(&self, now: Instant) -> u32 {
        let waited = (now - self.began).as_secs_f64();
        let most = f64::from(MOST) + waited * MOST_EACH_SECOND;
        (most as u32).saturating_sub(self.asked)
    }
}

/// Returns the processor time of these processes.
fn used_by(pids: &[u32]) -> Duration {
    pids.iter().copied().filter_map(proc::processor_time).sum()
}

impl Work {
    /// Notes the processor time until now.
    fn note(&mut self, used: Duration, hum: Duration) -> Found {
        let Some(before) = self.used.replace(used) else {
            return Found::Nothing;
        };
        // A process that has ended no longer counts, so the sum can shrink.
        let is_busy = used < before || used - before > hum;
        let was_busy = std::mem::replace(&mut self.is_busy, is_busy);
        if is_busy {
            // A server that works on after these slots does not work for the request.
            self.is_early &= self.settling > 0;
            self.settling = self.settling.saturating_sub(1);
            return Found::Nothing;
        }
        self.settling = 0;
        match (was_busy, std::mem::take(&mut self.is_early)) {
            (true, false) => Found::Worked,
            (true, true) if !self.is_second => Found::Settled,
            _ => Found::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns when requests go to a server that works all the time, or never.
    fn requests(works: bool, limit: Duration) -> Vec<Duration> {
        let began = Instant::now();
        let deadline = began + limit;
        let mut pace = RequestPace::new(began);
        let (mut now, mut requests) = (began, Vec::new());
        while now < deadline {
            requests.push(now - began);
            pace.note(now, deadline);
            let soon = now + FIRST_SLOT + 2 * SLOT;
            let due = now + pace.pause(1);
            let is_soon = works && pace.asked > EARLY && pace.left(soon) > 0;
            now = if is_soon { soon.min(due) } else { due };
        }
        requests
    }

    #[test]
    fn a_log_of_30_s_has_at_most_100_requests() {
        let limit = Duration::from_secs(30);
        let quiet = requests(false, limit);
        assert!((70..=100).contains(&quiet.len()), "{}", quiet.len());
        let busy = requests(true, limit);
        assert!((90..=100).contains(&busy.len()), "{}", busy.len());
    }

    #[test]
    fn the_pauses_are_short_at_first_and_the_last_request_comes_before_the_deadline() {
        let limit = Duration::from_secs(5);
        let times = requests(false, limit);
        for pair in times
            .windows(2)
            .filter(|pair| pair[0] < Duration::from_millis(1100))
        {
            assert!(pair[1] - pair[0] < Duration::from_millis(50), "{pair:?}");
        }
        assert!(limit - times[times.len() - 1] <= LAST, "{times:?}");
    }

    /// Returns what the looks at these processor times find.
    fn looks(is_second: bool, micros: &[u64], hum: Duration) -> Vec<Found> {
        let mut work = Work {
            pids: Vec::new(),
            next: Instant::now(),
            used: None,
            settling: SETTLING,
            is_early: true,
            is_busy: false,
            is_second,
            before: None,
            is_first: true,
        };
        let note = |micros: &u64| work.note(Duration::from_micros(*micros), hum);
        micros.iter().map(note).collect()
    }

    #[test]
    fn a_request_that_took_more_work_than_others_may_have_met_other_work() {
        let mut pace = RequestPace::new(Instant::now());
        let mut met = |micros| pace.compare(Duration::from_micros(micros)).as_micros();
        let seen = [300, 340, 500, 100, 120, 160, 300].map(&mut met);
        assert_eq!(seen, [0, 0, 125, 0, 0, 35, 175]);
    }

    #[test]
    fn work_ends_with_a_quiet_look() {
        use Found::{Nothing, Settled, Worked};
        let none = Duration::ZERO;
        let seen = looks(false, &[100, 100, 111, 500, 500, 500], none);
        assert_eq!(seen, [Nothing, Nothing, Nothing, Nothing, Worked, Nothing]);
        // A process has ended.
        let seen = looks(false, &[500, 500, 300, 300], none);
        assert_eq!(seen, [Nothing, Nothing, Nothing, Worked]);
        // A runtime wakes its threads.
        let seen = looks(false, &[300, 400, 400, 900, 1000], HUM);
        assert_eq!(seen, [Nothing, Nothing, Nothing, Nothing, Worked]);
        // Work soon after an answer, for one, three, and four slots.
        let seen = looks(false, &[100, 110, 110, 110], none);
        assert_eq!(seen, [Nothing, Nothing, Settled, Nothing]);
        let seen = looks(false, &[100, 110, 120, 130, 130], none);
        assert_eq!(seen[3..], [Nothing, Settled]);
        let seen = looks(false, &[100, 110, 120, 130, 140, 140], none);
        assert_eq!(seen[4..], [Nothing, Worked]);
        // A second request causes no third one, but later work does.
        let seen = looks(true, &[100, 110, 110, 120, 120], none);
        assert_eq!(seen, [Nothing, Nothing, Nothing, Nothing, Worked]);
    }
}
