//! `SUMMON_ENGINE` chooses the engine, and an error says in seconds which one does not work.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use summon::SimpleExecutor;

use crate::apart;
use crate::engine::{ACTOR, script};
use crate::support::TempDir;

/// Starts a container in a separate process, and returns its output.
fn run(engine: &dyn AsRef<OsStr>) -> String {
    let began = Instant::now();
    let output = apart::run(
        "choice::that_does_not_work_says_why_in_seconds",
        &[("SUMMON_ENGINE", engine)],
    );
    // The engine has 10 s to answer.
    assert!(began.elapsed() < Duration::from_secs(60));
    apart::said(&output)
}

#[test]
fn that_does_not_work_says_why_in_seconds() {
    if apart::is_here() {
        let error = SimpleExecutor::new("say x").image(ACTOR).start();
        println!("[{}]", error.unwrap_err());
        return;
    }
    let dir = TempDir::new();
    let version = "[ $1 = info ] || { echo Docker version 1; exit; }; ";
    let hangs = script(&dir, "docker", &format!("{version}sleep 1000"));
    let refuses = script(
        &dir,
        "refuses",
        &format!(
            "{version}echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1"
        ),
    );
    for (engine, parts) in [
        (
            "no such engine",
            ["`no such engine` is not in PATH", "SUMMON_ENGINE is set"],
        ),
        (
            "/no/such/engine",
            ["`/no/such/engine` does not exist", "SUMMON_ENGINE is set"],
        ),
        ("true", ["`", "true` is neither Docker nor Podman"]),
        (
            &hangs,
            [
                "did not answer within ",
                "the daemon hangs or is overloaded",
            ],
        ),
        (
            &refuses,
            ["it said   permission denied while", "usermod -aG docker"],
        ),
    ] {
        let said = run(&engine);
        for part in parts {
            assert!(said.contains(part), "{engine}: {said}\nlacks {part}");
        }
    }
}
