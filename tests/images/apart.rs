//! Runs a part of a test in a new process of the same run.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Tells a new process that it is one.
const VARIABLE: &str = "SUMMON_TEST_APART";

/// Returns whether this process plays a part of a test.
pub(crate) fn is_here() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Runs the test with this path in a new process, with these variables.
pub(crate) fn run(test: &str, env: &[(&str, &dyn AsRef<OsStr>)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--include-ignored"]);
    command.env_remove("CI").env("RUST_BACKTRACE", "0");
    command.envs(env.iter().map(|(name, value)| (name, value.as_ref())));
    command.env(VARIABLE, "1").output().unwrap()
}

/// Returns all that a process has written.
pub(crate) fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}
