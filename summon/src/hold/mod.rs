//! `SUMMON_HOLD` keeps what a failed test has up, so that a person can look into it.
//!
//! A test is held once, by the first of these events: a value of summon is dropped while its thread
//! panics, the scope of the test ends after a failure, a start fails that fails the test, or a panic
//! comes in a test that only names statics. Everything that the test has is up by then.

mod block;
mod known_failure;
mod nextest_limits;
mod screen;
mod setting;
mod things;
mod toml;

use std::cell::Cell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use known_failure::KnownFailure;
pub(crate) use setting::Setting;
pub(crate) use things::{Part, Shown, Thing, is_on, note};

use crate::error::Error;
use crate::guard;
use crate::panicked::{self, Failure};
use crate::session::{HoldFile, RunTurn};
use crate::sys::fd::AsFd;
use crate::sys::{runner, wait};
use crate::trace::{TestId, this_test};
use block::Block;
use screen::Screen;

/// How often a hold looks whether it has to end. The turn of a halted process ends by the clock, a terminal
/// gives no notice when a process comes to its foreground, and macOS none of a file that is removed.
const PACE: Duration = Duration::from_millis(100);
/// How long after the end of a hold a guard ends its process without an order. The test itself
/// comes first, so that an end in time is an end in order.
const SPARE: Duration = Duration::from_secs(1);
/// How long the guards still wait for a test that waits for its turn, and how often it tells them.
const QUEUED: Duration = Duration::from_secs(10);
const REFRESH: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this thread holds a test now.
    static IS_HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Why a hold has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Person,
    Time,
    Run,
}

/// Holds the test of this thread if the thread panics. Call it before the drop of a value that the
/// test has up.
pub(crate) fn at_drop() {
    if thread::panicking() {
        hold_panicked(&this_test());
    }
}

/// Notes that this thread's test has used a fixture by its static. `thing` makes the use. If the test
/// only names statics, no drop of another value would hold it, and a panic does so at once.
pub(crate) fn note_use(process: usize, thing: impl FnOnce() -> Arc<dyn Thing>) {
    if !is_on() {
        return;
    }
    panicked::after_each(|| {
        let test = this_test();
        if things::has_only_uses(&test) {
            hold_panicked(&test);
        }
    });
    things::note_use(process, thing);
}

fn hold_panicked(test: &TestId) {
    let Some(begun) = things::begun(test) else {
        return;
    };
    if things::expects_panic(test) {
        return;
    }
    hold_failed(test, || {
        let failure = Failure::since(begun);
        let reports = things::of(test);
        let reports = reports.iter().filter_map(|it| it.report(&failure));
        let reports: Vec<Error> = reports.collect();
        for report in &reports {
            eprintln!("\n{report}");
        }
        KnownFailure {
            failure,
            reports,
            returned: None,
            is_printed: true,
        }
    });
}

/// Holds the test of this thread if this error of a start fails it. Call it before the other members of
/// the set are stopped.
pub(crate) fn at_failed_start(error: &Error) {
    let test = this_test();
    if error.skipped().is_none() && things::starts(&test) {
        hold_failed(&test, || KnownFailure::by(error));
    }
}

/// Holds a test that has failed, unless it was held before.
pub(crate) fn hold_failed(test: &TestId, told: impl FnOnce() -> KnownFailure) {
    let Ok(Some(setting)) = Setting::get() else {
        return;
    };
    // Values are also dropped by the hold itself.
    if IS_HOLDING.get() || things::of(test).iter().all(|it| it.shown().is_none()) {
        return;
    }
    IS_HOLDING.set(true);
    things::hold_once(test, || hold(&setting, test, Some(&told())));
    IS_HOLDING.set(false);
}

/// Holds a test that has passed, if the setting says so.
pub(crate) fn hold_passed(test: &TestId) {
    if let Ok(Some(setting)) = Setting::get() {
        if setting.always && !is_held(test) {
            hold(&setting, test, None);
        }
    }
}

/// Returns whether the test was held after a failure. Its reports are then in its output.
pub(crate) fn is_held(test: &TestId) -> bool {
    things::is_held(test)
}

/// Returns when this thread's test ended: now, or when its hold began. The time of a person does not count.
pub(crate) fn end_of_test() -> Instant {
    things::held(&this_test()).unwrap_or_else(Instant::now)
}

fn hold(setting: &Setting, test: &TestId, told: Option<&KnownFailure>) {
    let begun = things::begun(test).unwrap_or_else(Instant::now);
    let things = things::of(test);
    let things: Vec<&dyn Thing> = things.iter().map(|it| &**it).collect();
    let shown = || -> Option<Vec<Shown>> {
        let shown: Vec<Shown> = things.iter().filter_map(|it| it.shown()).collect();
        shown.iter().any(|it| it.is_up).then_some(shown)
    };
    let screen = Screen::open();
    let name = &test.name;
    if shown().is_none() {
        return screen.say(&format!("{name} is not held, since nothing of it is up"));
    }
    let kept = Kept(&things);
    // The guards learn the latest end before anything waits. From here on no program of the test
    // outlives it, even if this process is halted.
    kept.at_most(setting.limit + QUEUED);
    let refresh = || kept.at_most(setting.limit + QUEUED);
    let (_turn, ended) = wait_for_turn(&screen, name, setting.limit + SPARE, refresh);
    let end = match (ended, shown()) {
        (Some(end), _) => end,
        // Another program may have ended it meanwhile.
        (None, None) => {
            return screen.say(&format!("{name} is not held, since nothing of it is up"));
        }
        (None, Some(shown)) => {
            // A warden removes the file if this process is killed. A user of a fixture may have none yet.
            guard::prepare();
            let file = HoldFile::make().ok();
            let block = Block {
                test: name,
                begun,
                has_failed: told.is_some(),
                error: told.and_then(|told| told.returned.as_deref()),
                can_read: screen.can_read(),
                file: file.as_ref(),
            };
            let block = block.of(shown, setting);
            kept.at_most(setting.limit + SPARE);
            screen.show(&block, told);
            let goes_on = || screen.has_line() || file.as_ref().is_some_and(HoldFile::is_removed);
            wait_for_end(goes_on, Instant::now() + setting.limit)
        }
    };
    let why = match end {
        End::Person => "the test goes on",
        End::Time => "the time is over, and the test goes on",
        End::Run => "the run has ended",
    };
    if end == End::Run {
        kept.ends();
    }
    screen.say(&format!("{name} is no longer held: {why}"));
}

/// What a held test has up, and what the guards keep for a limited time. Dropping it takes the time back:
/// a test goes on with its programs if it catches its panic, or has them in a `static`.
struct Kept<'t>(&'t [&'t dyn Thing]);

impl Kept<'_> {
    fn at_most(&self, limit: Duration) {
        self.0.iter().for_each(|it| it.keep(Some(limit)));
    }

    /// Leaves the time in force, since the run has ended.
    fn ends(self) {
        std::mem::forget(self);
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|it| it.keep(None));
    }
}

/// Waits until no other test of the run is held: a person looks into one at a time. The turn lasts for
/// `limit`. Without a directory for the lock there is no turn.
fn wait_for_turn(
    screen: &Screen,
    test: &str,
    limit: Duration,
    refresh: impl Fn(),
) -> (Option<RunTurn>, Option<End>) {
    let mut refreshed = Instant::now();
    let mut is_told = false;
    loop {
        match RunTurn::try_take("hold", limit) {
            Ok(Some(turn)) => return (Some(turn), None),
            Err(_) => return (None, None),
            Ok(None) => {}
        }
        if !is_told {
            is_told = true;
            let pid = std::process::id();
            screen.say(&format!(
                "{test} is held, too (pid {pid}); its turn comes after the hold of another test"
            ));
        }
        if refreshed.elapsed() >= REFRESH {
            refreshed = Instant::now();
            refresh();
        }
        if pause(Instant::now() + PACE) {
            return (None, Some(End::Run));
        }
    }
}

fn wait_for_end(goes_on: impl Fn() -> bool, until: Instant) -> End {
    loop {
        if goes_on() {
            return End::Person;
        }
        let now = Instant::now();
        if now >= until {
            return End::Time;
        }
        if pause(until.min(now + PACE)) {
            return End::Run;
        }
    }
}

/// Waits. Returns whether the run has ended.
fn pause(until: Instant) -> bool {
    let runner = runner::current();
    let ending: Vec<_> = runner.iter().map(|runner| runner.ending.as_fd()).collect();
    let slept = wait::sleep(&ending, Some(until));
    slept.is_err() || runner.is_some_and(|runner| wait::is_readable(&runner.ending))
}
