//! If the runner is killed and its test is not, nothing outlives the run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use summon::{OutputCoordinatedExecutor, Signal, SimpleExecutor};

use crate::support::{Life, TempDir, actor, copy_program, eventually, family, hear_int, parent};

/// The variable with the directory of the runner.
const DIR: &str = "SUMMON_TESTS_DIR";
/// The longest time that a test without a runner waits.
const OUTLIVES: &str = "10s";

/// A shell named `cargo` that runs a test of this binary until it is killed.
struct Runner {
    child: Child,
    dir: TempDir,
}

impl Runner {
    fn runs(test: &str) -> Runner {
        let dir = TempDir::new();
        let cargo = dir.file("cargo");
        copy_program("/bin/sh", &cargo);
        let mut command = Command::new(cargo);
        hear_int(&mut command);
        let child = command
            .args(["-c", "\"$0\" \"$@\" & wait"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", &format!("runner::{test}")])
            .env(DIR, dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Runner { child, dir }
    }

    /// Returns the text that the test wrote to a file.
    fn told(&self, name: &str) -> String {
        let file = self.dir.path().join(name);
        eventually(name, || file.exists());
        std::fs::read_to_string(file).unwrap()
    }

    fn pid(&self, name: &str) -> Life {
        Life::of(self.told(name).parse().unwrap()).unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The test may wait for something that never happens.
        if let Ok(pid) = std::fs::read_to_string(self.dir.path().join("test")) {
            let test = Life::of(pid.parse().unwrap());
            if test.is_some_and(|test| test.what.contains("runner::")) {
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
            }
        }
    }
}

/// Writes a file atomically, for the other test to read.
fn tell(name: &str, text: &str) {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    std::fs::write(dir.join("new"), text).unwrap();
    std::fs::rename(dir.join("new"), dir.join(name)).unwrap();
}

fn own_file(name: &str) -> String {
    Path::new(&std::env::var_os(DIR).unwrap())
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
#[ignore = "another test runs it, and kills its runner"]
fn run_by_another_and_outlives_its_runner() {
    tell("test", &std::process::id().to_string());
    let script = actor(["stranger", "ignore", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "^up$").stop_timeout("100ms");
    server.start().unwrap();
    tell("service", &server.id().unwrap().to_string());
    eventually("the service goes", || !server.is_running());
    let stopped = server.stop().unwrap_err();
    let started = SimpleExecutor::new("sleep 1000").start().unwrap_err();
    tell("errors", &format!("{stopped}\n{started}"));
}

#[test]
fn that_is_killed_takes_the_services_of_its_tests_along_and_they_say_why() {
    let mut runner = Runner::runs("run_by_another_and_outlives_its_runner");
    let service = runner.pid("service");
    let lives = family(parent(service.pid));
    assert_eq!(lives.len(), 3, "{lives:?}");
    assert!(lives.iter().all(Life::goes_on));
    runner.kill();
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    let errors = runner.told("errors");
    let why = "why       cargo, which ran this test, has ended, and nothing outlives the run";
    assert!(
        errors.starts_with("actor was stopped before this test stopped it\n"),
        "{errors}"
    );
    assert!(errors.contains(why), "{errors}");
    let refused =
        "sleep could not be started: it can't be guarded: cargo, which ran this test, has ended\n";
    assert!(errors.contains(refused), "{errors}");
}

#[test]
#[ignore = "another test runs it, and kills its runner"]
fn run_by_another_and_prepares() {
    tell("test", &std::process::id().to_string());
    let command = actor(["record", &own_file("before"), "before", "wait"]);
    let server = SimpleExecutor::new("sleep 1000")
        .before(command)
        .timeout("1h");
    let error = server.start().unwrap_err();
    tell("error", &error.to_string());
}

#[test]
fn that_is_killed_takes_commands_before_a_service_along() {
    let mut runner = Runner::runs("run_by_another_and_prepares");
    let before = runner.dir.path().join("before");
    let text = || std::fs::read_to_string(&before).unwrap_or_default();
    eventually("the command runs", || text().ends_with('\n'));
    let pid = text().trim().strip_prefix("before ").unwrap().parse();
    let command = Life::of(pid.unwrap()).unwrap();
    runner.kill();
    eventually("the command ends", || !command.goes_on());
    let error = runner.told("error");
    assert!(
        error.contains("cargo, which ran this test, has ended"),
        "{error}"
    );
}

#[test]
#[ignore = "another test runs it, and kills its runner"]
fn run_by_another_and_stops() {
    tell("test", &std::process::id().to_string());
    let record = own_file("record");
    let script = actor(["linger", "3000", "farewell", &record, "bye", "say", "up"]);
    let server = OutputCoordinatedExecutor::new(script, "^up$").stop_timeout("60s");
    server.start().unwrap();
    server.signal(Signal::TERM).unwrap();
    tell("service", &server.id().unwrap().to_string());
    // The runner ends now.
    server.wait("60s").unwrap();
    tell(
        "record-seen",
        &std::fs::read_to_string(record).unwrap_or_default(),
    );
}

#[test]
fn that_is_killed_leaves_a_service_the_grace_that_it_has() {
    let mut runner = Runner::runs("run_by_another_and_stops");
    runner.told("service");
    runner.kill();
    assert!(runner.told("record-seen").starts_with("bye "));
}

#[test]
#[ignore = "another test runs it, and kills its runner"]
fn run_by_another_and_halts() {
    tell("test", &std::process::id().to_string());
    // The guard reports each line. The halted owner does not read, until the socket is full.
    let script = "echo up; while [ ! -e $0 ]; do :; done; \
                  i=0; while [ $i -lt 30000 ]; do echo $i; i=$((i+1)); done; : > $0.done; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(["sh", "-c", script, &own_file("go")], "^up$");
    server.start().unwrap();
    tell("service", &server.id().unwrap().to_string());
    let me = std::process::id().to_string();
    let halted = Command::new("kill").args(["-STOP", &me]).status();
    assert!(halted.unwrap().success());
    // The process continues when the drop kills its runner.
    drop(server.wait(OUTLIVES));
}

#[test]
fn that_is_killed_takes_the_guard_of_a_halted_test_along() {
    let mut runner = Runner::runs("run_by_another_and_halts");
    let (test, service) = (runner.pid("test"), runner.pid("service"));
    let guard = Life::of(parent(service.pid)).unwrap();
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", test.pid)).unwrap();
    eventually("the test halts", || stat().contains(") T "));
    std::fs::write(runner.dir.file("go"), "").unwrap();
    runner.told("go.done");
    runner.kill();
    eventually("the service ends", || !service.goes_on());
    eventually("its guard ends", || !guard.goes_on());
    assert!(test.goes_on());
}
