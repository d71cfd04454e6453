//! What the attribute's expansion may name. Nothing here is for people, and nothing is stable.

pub use crate::orchestrator::{Scope, orchestrated};

use crate::error::Error;
use crate::executor::Executor;

/// Starts what one item's attributes declare. Each executor comes with the name of its
/// parameter, if it has one.
pub fn scope<'a>(members: Vec<(Option<&str>, &'a dyn Executor)>) -> Result<Scope<'a>, Error> {
    for (name, executor) in &members {
        if let (Some(name), Some(process)) = (name, executor.process()) {
            process.suggest_name(name);
        }
    }
    let executors: Vec<&dyn Executor> = members.into_iter().map(|(_, it)| it).collect();
    orchestrated(executors)
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
