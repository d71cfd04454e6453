//! Runs the setup of an executor: code of the user that follows the start.

use std::any::Any;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use super::Executor;
use crate::error::Error;
use crate::process::Process;
use crate::progress::Progress;
use crate::trace::Context;

/// The result of a setup, or its panic.
type SetUpResult = Result<Result<(), String>, Box<dyn Any + Send>>;

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
    judge(what, process, set_up)
}

/// Runs a setup like [`run`], but waits at most for this time. After that, the setup runs on, and nobody gets
/// its result.
pub(crate) fn run_within(
    limit: Duration,
    what: &str,
    process: Option<&Process>,
    setup: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<(), Error> {
    let context = Context::of_waiter();
    let thread = Builder::new().name(context.thread_name());
    let (tell, told) = mpsc::channel();
    let set_up = move || {
        let set_up = context.within(|| catch_unwind(AssertUnwindSafe(setup)));
        // Nobody waits after the limit.
        let _ = tell.send(set_up);
    };
    if let Err(error) = thread.spawn(set_up) {
        return judge(what, process, Err(error));
    }
    let began = Instant::now();
    let mut progress = Progress::new(began);
    loop {
        let due = progress.due().min(began + limit);
        let why = match told.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(set_up) => return judge(what, process, Ok(set_up)),
            Err(RecvTimeoutError::Timeout) if began.elapsed() < limit => {
                progress.say(&format!("waiting for {what}"));
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                format!("{what} has not returned within {limit:?}")
            }
            Err(RecvTimeoutError::Disconnected) => format!("{what} has ended its thread"),
        };
        return Err(match process {
            Some(process) => process.explain(why, None),
            None => Error::new(why),
        }
        .timeout());
    }
}

/// Makes an error of a setup's failure.
fn judge(
    what: &str,
    process: Option<&Process>,
    set_up: io::Result<SetUpResult>,
) -> Result<(), Error> {
    let hint = match (process, &set_up) {
        (Some(process), Ok(Ok(Err(said)))) => process.hint_by_client(said),
        _ => None,
    };
    // The harness shows the panic's message only in this test, but other tests get this error too.
    let (why, panic) = match set_up {
        Ok(Ok(Ok(()))) => return Ok(()),
        Ok(Ok(Err(why))) => (format!("{what} failed: {why}"), None),
        Ok(Err(panic)) => (format!("{what} panicked"), Some(panic)),
        Err(error) => (format!("{what} got no thread: {error}"), None),
    };
    let error = match (process, panic) {
        (Some(process), panic) => process.explain(why, panic),
        (None, Some(panic)) => Error::new(why).panicked(&*panic),
        (None, None) => Error::new(why),
    };
    Err(error.hints(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_that_hangs_is_an_error() {
        let (end, ended) = mpsc::channel::<()>();
        let hang = move || ended.recv().map_err(|error| error.to_string());
        let limit = Duration::from_millis(10);
        let error = run_within(limit, "the template function of PG", None, hang).unwrap_err();
        assert!(error.is_timeout());
        let why = "the template function of PG has not returned within 10ms";
        assert_eq!(error.headline(), why);
        drop(end);
    }

    #[test]
    fn a_setup_within_its_limit_has_its_result() {
        let limit = Duration::from_secs(600);
        run_within(limit, "it", None, || Ok(())).unwrap();
        let failed = run_within(limit, "it", None, || Err("no".into())).unwrap_err();
        assert_eq!(failed.headline(), "it failed: no");
        let panicked = run_within(limit, "it", None, || panic!("on purpose")).unwrap_err();
        assert_eq!(panicked.headline(), "it panicked");
    }
}
