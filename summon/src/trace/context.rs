//! For which test something happens.

use std::cell::RefCell;
use std::time::Duration;

use super::events::Row;
use crate::sys::runner;

thread_local! {
    /// The test that this thread works for, if that is another one's.
    static TEST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The test on whose behalf this thread acts.
pub(crate) fn test_name() -> String {
    known_test().unwrap_or_else(|| "main".to_owned())
}

/// The same, if it is known.
pub(crate) fn known_test() -> Option<String> {
    // Before the name of a thread, which may be one of an async runtime.
    let known = own_test().or_else(runner::only_test);
    known.or_else(thread_name)
}

/// What `TEST` says. A thread that ends may have lost it already.
fn own_test() -> Option<String> {
    let known = TEST.try_with(|test| test.borrow().clone());
    known.ok().flatten()
}

fn replace_test(test: Option<String>) -> Option<String> {
    let before = TEST.try_with(|it| it.replace(test));
    before.ok().flatten()
}

/// libtest names the thread of a test after it, with the case if it has cases; the main thread
/// says nothing about whom it works for.
fn thread_name() -> Option<String> {
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main");
    name.map(str::to_owned)
}

/// A test, from when it begins to start its processes until they are stopped.
#[derive(Debug)]
pub(crate) struct Test {
    row: Option<Row>,
    before: Option<String>,
}

impl Test {
    /// Begins a test, on a thread of its name, or of this one.
    pub(crate) fn begin(name: Option<&str>) -> Test {
        let before = own_test();
        if let (Some(name), None, None) = (name, &before, thread_name()) {
            let _ = replace_test(Some(name.to_owned()));
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
        // A thread whose locals are gone works for nobody any more.
        let _ = replace_test(self.before.take());
    }
}

/// For which test a thread works, and its span, for another thread that does a part of the work.
#[derive(Clone)]
pub(crate) struct Context {
    test: String,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Context {
    pub(crate) fn here() -> Context {
        Context {
            test: test_name(),
            #[cfg(feature = "tracing")]
            span: tracing::Span::current(),
        }
    }

    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        let before = replace_test(Some(self.test.clone()));
        let result = act();
        let _ = replace_test(before);
        result
    }
}
