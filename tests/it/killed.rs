//! A killed test has failed: its logs stay, with a report beside them, no matter which process
//! killed the test. A real runner runs `tests/workspaces/project/tests/killed.rs`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::project::Project;
use crate::support::{ACTOR, Group, TempDir, eventually, hear_int, recorded, replaced};

/// A project and the directory of its logs.
struct Killed {
    project: Project,
    logs: TempDir,
}

impl Killed {
    fn new() -> Killed {
        Killed {
            project: Project::new(),
            logs: TempDir::new(),
        }
    }

    /// Runs a test under nextest, which kills the test at its time-out with TERM first.
    fn by_nextest(test: &str) -> Killed {
        // On a busy machine, the test may need longer to reach the point where it waits.
        for seconds in [1, 5, 30] {
            let killed = Killed::new();
            let config = killed.logs.file("nextest.toml");
            let timeout = format!("period = \"{seconds}s\", terminate-after = 1");
            let text = format!("[profile.default]\nslow-timeout = {{ {timeout} }}\n");
            std::fs::write(&config, text).unwrap();
            let args = format!(
                "nextest run --config-file {config} --no-fail-fast --test killed -- {test}"
            );
            let output = killed.command(&args).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("TIMEOUT"), "{said}");
            let waits = recorded(&killed.project.record()).contains(&"waiting".to_owned());
            // Other tests may have needed longer, too.
            if waits && said.contains(" 1 timed out") {
                return killed;
            }
        }
        panic!("the test never gets to where it waits")
    }

    fn command(&self, args: &str) -> std::process::Command {
        let mut command = self.project.cargo(args);
        command.env("SUMMON_LOG_DIR", self.logs.path().join("logs"));
        command
    }

    /// Starts a run with a test that hangs, and returns the run and the pid of its test process.
    fn hanging(&self, test: &str) -> (Group, String) {
        // Builds the tests first, because the build may take long.
        let built = self
            .command("test --no-run --test killed")
            .output()
            .unwrap();
        assert!(built.status.success());
        let mut command = self.command(&format!("test --test killed -- --exact {test}"));
        hear_int(&mut command);
        let child = Group::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let record = self.project.record();
        eventually("its test waits", || {
            recorded(&record).contains(&"waiting".to_owned())
        });
        let text = std::fs::read_to_string(&record).unwrap();
        let pid = text.lines().find_map(|line| line.strip_prefix("waiting "));
        (child, pid.unwrap().to_owned())
    }

    /// Returns the remaining files in the log directories of the processes.
    fn left(&self) -> Vec<PathBuf> {
        let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
        let sessions = entries(&self.logs.path().join("logs"));
        let mut left: Vec<_> = sessions
            .flat_map(|it| entries(&it.path()))
            .map(|it| it.path())
            .collect();
        left.sort();
        left
    }

    /// Returns the text of a file when no more files will follow. The report is the last file.
    fn text(&self, name: &str) -> String {
        let path = || self.left().into_iter().find(|it| it.ends_with(name));
        // summon sets the sticky bit last, to mark a file that stays.
        let is_kept = |path: PathBuf| {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
            mode & 0o1000 != 0
        };
        eventually(&format!("{name} is there, and stays"), || {
            path().is_some_and(is_kept)
        });
        std::fs::read_to_string(path().unwrap()).unwrap()
    }

    /// Returns the report without the parts that differ from run to run.
    fn report(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("workspaces/project");
        let logs = self.logs.path().join("logs");
        let text = self.text("report.txt").replace(ACTOR, "actor");
        let text = text.replace(root.to_str().unwrap(), "<project>");
        let text = text.replace(logs.to_str().unwrap(), "<logs>");
        replaced(
            &text,
            &[
                (r"<logs>/killed-(?:\d+|run)-[0-9a-f]+/", "<logs>/"),
                (r"<logs>/(killed-\w+)-\d+-[0-9a-f]+/", "<logs>/$1/"),
                (r"/\S*/summon-\d+/[\w-]+/", "<session>/"),
                (r"killed\.rs:\d+", "killed.rs:LINE"),
            ],
        )
    }
}

const OF_A_SERVER: &str = "\
server was alive when its test was killed
  test      hangs
  declared  tests/killed.rs:LINE
  command   actor say up serve <session>/server
  directory <project>
  output    since it was ready (1 line before), last 1 of 1 line, <logs>/hangs.server.log
            | asked by this test

";

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn by_its_runner_for_its_time_out() {
    let killed = Killed::by_nextest("--exact hangs");
    // Only this test used the process, so the log directory has the name of the test.
    let expected = OF_A_SERVER.replace("<logs>/", "<logs>/killed-hangs/");
    assert_eq!(killed.report(), expected);
    assert_eq!(killed.text("hangs.server.log"), "up\nasked by this test\n");
}

#[test]
fn by_anybody() {
    let killed = Killed::new();
    let (mut child, pid) = killed.hanging("hangs");
    send("-KILL", &pid);
    child.wait().unwrap();
    assert_eq!(killed.report(), OF_A_SERVER);
    assert_eq!(killed.text("hangs.server.log"), "up\nasked by this test\n");
}

#[test]
fn with_executors_that_it_has_started_by_hand() {
    let killed = Killed::new();
    let (mut child, pid) = killed.hanging("hangs_with_executors_of_its_own");
    send("-ABRT", &pid);
    child.wait().unwrap();
    let report = killed.report();
    let first =
        "sleeper was alive when its test was killed\n  test      hangs_with_executors_of_its_own\n";
    assert!(report.starts_with(first), "{report}");
}

#[test]
fn leaves_nothing_if_somebody_interrupts_it() {
    let killed = Killed::new();
    let (mut child, _) = killed.hanging("hangs");
    assert!(
        killed
            .left()
            .iter()
            .any(|it| it.ends_with("hangs.server.log"))
    );
    send("-INT", &format!("-{}", child.id()));
    child.wait().unwrap();
    eventually("its files are removed", || killed.left().is_empty());
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn with_a_fixture_that_others_use_too() {
    let killed = Killed::by_nextest("_with_a_fixture");
    let expected = "\
SHARED was alive when its test was killed
  test      hangs_with_a_fixture
  declared  tests/killed.rs:LINE
  command   actor say up serve <session>/SHARED
  directory <project>
  output    last 1 of 1 line, <logs>/SHARED.log
            | asked by this test

";
    assert_eq!(killed.report(), expected);
    let log = killed.text("SHARED.log");
    assert!(log.contains("asked by this test\n"), "{log}");
    // The log of the run's other fixture is removed, because its tests have passed.
    eventually("the other logs are removed", || killed.left().len() == 2);
}

#[test]
fn with_a_fixture_that_it_exports() {
    let killed = Killed::new();
    let (mut child, pid) = killed.hanging("hangs_with_an_export");
    send("-KILL", &pid);
    child.wait().unwrap();
    let told = "EXPORTED was alive when its test was killed\n";
    eventually("its report is there", || killed.report().contains(told));
    let report = killed.report();
    assert_eq!(report.matches(told).count(), 1, "{report}");
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn leaves_nothing_of_a_fixture_if_somebody_interrupts_it() {
    let killed = Killed::new();
    let built = killed
        .command("nextest run --no-run --test killed")
        .output()
        .unwrap();
    assert!(built.status.success());
    let mut command = killed.command("nextest run --test killed -- --exact hangs_with_a_fixture");
    hear_int(&mut command);
    let mut child = Group::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let record = killed.project.record();
    eventually("its test waits", || {
        recorded(&record).contains(&"waiting".to_owned())
    });
    send("-INT", &format!("-{}", child.id()));
    child.wait().unwrap();
    eventually("its files are removed", || killed.left().is_empty());
}

fn send(signal: &str, pid: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, "--", pid])
        .status();
    assert!(sent.unwrap().success());
}
