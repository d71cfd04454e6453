//! A test that is killed has failed: its logs stay, and a report beside them, whoever has killed it.
//! `tests/project/tests/killed.rs` is run for real.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::project::Project;
use crate::support::{ACTOR, TempDir, eventually, hear_int, recorded, replaced};

/// A project and where its logs go.
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

    /// Runs a test under nextest, which kills it for its time-out: TERM comes first.
    fn by_nextest(test: &str) -> Killed {
        // A busy machine may need longer until the test does what it is about.
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
            if recorded(&killed.project.record()).contains(&"waiting".to_owned()) {
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

    /// A run whose test hangs, and the pid of its test process.
    fn hanging(&self, test: &str) -> (Child, String) {
        // Built before, which may take a while.
        let built = self
            .command("test --no-run --test killed")
            .output()
            .unwrap();
        assert!(built.status.success());
        let mut command = self.command(&format!("test --test killed -- --exact {test}"));
        hear_int(&mut command);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let record = self.project.record();
        eventually("its test waits", || {
            recorded(&record).contains(&"waiting".to_owned())
        });
        let text = std::fs::read_to_string(&record).unwrap();
        let pid = text.lines().find_map(|line| line.strip_prefix("waiting "));
        (child, pid.unwrap().to_owned())
    }

    /// What is left, by its name in the log directory of the process.
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

    /// The text of such a file, when all is over: no file comes after the report.
    fn text(&self, name: &str) -> String {
        let path = || self.left().into_iter().find(|it| it.ends_with(name));
        // The last thing that happens to it is that it is marked as one that stays.
        let is_kept = |path: PathBuf| {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
            mode & 0o1000 != 0
        };
        eventually(&format!("{name} is there, and stays"), || {
            path().is_some_and(is_kept)
        });
        std::fs::read_to_string(path().unwrap()).unwrap()
    }

    /// The report, without what differs from run to run.
    fn report(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("project");
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
    // The process was there for this test alone, so its directory of logs says which it was.
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
    // That of the run's other fixture, whose tests have passed, is gone.
    eventually("the other logs are removed", || killed.left().len() == 2);
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
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
