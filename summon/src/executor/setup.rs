//! Runs the setup of an executor: code of the user that follows the start.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, Builder};

use crate::error::Error;
use crate::process::Process;
use crate::trace::Context;

/// Runs a setup on a thread of its own, so that it may build an async runtime even if the caller is
/// in one. `what` names it in the report.
pub(crate) fn run(
    what: &str,
    process: &Process,
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
    Err(process.explain(why, panic))
}
