//! The items that the expansions of the attributes use. No other code may use them: they change without
//! notice.

pub use crate::error::causes::{Foreign, OfBox, OfDisplay, OfError};
pub use crate::fixture::{Cloned, Definition, Lifetime, Linked, Made, Needed, Used};
pub use crate::orchestrator::Scope;
pub use summon_macros::exporting;

pub use std::sync::Arc;

use std::fmt::Debug;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::thread;

use crate::annotation::{self, SourceLine};
use crate::command::Command;
use crate::error::{Error, escaped};
use crate::executor::Executor;
pub use crate::executor::setup::SetUp;
use crate::find_program;
use crate::fixture::Fixture;
use crate::orchestrator::{Attributed, begin};
use crate::panicked;
use crate::skipped;
use crate::trace::test_name;

/// Starts the executors that the attributes of one function declare. `function` is its path. Each
/// executor comes with the name of its parameter, if any. `fails` calls [`fail_at_end`] in the file of the
/// attribute.
pub fn scope<'a, const N: usize>(
    function: &str,
    members: [(Option<&str>, &'a dyn Executor); N],
    fails: fn(&Error) -> !,
) -> Result<Scope<'a>, Error> {
    for (name, executor) in &members {
        // A fixture has several names, one for each set, so no parameter names its process.
        if let (Some(name), Some(process), None) = (name, executor.process(), executor.shared_as())
        {
            process.suggest_name(name);
        }
    }
    // libtest names a test by its path without the crate.
    let name = function.split_once("::").map_or(function, |(_, test)| test);
    let test = Attributed { name, fails };
    begin(members.map(|(_, executor)| executor), Some(test))
}

/// Fails a test by its stop. A panic names the place of its caller, and a drop has no caller in the user's
/// code, so the expansion has a closure with this call.
#[track_caller]
pub fn fail_at_end(error: &Error) -> ! {
    panicked::by_check(error)
}

/// Marks the scope of a `#[should_panic]` test, which passes if it panics.
pub fn expect_panic(scope: Scope<'_>) -> Scope<'_> {
    scope.expect_panic()
}

/// Runs the body of a `#[should_panic]` test.
pub fn catch(body: impl FnOnce()) -> thread::Result<()> {
    panic::catch_unwind(AssertUnwindSafe(body))
}

/// Like [`catch`], for an async body.
pub async fn catch_async(body: impl Future<Output = ()>) -> thread::Result<()> {
    let mut body = pin!(body);
    let poll = move |context: &mut Context<'_>| {
        let poll = || body.as_mut().poll(context);
        match panic::catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    };
    poll_fn(poll).await
}

/// Ends a `#[should_panic]` test with the outcome of its body. If a stop fails, the test must fail,
/// so this prints the error and returns: a panic would pass the test.
#[track_caller]
pub fn end_expected(scope: Scope<'_>, body: thread::Result<()>) {
    // A line that `never` forbids fails the test, even if the drop of the process in the body finds it.
    let check = body.as_ref().err().and_then(|it| panicked::check_of(&**it));
    match (scope.end_expected(body.is_ok()).err().or(check), body) {
        (Some(error), _) => report(&error),
        (None, Err(panic)) => panic::resume_unwind(panic),
        (None, Ok(())) => {}
    }
}

/// Marks the scope as failed, because the function has returned an error with this text.
pub fn has_failed(scope: &Scope<'_>, error: Option<String>) {
    scope.fail(error);
}

/// Runs the body of a function that returns a result.
pub fn call<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Gives code that never runs a value of any type.
pub fn never<T>() -> T {
    unreachable!()
}

/// The value that a function has returned.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

impl<T, E> Returned<'_, Result<T, E>> {
    pub fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

impl<T, E: Debug> Returned<'_, Result<T, E>> {
    /// Returns the text of the error, as the harness prints it.
    pub fn text(&self) -> Option<String> {
        let error = self.0.as_ref().err()?;
        Some(format!("{error:?}"))
    }
}

/// The fallback for other types that are named `Result`. summon can't check their values, and takes them
/// for successes. rustc calls these methods only where the inherent ones above do not apply.
pub trait Unknown {
    fn is_failure(&self) -> bool {
        false
    }

    fn text(&self) -> Option<String> {
        None
    }
}

impl<T> Unknown for Returned<'_, T> {}

/// Returns a fixture that another fixture needs, with its name.
pub fn needed<E: Sync>(
    name: &'static str,
    fixture: &'static Fixture<E>,
) -> (&'static str, &'static dyn Needed) {
    (name, fixture)
}

/// The result of a setup.
#[diagnostic::on_unimplemented(
    message = "a setup returns a `Result` whose error implements `Display`, and this one returns `{Self}`",
    label = "the result of this setup",
    note = "for an `async fn`, write `#[tokio::main(flavor = \"current_thread\")]` above it, or \
            `block_on = ..` into the attribute, as in `block_on = pollster::block_on`"
)]
pub trait Outcome {
    type Error;

    fn into_result(self) -> Result<(), Self::Error>;
}

impl<T, X: std::fmt::Display> Outcome for Result<T, X> {
    type Error = X;

    fn into_result(self) -> Result<(), X> {
        self.map(drop)
    }
}

/// Calls a setup. `text` returns the text of its error.
pub fn set_up<'a, E, O: Outcome>(
    executor: &'a E,
    setup: impl FnOnce(&'a E) -> O,
    text: impl FnOnce(&O::Error) -> String,
) -> Result<(), String> {
    setup(executor).into_result().map_err(|error| text(&error))
}

/// Calls an async setup, and waits for it with `block_on`.
pub fn set_up_with<'a, E, F: Future, O: Outcome>(
    executor: &'a E,
    setup: impl FnOnce(&'a E) -> F,
    block_on: impl FnOnce(F) -> O,
    text: impl FnOnce(&O::Error) -> String,
) -> Result<(), String> {
    let result = block_on(setup(executor)).into_result();
    result.map_err(|error| text(&error))
}

/// Returns the URL for the options of `http`. Port 0 means a free port, which summon chooses.
pub fn url(host: impl std::fmt::Display, port: u16, path: impl std::fmt::Display) -> String {
    let path = path.to_string();
    let path = path.strip_prefix('/').unwrap_or(&path);
    match port {
        0 => format!("http://{host}:{{port}}/{path}"),
        port => format!("http://{host}:{port}/{path}"),
    }
}

/// Returns the command that runs a binary of the package. cargo built it at `built`.
pub fn bin(name: &str, built: &str, arguments: impl Into<Command>) -> Command {
    arguments.into().run_by(&find_program::bin(name, built))
}

/// Returns the command that runs an example of the package.
pub fn example(name: &str, arguments: impl Into<Command>) -> Command {
    arguments.into().run_by(&find_program::example(name))
}

/// Fails the test with the report of a start. The function is no `Skipped` one.
#[track_caller]
pub fn fail(error: &Error) -> ! {
    annotate(error);
    match error.skipped() {
        Some(why) => panic!("{}", unskippable(error, why)),
        None => panic!("{error}"),
    }
}

fn unskippable(error: &Error, why: &str) -> Error {
    let hint = format!(
        "{why}, but this test can't be skipped, since summon can't make the value that it returns, or \
         does not know whether this case should panic; return `()` or `Result<(), _>`"
    );
    error.clone().fact("hint", hint)
}

/// The value of a test that is skipped, by its type.
#[derive(Debug)]
pub struct Skipped<'a, T>(&'a Error, PhantomData<fn() -> T>);

impl<'a, T> Skipped<'a, T> {
    pub fn by(error: &'a Error) -> Skipped<'a, T> {
        Skipped(error, PhantomData)
    }

    /// Returns the value if the test is to be skipped, and says so.
    fn with(&self, value: T) -> Option<T> {
        skipped::note(self.0.skipped()?);
        Some(value)
    }
}

impl Skipped<'_, ()> {
    pub fn value(&self) -> Option<()> {
        self.with(())
    }
}

impl<E> Skipped<'_, Result<(), E>> {
    pub fn value(&self) -> Option<Result<(), E>> {
        self.with(Ok(()))
    }
}

impl Skipped<'_, ExitCode> {
    pub fn value(&self) -> Option<ExitCode> {
        self.with(ExitCode::SUCCESS)
    }
}

/// The fallback for types of which summon can't make a value.
pub trait Unmade<T> {
    fn value(&self) -> Option<T> {
        None
    }
}

impl<T> Unmade<T> for Skipped<'_, T> {}

/// Skips a `#[should_panic]` test with the panic that it expects.
#[track_caller]
pub fn skip_by_panic(error: &Error, expected: &str) {
    if let Some(why) = error.skipped() {
        skipped::note(why);
        let why = escaped(why);
        panic!("SKIPPED: {why}; this test passes only by a panic: {expected}");
    }
}

/// Prints the report of a `#[should_panic]` test whose start or stop has failed. The test must then return: a
/// panic would pass it.
#[track_caller]
pub fn report(error: &Error) {
    annotate(error);
    eprintln!("{error}");
}

#[track_caller]
fn annotate(error: &Error) {
    let place = SourceLine::from(panic::Location::caller());
    annotation::print(&test_name(), &error.to_string(), [place]);
}
