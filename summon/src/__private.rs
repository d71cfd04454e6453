//! What the attribute's expansion may name. Nothing here is for people, and nothing is stable.

pub use crate::fixture::{Plan, Scope as FixtureScope, Used};
pub use crate::orchestrator::{Scope, orchestrated};

pub use std::sync::Arc;

use crate::error::Error;
use crate::executor::Executor;
use crate::process::Process;

/// Starts what one item's attributes declare. Each executor comes with the name of its
/// parameter, if it has one.
pub fn scope<'a, const N: usize>(
    members: [(Option<&str>, &'a dyn Executor); N],
) -> Result<Scope<'a>, Error> {
    for (name, executor) in &members {
        // A fixture has names of its own, one for each set.
        if let (Some(name), Some(process), None) = (name, executor.process(), executor.shared_as())
        {
            process.suggest_name(name);
        }
    }
    orchestrated(members.map(|(_, executor)| executor))
}

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
