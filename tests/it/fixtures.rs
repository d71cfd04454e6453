//! A fixture starts once, lazily, and ends when the binary or the run ends. Real cargo and nextest
//! run `tests/workspaces/project`. Its servers record when they start and end.

use crate::project::Project;
use crate::support::{Life, REFUSE, WITHOUT_PIDFDS, eventually, recorded};

pub(crate) const BINARIES: &str = "--test one --test two --test three";

#[test]
fn cargo_test_starts_each_once_and_ends_it() {
    let ran = Project::new().run(&format!("test {BINARIES}")).succeeded();
    ran.one_after_the_other("run", 1);
    ran.one_after_the_other("binary", 3);
    assert_eq!(
        (ran.count("setup"), ran.count("broken"), ran.count("never")),
        (1, 1, 0)
    );
    // A fixture of the binary stops before the next binary starts. A fixture of the run stops at
    // the very end.
    assert_eq!(ran.record.last().unwrap(), "-run");
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn nextest_starts_each_once_and_calls_nothing_leaky() {
    for threads in ["1", "8"] {
        let ran = Project::new()
            .run(&format!("nextest run {BINARIES} -j {threads}"))
            .succeeded();
        ran.one_after_the_other("run", 1);
        // All processes of a binary share the fixture of the binary.
        assert_eq!(
            (ran.count("binary"), ran.count("-binary")),
            (3, 3),
            "{}",
            ran.said()
        );
        assert_eq!(
            (ran.count("setup"), ran.count("broken"), ran.count("never")),
            (1, 1, 0)
        );
        assert!(!ran.said().contains("leak"), "{}", ran.said());
    }
}

#[test]
fn one_of_the_binary_is_gone_before_its_exit_is_seen() {
    let project = Project::new();
    let output = project.cargo("test --test exits").output().unwrap();
    // The record must be complete when cargo ends. The server takes half a second to end, and this
    // test did not wait for that.
    let record = recorded(&project.record());
    assert!(output.status.success());
    assert_eq!(record, ["-slow"]);
}

#[test]
fn failed_tests_change_nothing() {
    for how in ["panic", "err", "exit"] {
        let project = Project::new();
        let ran = project.run_with(&format!("test --no-fail-fast {BINARIES}"), &[("FAIL", how)]);
        assert!(!ran.output.status.success());
        ran.one_after_the_other("run", 1);
        ran.one_after_the_other("binary", 3);
    }
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn retries_partitions_and_stress_share_it_too() {
    let ran = Project::new().run_with(
        "nextest run --no-fail-fast --retries 2 --test one",
        &[("FAIL", "err")],
    );
    assert!(!ran.output.status.success());
    ran.one_after_the_other("run", 1);
    ran.one_after_the_other("binary", 1);
    let ran = Project::new()
        .run(&format!("nextest run {BINARIES} --partition hash:1/2"))
        .succeeded();
    ran.one_after_the_other("run", 1);
    let ran = Project::new()
        .run("nextest run --test one --stress-count 3")
        .succeeded();
    ran.one_after_the_other("run", 1);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn an_archive_runs_elsewhere() {
    let project = Project::new();
    let archive = project.file("archive.tar.zst");
    project
        .run(&format!(
            "nextest archive --test one --archive-file {archive}"
        ))
        .succeeded();
    let ran = project
        .run(&format!(
            "nextest run --archive-file {archive} --workspace-remap ."
        ))
        .succeeded();
    ran.one_after_the_other("run", 1);
}

#[test]
fn sixty_four_threads_start_it_once() {
    let ran = Project::new().run("test --test rush threads").succeeded();
    ran.one_after_the_other("run", 1);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn sixty_four_processes_start_it_once() {
    let project = Project::new();
    let ran = project
        .run_with("nextest run --test rush -j 64", &[("BOOT", "300")])
        .succeeded();
    ran.one_after_the_other("run", 1);
    assert_eq!(ran.count("setup"), 1);
}

#[test]
fn two_runs_at_once_do_not_see_each_other() {
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let ran = Project::new().run("test --test one").succeeded();
                ran.one_after_the_other("run", 1);
                ran.one_after_the_other("binary", 1);
            });
        }
    });
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn another_takes_over_if_the_starter_is_killed() {
    // While the server boots or the setup runs, no other process has seen the fixture. So summon
    // ends it and starts it again.
    let run = |filter: &str, die: &str, boot: &str| {
        let args = format!("nextest run --no-fail-fast -j 1 --retries 1 --test deaths {filter}");
        Project::new()
            .run_with(&args, &[("DIE", die), ("BOOT", boot)])
            .succeeded()
    };
    let ran = run("dies_in_the_setup", "setup", "0");
    ran.one_after_the_other("run", 2);
    assert_eq!(ran.count("setup"), 2);
    let args = "nextest run --no-fail-fast -j 4 --test deaths follows_a_death";
    let env = [("DIE", "setup"), ("BOOT", "300")];
    let ran = Project::new().run_with(args, &env);
    assert!(
        ran.said().contains("4 tests run: 3 passed, 1 failed"),
        "{}",
        ran.said()
    );
    ran.one_after_the_other("run", 2);
    assert_eq!(ran.count("setup"), 2);
    let ran = run("dies_while_it_boots", "boot", "500");
    ran.one_after_the_other("run", 2);
    // A ready fixture belongs to the run, and the other processes find it.
    let ran = run("dies_when_it_is_ready", "ready", "0");
    ran.one_after_the_other("run", 1);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_real_postgres_is_initialised_and_migrated_once_for_two_binaries() {
    for runner in ["test", "nextest run"] {
        if runner == "nextest run" && cfg!(not(has_nextest)) {
            continue;
        }
        let project = Project::new();
        let ran = project
            .run(&format!("{runner} --test pg_one --test pg_two"))
            .succeeded();
        assert_eq!(
            (ran.count("initdb"), ran.count("migration")),
            (1, 1),
            "{}",
            ran.said()
        );
        // The server writes its pid to this file when it is up.
        let pid = std::fs::read_to_string(project.file("postgres")).unwrap();
        let pid = pid.trim().parse().unwrap();
        let lives = || Life::of(pid).is_some_and(|life| life.what.contains("postgres"));
        eventually("it has gone after its run", || !lives());
    }
}

#[test]
fn a_run_leaves_no_files() {
    let project = Project::new();
    let mut command = project.cargo("test --test one --test two direct");
    let ran = project.ran(command.env("TMPDIR", project.temp()));
    ran.succeeded().one_after_the_other("run", 1);
    let is_left = || {
        let bases = std::fs::read_dir(project.temp()).unwrap().flatten();
        let mut bases = bases.filter(|entry| entry.path().is_dir());
        let base = bases.next().expect("a directory of summon's").path();
        let files = std::fs::read_dir(base).unwrap().flatten();
        files
            .map(|entry| entry.file_name())
            .filter(|name| name != ".cleaned")
            .count()
    };
    eventually("its files are removed", || is_left() == 0);
}

#[test]
fn without_pidfds_one_of_the_run_starts_once_and_ends_too() {
    let project = Project::new();
    let below = [REFUSE, WITHOUT_PIDFDS[0], WITHOUT_PIDFDS[1]];
    let mut command = project.cargo_below(&below, &format!("test {BINARIES}"));
    let ran = project.ran(&mut command).succeeded();
    ran.one_after_the_other("run", 1);
}

#[test]
fn a_fixed_port_of_a_fixture_is_never_waited_for_in_vain() {
    for runner in ["test", "nextest run"] {
        if runner == "test" || cfg!(has_nextest) {
            let port = crate::turns::free_port().to_string();
            let env = [("PORT", port.as_str())];
            Project::new()
                .run_with(&format!("{runner} --test fixed --test fixed_too"), &env)
                .succeeded();
        }
    }
}
