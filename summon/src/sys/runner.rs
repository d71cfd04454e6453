//! Which run this process belongs to: the one of the nearest ancestor that is cargo or
//! cargo-nextest.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::fd::OwnedFd;
use super::{ending, is_privileged, missing, proc};

/// The program that runs the tests, and at whose end the run ends.
#[derive(Debug)]
pub(crate) struct Runner {
    /// The same for all processes of the run, and for no others.
    pub(crate) id: String,
    pub(crate) is_nextest: bool,
    /// Where it was called, which is where a user expects files of relative names.
    pub(crate) dir: Option<PathBuf>,
    /// What a guard watches to know that it has ended, see [`ending`].
    #[cfg_attr(windows, expect(dead_code, reason = "there is no guard to watch it"))]
    pub(crate) ending: OwnedFd,
}

impl Runner {
    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self.is_nextest {
            true => "cargo-nextest",
            false => "cargo",
        }
    }
}

/// The runner of this process, if there is one.
pub(crate) fn current() -> Option<&'static Runner> {
    static RUNNER: OnceLock<Option<Runner>> = OnceLock::new();
    RUNNER.get_or_init(find).as_ref()
}

/// The test for which nextest has made this process. Believed only here: a `cargo test` below a nextest
/// run inherits the name.
pub(crate) fn only_test() -> Option<String> {
    current().filter(|runner| runner.is_nextest)?;
    let test = std::env::var("NEXTEST_TEST_NAME").ok();
    test.filter(|test| !test.is_empty())
}

/// The path in an environment variable, if it has one: a relative one is taken from where the
/// user has called the runner, and not from the directory of each package. A program with privileges
/// of its own has a caller who may not say what it writes, and where.
pub(crate) fn path_from_env(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).filter(|path| !path.is_empty() && !is_privileged())?;
    let from = current().and_then(|runner| runner.dir.clone());
    Some(from.map_or_else(|| PathBuf::from(&path), |from| from.join(&path)))
}

/// Looks for the runner among the ancestors. A wrapper, rustup's proxy, or rustdoc may be between.
fn find() -> Option<Runner> {
    if missing().is_some() {
        // The pids that would be read are not those of our ancestors.
        return None;
    }
    let mut pid = std::process::id();
    // Bounded, since the tree may change while we climb.
    for _ in 0..256 {
        // A container may have started it as process 1, which has no parent.
        pid = proc::parent(pid).filter(|pid| *pid > 0)?;
        let programs = proc::programs(pid);
        let is = |wanted: &str| programs.iter().any(|name| unwrapped(name) == wanted);
        if is("cargo") || is("cargo-nextest") {
            return runner(pid, is("cargo-nextest"));
        }
    }
    None
}

/// Without what wrappers of some distributions add: `.cargo-wrapped`.
fn unwrapped(name: &str) -> &str {
    name.trim_start_matches('.').trim_end_matches("-wrapped")
}

fn runner(pid: u32, is_nextest: bool) -> Option<Runner> {
    let identity = proc::identity(pid)?;
    let ending = ending::of(pid).ok()?;
    // The descriptor first, this after it: had the pid been reused in between, it would differ.
    if proc::identity(pid)? != identity {
        return None;
    }
    // Two containers that were started together may well have the same pid and time.
    let mut id = format!("{} {} {pid} {identity}", proc::boot(), proc::namespace());
    // Believed only here: a `cargo test` below a nextest run inherits it.
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
        // These tests are run by cargo or by nextest, or by hand.
        let by_cargo = std::env::var_os("CARGO").is_some();
        let runner = find();
        assert!(runner.is_some() || !by_cargo);
        if let Some(runner) = runner {
            assert_eq!(runner.id, find().unwrap().id);
        }
    }
}
