//! Test processes that fork, change their user, or limit themselves after the first start. They
//! keep the processes that they started, and new processes get the new state.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::needs::needs;
use crate::support::{
    ACTOR, Group, Killed, Life, REFUSE, TempDir, WITHOUT_PIDFDS, eventually, family, parent,
};

const CHANGES: &str = env!("CARGO_BIN_EXE_owner_changes");

/// Runs the program, checks that it succeeds, and returns the lines that it prints.
fn said_by(what: &str) -> Vec<String> {
    let dir = TempDir::new();
    let run = Command::new(CHANGES)
        .args([what, ACTOR])
        .env("SUMMON_TRACE", dir.file("trace"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{:?}: {errors}", run.status);
    let said = String::from_utf8(run.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

fn a_child_that_ends_takes_nothing_along(how: &str) {
    let said = said_by(how);
    let whole = [
        "server",
        "sleeper",
        "fixture",
        "directory",
        "log",
        "stream",
        "trace",
        "stop",
    ];
    let mut expected: Vec<String> = whole.map(|it| format!("{it} whole")).into();
    expected.push("sleeper stopped true".into());
    assert_eq!(said, expected, "{how}");
}

#[test]
fn a_forked_child_that_unwinds_takes_nothing_along() {
    a_child_that_ends_takes_nothing_along("unwind");
}

#[test]
fn a_forked_child_that_exits_takes_nothing_along() {
    a_child_that_ends_takes_nothing_along("exit");
}

#[test]
fn a_forked_child_that_returns_takes_nothing_along() {
    a_child_that_ends_takes_nothing_along("return");
}

#[test]
fn a_forked_child_can_not_stop_what_it_has_not_started() {
    let refused = |verb: &str| {
        format!("actor can't be {verb} by a forked child of the process that started it")
    };
    let expected = [
        refused("stopped"),
        refused("killed"),
        refused("signalled"),
        "true".into(),
    ];
    assert_eq!(said_by("stop"), expected);
}

#[test]
fn a_forked_child_that_keeps_a_lease_is_told() {
    let text = said_by("lease").join("\n");
    let holder = ", which has a copy of the lease; the guard that had the port, pid ";
    assert!(text.contains(holder), "{text}");
    assert!(text.contains(" is held by pid "), "{text}");
}

#[test]
fn a_forked_child_names_its_own_things() {
    let said = said_by("random");
    assert_ne!(said[1], said[2]);
}

#[test]
fn a_forked_child_has_services_that_end_with_it() {
    let said = said_by("start");
    let (pid, inside) = said[0].split_once(' ').unwrap();
    assert_eq!((inside, said[1].as_str()), ("false", "true"));
    let pid = pid.parse().unwrap();
    let sleeps = || Life::of(pid).is_some_and(|life| life.what == "sleep 1000");
    eventually("its service ends", || !sleeps());
}

#[test]
fn a_dead_test_process_leaves_no_warden_to_a_child_that_it_has_forked() {
    leaves_no_warden_to_a_child(&mut Command::new(CHANGES));
}

#[test]
fn without_pidfds_a_dead_test_process_leaves_no_warden_to_a_child_either() {
    let mut below = Command::new(REFUSE);
    leaves_no_warden_to_a_child(below.args(WITHOUT_PIDFDS).arg(CHANGES));
}

fn leaves_no_warden_to_a_child(changes: &mut Command) {
    let changes = changes.args(["linger", ACTOR]).stdin(Stdio::null());
    let mut changes = Group::spawn(changes.stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(changes.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let (child, service) = line.trim().split_once(' ').unwrap();
    let child = Life::of(child.parse().unwrap()).unwrap();
    let helpers = family(parent(parent(service.parse().unwrap())));
    let helpers: Vec<Killed> = helpers.into_iter().map(Killed).collect();
    let child = Killed(child);
    changes.kill().unwrap();
    changes.wait().unwrap();
    for Killed(life) in &helpers {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    assert!(child.0.goes_on());
}

#[test]
fn signals_that_a_process_waits_for_reach_it() {
    assert_eq!(said_by("signal"), ["came true"; 3]);
}

#[test]
fn what_another_user_starts_is_that_users() {
    needs!(root);
    let said = said_by("user");
    let [before, after, stopped] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(before.starts_with("0 0"), "{before}");
    assert!(after.starts_with("61009 61009 "), "{after}");
    assert_eq!(stopped, "true");
}

#[test]
fn a_process_with_two_users_is_refused() {
    needs!(root);
    let said = said_by("effective user");
    let why =
        "summon starts nothing for a process whose effective user or group is not its real one";
    assert!(said[0].ends_with(why), "{said:?}");
}

#[test]
fn limits_umask_priority_and_network_are_those_of_the_moment() {
    let said = said_by("limits");
    let after: Vec<&str> = said[said.len() - 2].split(' ').collect();
    let [.., umask, limit, nice, network, _end] = after[..] else {
        panic!("{said:?}");
    };
    assert_eq!((umask, limit), ("0027", "77"));
    let before: Vec<&str> = said[0].split(' ').collect();
    let nice_before: i32 = before[before.len() - 3].parse().unwrap();
    assert_eq!(nice.parse::<i32>().unwrap(), (nice_before + 3).min(19));
    assert_eq!(network, said[said.len() - 1]);
    if said.iter().any(|line| line == "network") {
        assert_ne!(network, before[before.len() - 2]);
    }
}

#[test]
fn a_process_whose_children_are_elsewhere_is_told_so() {
    needs!(root);
    let said = said_by("pids");
    let text = said.join("\n");
    assert!(
        text.contains("new processes of this one are in another pid namespace"),
        "{text}"
    );
}

#[test]
fn a_process_that_ends_in_order_says_so_to_all_wardens_that_it_had() {
    let said = said_by("retire");
    for pid in &said[1..] {
        let pid = pid.parse().unwrap();
        let plays = || Life::of(pid).is_some_and(|life| life.what.starts_with(ACTOR));
        eventually("its services end", || !plays());
    }
    // Logs of a killed test would stay, but these are removed.
    eventually("its files are removed", || !Path::new(&said[0]).exists());
}
