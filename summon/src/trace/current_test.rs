//! The test that a thread works for.

use std::cell::{Cell, RefCell};
use std::thread::ThreadId;
use std::time::Duration;

use super::file::Row;
use crate::sys::runner;

thread_local! {
    /// The test that this thread works for, if that test runs on a different thread.
    static TEST: RefCell<Option<TestId>> = const { RefCell::new(None) };
    /// The thread that waits for this one, and does nothing else meanwhile.
    static WAITER: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// Identifies a test of this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TestId {
    pub(crate) name: String,
    /// The thread of the test, since a name alone may not identify it: threads of several tests are
    /// called `main` here, or all have the name of an async runtime. `None` if the process runs only this
    /// test.
    thread: Option<ThreadId>,
}

impl TestId {
    /// A test on this thread.
    fn here(name: String) -> TestId {
        let is_only = runner::only_test().is_some();
        TestId {
            name,
            thread: (!is_only).then(|| std::thread::current().id()),
        }
    }
}

/// Returns the test that this thread works for.
pub(crate) fn this_test() -> TestId {
    own_test().unwrap_or_else(|| TestId::here(test_name()))
}

/// Returns the name of the test that this thread works for, or `main` if it is unknown.
pub(crate) fn test_name() -> String {
    known_test().unwrap_or_else(|| "main".to_owned())
}

/// Returns the name of the test that this thread works for, if it is known.
pub(crate) fn known_test() -> Option<String> {
    // The thread's name comes last: an async runtime may have set it.
    let known = own_test().map(|test| test.name);
    let known = known.or_else(runner::only_test);
    known.or_else(thread_name)
}

/// Returns this thread, or the thread that waits for it. If one of them waited for
/// the other, it would wait forever.
pub(crate) fn acting_thread() -> ThreadId {
    let waiter = WAITER.try_with(Cell::get).ok().flatten();
    waiter.unwrap_or_else(|| std::thread::current().id())
}

/// Returns the value of `TEST`. An ending thread may have dropped it already.
fn own_test() -> Option<TestId> {
    let known = TEST.try_with(|test| test.borrow().clone());
    known.ok().flatten()
}

fn replace_test(test: Option<TestId>) -> Option<TestId> {
    let before = TEST.try_with(|it| it.replace(test));
    before.ok().flatten()
}

/// Returns the thread's name: libtest names a test's thread after the test, with its case if any.
/// The name of the main thread does not identify a test.
fn thread_name() -> Option<String> {
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main");
    name.map(str::to_owned)
}

/// A test, from the start of its processes until they are stopped.
#[derive(Debug)]
pub(crate) struct Test {
    row: Option<Row>,
    before: Option<TestId>,
}

impl Test {
    /// Begins a test. `name` applies if neither this thread nor its name identifies a test.
    pub(crate) fn begin(name: Option<&str>) -> Test {
        let before = own_test();
        if let (Some(name), None, None) = (name, &before, thread_name()) {
            let _ = replace_test(Some(TestId::here(name.to_owned())));
        }
        let name = test_name();
        let row = Row::of_test(&name);
        if let Some(row) = &row {
            row.begin(&name, "");
        }
        Test { row, before }
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        if let Some(row) = &self.row {
            row.end(Duration::ZERO);
        }
        // If the thread has dropped `TEST` already, nothing needs to be restored.
        let _ = replace_test(self.before.take());
    }
}

/// The test and the span of a thread, to be used by a thread that does part of its work.
#[derive(Clone)]
pub(crate) struct Context {
    test: TestId,
    waiter: Option<ThreadId>,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Context {
    pub(crate) fn here() -> Context {
        Context {
            test: this_test(),
            waiter: None,
            #[cfg(feature = "tracing")]
            span: tracing::Span::current(),
        }
    }

    /// Returns the context for one thread, for which this thread waits.
    pub(crate) fn of_waiter() -> Context {
        let waiter = Some(acting_thread());
        Context {
            waiter,
            ..Context::here()
        }
    }

    /// Returns a name for the thread. The message of a panic shows it.
    pub(crate) fn thread_name(&self) -> String {
        self.test.name.replace('\0', "")
    }

    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        let before = replace_test(Some(self.test.clone()));
        let waiter = WAITER.try_with(|it| it.replace(self.waiter.or(it.get())));
        let result = act();
        let _ = replace_test(before);
        let _ = WAITER.try_with(|it| it.set(waiter.ok().flatten()));
        result
    }
}
