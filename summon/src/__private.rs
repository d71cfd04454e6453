//! What the attribute's expansion may name. Nothing here is for people, and nothing is stable.

pub use crate::fixture::{Plan, Scope as FixtureScope, Used};
pub use crate::orchestrator::Scope;

pub use std::sync::Arc;

use crate::command::Command;
use crate::error::Error;
use crate::executor::Executor;
use crate::orchestrator::begin;
use crate::process::Process;
use crate::program;

/// Starts what the attributes of one function declare, by the function's path. Each executor comes
/// with the name of its parameter, if it has one.
pub fn scope<'a, const N: usize>(
    function: &str,
    members: [(Option<&str>, &'a dyn Executor); N],
) -> Result<Scope<'a>, Error> {
    for (name, executor) in &members {
        // A fixture has names of its own, one for each set.
        if let (Some(name), Some(process), None) = (name, executor.process(), executor.shared_as())
        {
            process.suggest_name(name);
        }
    }
    // As libtest calls it: without the crate.
    let test = function.split_once("::").map_or(function, |(_, test)| test);
    begin(members.map(|(_, executor)| executor), Some(test))
}

/// The function is a test that passes by a panic.
pub fn expect_panic(scope: Scope<'_>) -> Scope<'_> {
    scope.expect_panic()
}

/// The function has returned an error, so its test fails.
pub fn has_failed(scope: &Scope<'_>) {
    scope.fail();
}

/// Runs the body of a function that returns a result.
pub fn call<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// A value for where none is ever asked for, but a type is.
pub fn never<T>() -> T {
    unreachable!()
}

/// What a function has returned.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

impl<T, E> Returned<'_, Result<T, E>> {
    pub fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

/// A type that is called a result, but isn't `Result`, says nothing: its method is found where the
/// one above does not apply.
pub trait Unknown {
    fn is_failure(&self) -> bool {
        false
    }
}

impl<T> Unknown for Returned<'_, T> {}

/// Calls a fixture's setup.
pub fn set_up<T, E: std::fmt::Display>(
    setup: impl FnOnce(&Process) -> Result<T, E>,
    process: &Process,
) -> Result<(), String> {
    match setup(process) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The URL that the options of `http` make. Port 0 is one that summon picks.
pub fn url(host: impl std::fmt::Display, port: u16, path: impl std::fmt::Display) -> String {
    let path = path.to_string();
    let path = path.strip_prefix('/').unwrap_or(&path);
    match port {
        0 => format!("http://{host}:{{port}}/{path}"),
        port => format!("http://{host}:{port}/{path}"),
    }
}

/// A binary of the package, built at that path, with arguments.
pub fn bin(name: &str, built: &str, arguments: impl Into<Command>) -> Command {
    arguments.into().run_by(&program::bin(name, built))
}

/// An example of the package, with arguments.
pub fn example(name: &str, arguments: impl Into<Command>) -> Command {
    arguments.into().run_by(&program::example(name))
}

/// A start has failed: the test fails, with the report.
#[track_caller]
pub fn fail(error: &Error) -> ! {
    panic!("{error}");
}

/// A start has failed in a test that should panic: the report is printed, and the test must
/// return, since a panic would pass it.
pub fn report(error: &Error) {
    eprintln!("{error}");
}
