//! The run of this process: its nearest ancestor that is cargo or cargo-nextest.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::fd::OwnedFd;
use super::{ending, is_privileged, proc, unmet};

/// The program that runs the tests. The run ends with it.
#[derive(Debug)]
pub(crate) struct Runner {
    /// The id of the run: equal for all its processes, and different for other runs.
    pub(crate) id: String,
    pub(crate) is_nextest: bool,
    /// Its working directory, where users expect files with relative paths.
    pub(crate) dir: Option<PathBuf>,
    /// A descriptor that tells a guard of its end, see [`ending`].
    pub(crate) ending: OwnedFd,
}

impl Runner {
    /// Its name for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self.is_nextest {
            true => "cargo-nextest",
            false => "cargo",
        }
    }
}

/// Returns the runner of this process, if there is one.
pub(crate) fn current() -> Option<&'static Runner> {
    static RUNNER: OnceLock<Option<Runner>> = OnceLock::new();
    // Look once. If a wrapper between cargo and this process ends, the kernel gives this process
    // another parent, and a later look would not find cargo any more.
    RUNNER.get_or_init(find).as_ref()
}

/// Returns the one test that nextest wants from this process. The variable counts only directly
/// below nextest, since a `cargo test` below a nextest run inherits it.
pub(crate) fn only_test() -> Option<String> {
    current().filter(|runner| runner.is_nextest)?;
    let test = std::env::var("NEXTEST_TEST_NAME").ok();
    test.filter(|test| !test.is_empty())
}

/// Reads a path from an environment variable. A relative path starts at the runner's working
/// directory, not at each package's. A program with privileges ignores the variable: its caller
/// must not choose where it writes.
pub(crate) fn path_from_env(name: &str) -> Option<PathBuf> {
    // `cargo test` starts each test binary in its package's directory. The runner's own directory
    // is the same for all packages of a workspace.
    let path = std::env::var_os(name).filter(|path| !path.is_empty() && !is_privileged())?;
    let from = current().and_then(|runner| runner.dir.clone());
    Some(from.map_or_else(|| PathBuf::from(&path), |from| from.join(&path)))
}

/// Looks for the runner among the ancestors. A wrapper, rustup's proxy, or rustdoc may stand
/// between.
fn find() -> Option<Runner> {
    if unmet().is_some() {
        // The pids in this `/proc` may belong to other processes, not to the ancestors.
        return None;
    }
    let mut pid = std::process::id();
    // Bounded: pids may be reused while this climbs.
    for _ in 0..256 {
        // A container may have started the runner as process 1. Its parent is pid 0.
        pid = proc::parent(pid).filter(|pid| *pid > 0)?;
        let programs = proc::programs(pid);
        let is = |wanted: &str| programs.iter().any(|name| unwrapped(name) == wanted);
        if is("cargo") || is("cargo-nextest") {
            // The nearest one only: a test that runs `cargo test` itself starts a run of its own,
            // which must end before the outer one.
            return runner(pid, is("cargo-nextest"));
        }
    }
    None
}

/// Removes the additions of some distributions' wrappers: `.cargo-wrapped`.
fn unwrapped(name: &str) -> &str {
    name.trim_start_matches('.').trim_end_matches("-wrapped")
}

fn runner(pid: u32, is_nextest: bool) -> Option<Runner> {
    let identity = proc::identity(pid)?;
    let ending = ending::of(pid).ok()?;
    // Make the descriptor first, then compare the start time again. If the pid was reused in
    // between, the start time differs, and the descriptor may be for a stranger.
    if proc::identity(pid)? != identity {
        return None;
    }
    // Containers that start together may have equal pids and times.
    let mut id = format!("{} {} {pid} {identity}", proc::boot(), proc::namespace());
    // The variable counts only directly below nextest, since a `cargo test` below a nextest run
    // inherits it.
    if let (true, Ok(run)) = (is_nextest, std::env::var("NEXTEST_RUN_ID")) {
        id = format!("{id} {run}");
    }
    Some(Runner {
        id,
        is_nextest,
        dir: proc::working_directory(pid),
        ending,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_found() {
        // cargo, nextest, or a person runs these tests.
        let by_cargo = std::env::var_os("CARGO").is_some();
        let runner = find();
        assert!(runner.is_some() || !by_cargo);
        if let Some(runner) = runner {
            assert_eq!(runner.id, find().unwrap().id);
        }
    }
}
