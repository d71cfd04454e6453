//! A fixture finds the runner of its tests behind wrappers, and ends with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::fixtures::BINARIES;
use crate::needs::needs;
use crate::project::Project;
use crate::support::{ACTOR, Group, Killed, Life, eventually, family, hear_int, recorded};

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

/// Cargo as process 1 of a pid namespace, before it runs any test.
struct Container {
    child: Child,
    began: String,
}

impl Container {
    /// Starts containers that wait for a file `go` in the project's directory: all before it looks when they began,
    /// so that some begin at the same time.
    fn start<const N: usize>(project: &Project) -> [Container; N] {
        let wait = "echo `cut -d' ' -f22 /proc/1/stat`; while [ ! -e \"$TMPDIR/go\" ]; do :; done; \
                    exec \"$0\" \"$@\"";
        let shell = [&AS_PROCESS_1[..], &["sh", "-c", wait]].concat();
        let children = [(); N].map(|()| {
            let mut command = project.cargo_below(&shell, "test --test deaths waits");
            command.env("TMPDIR", project.temp()).stdout(Stdio::piped());
            command.stderr(Stdio::null()).spawn().unwrap()
        });
        children.map(|mut child| {
            let mut began = String::new();
            let stdout = child.stdout.as_mut().unwrap();
            BufReader::new(stdout).read_line(&mut began).unwrap();
            Container { child, began }
        })
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
fn a_runner_that_is_process_1_is_found() {
    needs!(mounting);
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

#[test]
fn runs_of_the_same_pid_and_time_do_not_meet() {
    needs!(mounting);
    // This resembles two containers that share a network and a temporary directory.
    let project = Project::new();
    project.build();
    let start = || {
        let mut containers = Vec::from(Container::start::<4>(&project));
        containers.sort_by(|one, other| one.began.cmp(&other.began));
        let same = |pair: &[Container]| pair[0].began == pair[1].began;
        let at = containers.windows(2).position(same)?;
        Some(containers.drain(at..at + 2).collect::<Vec<_>>())
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
#[cfg_attr(not(has_qemu), ignore = "QEMU's user mode is not on PATH")]
fn a_runner_that_is_emulated_is_found() {
    let project = Project::new();
    let qemu = format!("qemu-{}", std::env::consts::ARCH);
    let mut command = project.cargo_below(&[&qemu], "test --test one --test two");
    let ran = project.ran(&mut command).succeeded();
    ran.one_after_the_other("run", 1);
}
