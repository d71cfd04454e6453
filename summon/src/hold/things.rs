//! What each test has up, as far as a hold needs to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::setting::Setting;
use crate::error::Error;
use crate::panicked::{self, Failure};
use crate::sys::maker::PerProcess;
use crate::trace::{TestId, this_test};

/// Something that a test has up: a process, a database, a link, or the use of a fixture.
pub(crate) trait Thing: Send + Sync {
    /// Returns what a person needs. `None` if it was not started, or was stopped.
    fn shown(&self) -> Option<Shown>;

    /// Lets it end at the latest after this time, even if this process is halted. `None` takes an
    /// earlier time back. Does nothing for what others use, too.
    fn keep(&self, _limit: Option<Duration>) {}

    /// Returns the report for a failed test, if no scope prints it.
    fn report(&self, _failure: &Failure) -> Option<Error> {
        None
    }
}

/// The lines for one thing.
pub(crate) struct Shown {
    pub(crate) name: String,
    /// Whether a person can look into it. If nothing of a test is up, the test is not held.
    pub(crate) is_up: bool,
    pub(crate) lines: Vec<String>,
    /// The process that the lines describe, and whether the test has only named its static.
    pub(crate) process: Option<(usize, bool)>,
}

/// The state of one test.
struct Test {
    begun: Instant,
    things: Vec<Weak<dyn Thing>>,
    /// The number of its scopes, and of those that expect a panic.
    scopes: usize,
    expecting: usize,
    /// The number of starts in progress whose errors fail the test.
    starts: usize,
    /// When its hold after a failure began.
    held: Option<Instant>,
    /// Locked during the hold.
    hold: Arc<Mutex<()>>,
}

impl Default for Test {
    fn default() -> Test {
        Test {
            // A test may be noted only while it drops its first value.
            begun: panicked::now().unwrap_or_else(Instant::now),
            things: Vec::new(),
            scopes: 0,
            expecting: 0,
            starts: 0,
            held: None,
            hold: Arc::default(),
        }
    }
}

impl Test {
    fn is_over(&self) -> bool {
        let is_up = |thing: &Weak<dyn Thing>| thing.strong_count() > 0;
        self.scopes + self.starts == 0 && !self.things.iter().any(is_up)
    }
}

/// The tests of this process.
static TESTS: PerProcess<Mutex<HashMap<TestId, Test>>> = PerProcess::new();

thread_local! {
    /// The fixtures that this thread's tests have used by their statics, each with its test.
    static USES: RefCell<Vec<Use>> = const { RefCell::new(Vec::new()) };
}

/// The use of a fixture by its static.
struct Use {
    test: TestId,
    /// Identifies its process.
    process: usize,
    thing: Arc<dyn Thing>,
}

fn tests() -> MutexGuard<'static, HashMap<TestId, Test>> {
    let tests = TESTS.here().lock();
    tests.unwrap_or_else(PoisonError::into_inner)
}

fn is_same(one: &Weak<dyn Thing>, other: &Weak<dyn Thing>) -> bool {
    one.as_ptr().addr() == other.as_ptr().addr()
}

/// Returns whether tests may be held.
pub(crate) fn is_on() -> bool {
    Setting::get().is_ok_and(|it| it.is_some())
}

/// Notes that this thread's test has something up, or will have. Does nothing without a hold.
pub(crate) fn note<T: Thing + 'static>(thing: &Arc<T>) {
    if is_on() {
        let thing: Arc<dyn Thing> = Arc::<T>::clone(thing);
        note_of(&this_test(), &thing);
    }
}

fn note_of(test: &TestId, thing: &Arc<dyn Thing>) {
    let thing = Arc::downgrade(thing);
    let mut tests = tests();
    tests.retain(|id, it| id == test || !it.is_over());
    let test = tests.entry(test.clone()).or_default();
    if test.is_over() {
        *test = Test::default();
    }
    test.things.retain(|it| it.strong_count() > 0);
    if !test.things.iter().any(|it| is_same(it, &thing)) {
        test.things.push(thing);
    }
}

/// Notes that this thread's test has used a fixture by its static. `thing` makes the use.
pub(super) fn note_use(process: usize, thing: impl FnOnce() -> Arc<dyn Thing>) {
    let test = this_test();
    // An ending thread may have dropped the uses.
    let _ = USES.try_with(|uses| {
        let is_it = |it: &Use| it.process == process && it.test == test;
        if !uses.borrow().iter().any(is_it) {
            let thing = thing();
            note_of(&test, &thing);
            uses.borrow_mut().push(Use {
                test: test.clone(),
                process,
                thing,
            });
        }
    });
}

/// Returns whether the test has only fixtures that it used by their statics, on this thread: no drop of
/// another value can hold it.
pub(super) fn has_only_uses(test: &TestId) -> bool {
    let uses = USES.try_with(|uses| {
        let uses = uses.borrow();
        let of_test = uses.iter().filter(|it| it.test == *test);
        of_test.map(|it| Arc::downgrade(&it.thing)).collect()
    });
    let uses: Vec<_> = uses.unwrap_or_default();
    let tests = tests();
    let Some(test) = tests.get(test) else {
        return false;
    };
    let mut live = test.things.iter().filter(|it| it.strong_count() > 0);
    !uses.is_empty()
        && test.scopes + test.starts == 0
        && live.all(|it| uses.iter().any(|this| is_same(it, this)))
}

/// Returns what the test has, in the order in which it was noted.
pub(super) fn of(test: &TestId) -> Vec<Arc<dyn Thing>> {
    let tests = tests();
    let test = tests.get(test);
    let things = test.into_iter().flat_map(|it| &it.things);
    things.filter_map(Weak::upgrade).collect()
}

/// Returns when the first thing of the test was noted.
pub(super) fn begun(test: &TestId) -> Option<Instant> {
    tests().get(test).map(|it| it.begun)
}

/// Returns whether a panic of the test passes it.
pub(super) fn expects_panic(test: &TestId) -> bool {
    tests().get(test).is_some_and(|it| it.expecting > 0)
}

/// Returns whether an error of a start fails the test.
pub(super) fn starts(test: &TestId) -> bool {
    tests().get(test).is_some_and(|it| it.starts > 0)
}

/// Returns when the hold of the test after a failure began.
pub(super) fn held(test: &TestId) -> Option<Instant> {
    tests().get(test)?.held
}

/// Returns whether the test was held after a failure. Its reports are then told.
pub(super) fn is_held(test: &TestId) -> bool {
    held(test).is_some()
}

/// Notes that the test is held from now on. Returns `false` if it was held before. Waits while another
/// thread holds it, so that everything stays up until that hold is over.
pub(super) fn hold_once(test: &TestId, hold: impl FnOnce()) -> bool {
    let turn = {
        let mut tests = tests();
        Arc::clone(&tests.entry(test.clone()).or_default().hold)
    };
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tests = tests();
    let record = tests.entry(test.clone()).or_default();
    if record.held.is_some() {
        return false;
    }
    record.held = Some(Instant::now());
    drop(tests);
    hold();
    true
}

/// A part of a test: its scope, or a start. Dropping it ends the part.
#[derive(Debug)]
pub(crate) struct Part {
    test: TestId,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Scope,
    Expecting,
    Start,
}

impl Part {
    /// A scope of this thread's test, which holds it if it fails.
    pub(crate) fn scope() -> Part {
        Part::begin(Kind::Scope)
    }

    /// A scope whose test passes if it panics.
    pub(crate) fn expecting() -> Part {
        Part::begin(Kind::Expecting)
    }

    /// A start whose error fails this thread's test.
    pub(crate) fn start() -> Part {
        Part::begin(Kind::Start)
    }

    fn begin(kind: Kind) -> Part {
        let test = this_test();
        if is_on() {
            let mut tests = tests();
            *kind.count(tests.entry(test.clone()).or_default()) += 1;
        }
        Part { test, kind }
    }

    pub(crate) fn test(&self) -> &TestId {
        &self.test
    }
}

impl Kind {
    fn count(self, test: &mut Test) -> &mut usize {
        match self {
            Kind::Scope => &mut test.scopes,
            Kind::Expecting => &mut test.expecting,
            Kind::Start => &mut test.starts,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(test) = tests().get_mut(&self.test) {
            let count = self.kind.count(test);
            *count = count.saturating_sub(1);
        }
    }
}
