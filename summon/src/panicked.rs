//! Records when and where a test panics, and its message. The scopes of the test unwind only after the panic message is
//! printed, and in a debug build a backtrace takes seconds to print.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::annotation::SourceLine;
use crate::error::Error;

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
    static CHECK: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// The last panic of a thread.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    at: Instant,
    pub(crate) place: Option<SourceLine>,
    pub(crate) message: String,
}

impl Panic {
    fn of(panic: &PanicHookInfo<'_>) -> Panic {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Panic {
            at: Instant::now(),
            place: panic.location().map(SourceLine::from),
            message: text.unwrap_or("a panic without a text").to_owned(),
        }
    }
}

/// Fails the test because of summon's own check. Such a panic does not pass a `#[should_panic]` test.
#[track_caller]
pub(crate) fn by_check(error: &Error) -> ! {
    let _ = CHECK.try_with(|check| check.replace(Some(error.clone())));
    panic!("{error}")
}

/// Returns the error of the check that made this panic on this thread, if a check did.
pub(crate) fn check_of(panic: &(dyn Any + Send)) -> Option<Error> {
    let check = CHECK.try_with(RefCell::take).ok().flatten()?;
    let text = panic.downcast_ref::<String>();
    (text == Some(&check.to_string())).then_some(check)
}

/// Installs a panic hook that records each panic, and then calls the previous hook. If the test
/// replaces the hook later, its panics are unknown.
pub(crate) fn note_panics() {
    static NOTES: Once = Once::new();
    // `take_hook` and `set_hook` panic on a thread that is panicking.
    if NOTES.is_completed() || thread::panicking() {
        return;
    }
    NOTES.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A panic in the destructor of a thread-local can come after this one is destroyed.
            let _ = LAST.try_with(|last| last.replace(Some(Panic::of(panic))));
            before(panic);
            AFTER.get().into_iter().for_each(|after| after());
        }));
    });
}

/// The function to call after each panic, when its message is printed.
static AFTER: OnceLock<fn()> = OnceLock::new();

/// Calls `after` on each thread that panics, before it unwinds.
pub(crate) fn after_each(after: fn()) {
    note_panics();
    let _ = AFTER.set(after);
}

/// Returns when the thread began to panic, if it panics now.
pub(crate) fn now() -> Option<Instant> {
    let last = LAST.try_with(|last| last.borrow().as_ref().map(|panic| panic.at));
    last.ok().flatten().filter(|_| thread::panicking())
}

/// The failure of a test.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// `None` if the test has returned an error, or if its panic is unknown.
    pub(crate) panic: Option<Panic>,
    /// When summon noticed the failure.
    pub(crate) seen: Instant,
}

impl Failure {
    /// Returns the failure of this thread's test, which started its first process at `begun`.
    pub(crate) fn since(begun: Instant) -> Failure {
        let last = LAST.try_with(|last| last.borrow().clone()).ok().flatten();
        Failure {
            // The test has caught any earlier panic.
            panic: last.filter(|panic| thread::panicking() && panic.at >= begun),
            seen: Instant::now(),
        }
    }

    /// Returns how long before the failure an event happened. Returns zero for a later event: if a
    /// server ends, its client may panic before summon sees that end.
    pub(crate) fn after(&self, at: Instant) -> Duration {
        self.time().saturating_duration_since(at)
    }

    /// Returns when the test failed.
    pub(crate) fn time(&self) -> Instant {
        self.panic.as_ref().map_or(self.seen, |panic| panic.at)
    }
}
