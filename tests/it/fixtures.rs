//! A fixture starts once, lazily, and ends when the binary or the run ends. Real cargo and nextest
//! run `tests/workspaces/project`. Its servers record when they start and end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::project::Project;
use crate::support::{
    ACTOR, Group, Killed, Life, REFUSE, WITHOUT_PIDFDS, eventually, family, hear_int, recorded,
};

const BINARIES: &str = "--test one --test two --test three";

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

/// Starts a run that does not end on its own, and waits until its test waits.
fn waiting(project: &Project, args: &str) -> Group {
    project.build();
    let mut command = project.cargo(args);
    hear_int(&mut command);
    let child = Group::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    eventually("its test waits", || {
        recorded(&project.record()).contains(&"waiting".to_owned())
    });
    child
}

fn kill(what: &str, pid: &str) {
    let killed = Command::new("kill")
        .args([what, "--", pid])
        .status()
        .unwrap();
    assert!(killed.success());
}

fn ends_with_its_runner(args: &str, signal: &str, group: bool) {
    let project = Project::new();
    let mut child = waiting(&project, args);
    let pids = |word: &str| -> Vec<u32> {
        let text = std::fs::read_to_string(project.record()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|pid| pid.trim().parse().unwrap()).collect()
    };
    // A runner that is killed can't end its test. summon ends only the services, so this guard ends
    // the test.
    let _test = Killed(Life::of(pids("waiting ")[0]).unwrap());
    let service = Life::of(pids("run ")[0]).unwrap();
    let own = Life::of(pids("own ")[0]).unwrap();
    let pid = child.id().to_string();
    kill(signal, &if group { format!("-{pid}") } else { pid });
    child.wait().unwrap();
    let ended = Instant::now();
    eventually("the fixture ends with its runner", || !service.goes_on());
    println!(
        "`cargo {args}` {signal}: gone {:?} after its end",
        ended.elapsed()
    );
    eventually("so does a service of the test's own", || !own.goes_on());
    // The next run works.
    let ran = project.run("test --test one direct").succeeded();
    assert_eq!(ran.count("run"), 2);
}

#[test]
fn a_killed_runner_takes_it_along() {
    ends_with_its_runner("test --test deaths waits", "-KILL", false);
}

#[test]
fn a_ctrl_c_takes_it_along() {
    ends_with_its_runner("test --test deaths waits", "-INT", true);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn a_killed_nextest_takes_it_along() {
    ends_with_its_runner("nextest run --test deaths waits", "-KILL", false);
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn a_ctrl_c_at_nextest_takes_it_along() {
    ends_with_its_runner("nextest run --test deaths waits", "-INT", true);
}

#[test]
fn without_a_runner_it_is_the_binarys() {
    let project = Project::new();
    let built = project
        .cargo("test --no-run --test one --message-format json")
        .output()
        .unwrap();
    let text = String::from_utf8(built.stdout).unwrap();
    let mut executables = text
        .split("\"executable\":\"")
        .filter_map(|it| it.split('"').next());
    let exe = executables.find(|it| it.contains("/deps/one-")).unwrap();
    // The orphan runs neither below this test's runner nor below another one: its parent has ended.
    let alone = "while [ $PPID != 1 ] && [ -d /proc/$PPID ]; do :; done; exec \"$0\" direct";
    let mut orphan = Command::new("setsid");
    orphan.args(["--fork", "sh", "-c", alone, exe]);
    orphan.env("ACTOR", ACTOR).env("RECORD", project.record());
    assert!(orphan.stdout(Stdio::null()).status().unwrap().success());
    eventually("it has started and ended", || {
        recorded(&project.record()) == ["run", "setup", "-run"]
    });
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
fn a_wrapper_and_rustdoc_may_be_between() {
    let project = Project::new();
    // The kernel cuts the process name within a character.
    let wrapper = project.temp().join("bibliothèque_é_wrapper");
    std::fs::write(&wrapper, "#!/bin/sh\n\"$@\"\nexit $?\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&wrapper, mode).unwrap();
    let host = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";
    let env = [(host, wrapper.to_str().unwrap())];
    let ran = project
        .run_with(&format!("test {BINARIES}"), &env)
        .succeeded();
    ran.one_after_the_other("run", 1);
    let ran = Project::new().run("test --doc").succeeded();
    ran.one_after_the_other("run", 1);
}

/// Starts cargo as process 1 of a pid namespace, as `docker run` does.
const AS_PROCESS_1: [&str; 4] = ["unshare", "--pid", "--fork", "--mount-proc"];

#[test]
#[cfg_attr(not(may_mount), ignore = "mounts file systems, as root can")]
fn a_runner_that_is_process_1_is_found() {
    for runner in ["test", "nextest run"] {
        if runner == "test" || cfg!(has_nextest) {
            let project = Project::new();
            let args = format!("{runner} --test one --test two");
            let mut command = project.cargo_below(&AS_PROCESS_1, &args);
            // When process 1 ends, the kernel kills all other processes of the namespace, so
            // nothing removes their files.
            let ran = project
                .ran(command.env("TMPDIR", project.temp()))
                .succeeded();
            assert_eq!(ran.count("run"), 1, "{}", ran.said());
        }
    }
}

/// Cargo as process 1 of a pid namespace, before it runs any test.
struct Container {
    child: Child,
    began: String,
}

impl Container {
    /// Starts a container that waits for a file `go` in the project's directory.
    fn start(project: &Project) -> Container {
        let wait = "echo `cut -d' ' -f22 /proc/1/stat`; while [ ! -e \"$TMPDIR/go\" ]; do :; done; \
                    exec \"$0\" \"$@\"";
        let shell = [&AS_PROCESS_1[..], &["sh", "-c", wait]].concat();
        let mut command = project.cargo_below(&shell, "test --test deaths waits");
        command.env("TMPDIR", project.temp()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut began = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut began).unwrap();
        Container { child, began }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Killing only `unshare` would leave its process 1 alive.
        for life in family(self.child.id()).iter().skip(1) {
            let pid = life.pid.to_string();
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
        let _ = self.child.wait();
    }
}

#[test]
#[cfg_attr(not(may_mount), ignore = "mounts file systems, as root can")]
fn runs_of_the_same_pid_and_time_do_not_meet() {
    // This resembles two containers that share a network and a temporary directory.
    let project = Project::new();
    let start = || {
        let containers = [(), ()].map(|()| Container::start(&project));
        let [one, other] = &containers;
        (one.began == other.began).then_some(containers)
    };
    let containers = (0..200).find_map(|_| start());
    let _containers = containers.expect("two that begin in the same tick of the clock");
    std::fs::write(project.file("go"), "").unwrap();
    let count = |word: &str| {
        let record = recorded(&project.record());
        record.iter().filter(|line| *line == word).count()
    };
    eventually("both use the fixture", || count("waiting") == 2);
    assert_eq!(count("run"), 2);
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
#[cfg_attr(not(has_qemu), ignore = "QEMU's user mode is not on PATH")]
fn a_runner_that_is_emulated_is_found() {
    let project = Project::new();
    let qemu = format!("qemu-{}", std::env::consts::ARCH);
    let mut command = project.cargo_below(&[&qemu], "test --test one --test two");
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
