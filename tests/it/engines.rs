//! An engine that hangs is in the way of its own container only.

use std::process::Command;

use summon::OutputCoordinatedExecutor;

use crate::support::{Life, TempDir, eventually};

/// A fake Docker. Its removal of the container hangs while there is a file `hangs` beside it.
const ENGINE: &str = r#"#!/bin/sh
id=$(printf '%064d' 1)
case $1 in
--version) echo Docker version 1 ;;
info) echo '1||' ;;
image) echo 'sha256:1|linux/amd64|[]|{}' ;;
create) echo $id ;;
start) echo up; while [ ! -e "$0.gone" ]; do sleep 0.05; done ;;
ps) [ -e "$0.gone" ] || echo $id ;;
rm) while [ -e "$0.hangs" ]; do sleep 0.05; done; : >"$0.gone" ;;
esac
"#;

/// The path of the fake engine, in the process that uses it.
const VARIABLE: &str = "SUMMON_ENGINE";
const INNER: &str = "SUMMON_TEST_HANGING_ENGINE";

/// Finds a process by its command line.
fn find(is_it: impl Fn(&str) -> bool) -> Option<Life> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    pids.filter_map(Life::of).find(|life| is_it(&life.what))
}

fn kill_guard(of: &str) {
    let title = format!("summon-guard: {of}");
    let guard = find(|what| what == title).unwrap();
    let sent = Command::new("kill")
        .args(["-KILL", &guard.pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn lets_the_warden_kill_what_other_guards_have_left() {
    if std::env::var_os(INNER).is_some() {
        return while_the_engine_hangs();
    }
    let dir = TempDir::new();
    let engine = dir.file("docker");
    std::fs::write(&engine, ENGINE).unwrap();
    std::fs::write(format!("{engine}.hangs"), "").unwrap();
    let mode = Command::new("chmod").args(["755", &engine]).status();
    assert!(mode.unwrap().success());
    // summon looks for its engine once in a process, so this test runs itself in a new process.
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "engines::lets_the_warden_kill_what_other_guards_have_left",
        ])
        .env(VARIABLE, &engine)
        .env(INNER, "1")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

fn while_the_engine_hangs() {
    let engine = std::env::var(VARIABLE).unwrap();
    let own = std::process::id();
    let (contained, plain) = (format!("contained-{own}"), format!("plain-{own}"));
    let in_container = OutputCoordinatedExecutor::new("", "^up$")
        .image("x:1")
        .named(&contained);
    in_container.start().unwrap();
    // A process that leaves its group and its session does not die with its guard.
    let script = "setsid sleep 1000 & echo $!; echo up; wait";
    let beside = OutputCoordinatedExecutor::new(["sh", "-c", script], "^up$").named(&plain);
    beside.start().unwrap();
    let output = String::from_utf8(beside.output()).unwrap();
    let orphan = Life::of(output.lines().next().unwrap().parse().unwrap()).unwrap();
    let client = find(|what| what.contains(&format!("{engine} start "))).unwrap();
    kill_guard(&contained);
    let remover = format!("summon-remover: {contained}");
    eventually("its container is being removed", || {
        find(|what| what == remover).is_some()
    });
    kill_guard(&plain);
    eventually("the orphan is killed", || !orphan.goes_on());
    // An engine cleans up after a container only if its client lives.
    assert!(client.goes_on());
    assert!(find(|what| what == remover).is_some());
    std::fs::remove_file(format!("{engine}.hangs")).unwrap();
    eventually("the remover ends", || {
        find(|what| what == remover).is_none()
    });
    eventually("the client ends", || !client.goes_on());
}
