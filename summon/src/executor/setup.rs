//! Runs the setup of an executor: code of the user that follows the start.

use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, Builder};

use super::Executor;
use crate::error::Error;
use crate::process::Process;
use crate::trace::Context;

/// An executor with a setup, which follows its start.
#[doc(hidden)]
#[derive(Debug)]
pub struct SetUp<E, F> {
    executor: E,
    setup: F,
}

impl<E, F> SetUp<E, F>
where
    F: Fn(&E) -> Result<(), String>,
{
    pub fn new(executor: E, setup: F) -> SetUp<E, F> {
        SetUp { executor, setup }
    }
}

impl<E: Executor, F> Executor for SetUp<E, F>
where
    F: Fn(&E) -> Result<(), String> + Send + Sync,
{
    fn start(&self) -> Result<(), Error> {
        self.executor.start()?;
        let process = self.processes().into_iter().next();
        let name = process.map(|process| process.cluster().unwrap_or_else(|| process.name()));
        let what = format!("the setup of {}", name.unwrap_or("an executor"));
        run(&what, process, || (self.setup)(&self.executor)).inspect_err(|_| {
            // The report has the first error.
            let _ = self.executor.stop();
        })
    }

    fn stop(&self) -> Result<(), Error> {
        self.executor.stop()
    }

    fn process(&self) -> Option<&Process> {
        self.executor.process()
    }

    fn processes(&self) -> Vec<&Process> {
        self.executor.processes()
    }
}

impl<E, F> Deref for SetUp<E, F> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.executor
    }
}

/// Runs a setup on a thread of its own, so that it may build an async runtime even if the caller is
/// in one. `what` names it in the report.
pub(crate) fn run(
    what: &str,
    process: Option<&Process>,
    setup: impl FnOnce() -> Result<(), String> + Send,
) -> Result<(), Error> {
    let context = Context::of_waiter();
    let thread = Builder::new().name(context.thread_name());
    let set_up = thread::scope(|scope| {
        let setup = || context.within(|| catch_unwind(AssertUnwindSafe(setup)));
        let thread = thread.spawn_scoped(scope, setup)?;
        let joined = thread.join();
        io::Result::Ok(joined.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    // The harness shows the panic's message only in this test, but other tests get this error too.
    let (why, panic) = match set_up {
        Ok(Ok(Ok(()))) => return Ok(()),
        Ok(Ok(Err(why))) => (format!("{what} failed: {why}"), None),
        Ok(Err(panic)) => (format!("{what} panicked"), Some(panic)),
        Err(error) => (format!("{what} got no thread: {error}"), None),
    };
    Err(match (process, panic) {
        (Some(process), panic) => process.explain(why, panic),
        (None, Some(panic)) => Error::new(why).panicked(&*panic),
        (None, None) => Error::new(why),
    })
}
