//! `SUMMON_HOLD` keeps the processes of a failed test up, so that a person can look into them. Nothing
//! is left afterwards, however the hold ends. `tests/it/hold` has what the person sees.

mod cover;
mod turns;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::project::Project;
use crate::support::{Life, eventually, family, hear_int, parent, replaced};

/// A run of the project that is held.
struct Held {
    child: Child,
    said: PathBuf,
    project: Project,
}

impl Held {
    /// Runs without a terminal.
    fn quiet(args: &str, hold: &str) -> Held {
        let project = Project::new();
        project.build();
        let mut command = project.cargo_below(&["setsid", "-w"], args);
        command.stdin(Stdio::null());
        Held::spawn(project, &mut command, hold)
    }

    /// Runs in a terminal.
    fn in_terminal(args: &str, hold: &str) -> Held {
        let project = Project::new();
        project.build();
        let cargo = project.cargo(args);
        let words = std::iter::once(cargo.get_program()).chain(cargo.get_args());
        let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
        let mut command = Command::new("script");
        command
            .args(["-qefc", &words.join(" "), "/dev/null"])
            .current_dir(cargo.get_current_dir().unwrap())
            .stdin(Stdio::piped());
        for (name, value) in cargo.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Held::spawn(project, &mut command, hold)
    }

    fn spawn(project: Project, command: &mut Command, hold: &str) -> Held {
        hear_int(command);
        // One file for stdout and stderr. With two pipes, a loaded machine reads one of them late, and
        // the result of the test then comes before the end of its hold.
        let said = PathBuf::from(project.file("said"));
        let mut file = File::options();
        let file = file.append(true).create(true).open(&said).unwrap();
        let child = command
            .env("SUMMON_HOLD", hold)
            .env("RUST_BACKTRACE", "0")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Held {
            child,
            said,
            project,
        }
    }

    fn said(&self) -> String {
        let said = std::fs::read(&self.said).unwrap();
        String::from_utf8_lossy(&said).replace("\r\n", "\n")
    }

    /// Waits until the run has written this.
    #[track_caller]
    fn says(&self, text: &str) {
        let limit = Instant::now() + Duration::from_secs(60);
        while !self.said().contains(text) {
            assert!(Instant::now() < limit, "{text:?} is not in {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the processes of the test and the test process itself. They live.
    fn lives(&self) -> Vec<Life> {
        let record = std::fs::read_to_string(self.project.record()).unwrap();
        let pids = record
            .split_whitespace()
            .filter_map(|word| word.parse().ok());
        let mut pids: Vec<u32> = pids.collect();
        pids.sort();
        pids.dedup();
        let life = |pid: &u32| Life::of(*pid).unwrap_or_else(|| panic!("{pid}: {}", self.said()));
        pids.iter().map(life).collect()
    }

    fn press(&mut self, key: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(key.as_bytes()).unwrap();
    }

    /// Waits until the run and all its processes have ended.
    fn ends(mut self, lives: &[Life]) -> String {
        let child = Mutex::new(&mut self.child);
        eventually("the run ends", || {
            child.lock().unwrap().try_wait().unwrap().is_some()
        });
        self.leaves_nothing(lives);
        self.said()
    }

    fn leaves_nothing(&self, lives: &[Life]) {
        for life in lives {
            eventually(&format!("{life:?} ends"), || !life.goes_on());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // If the test fails, the runner's death alone would leave a test process that is halted.
        if let Ok(None) = self.child.try_wait() {
            let family = family(self.child.id());
            for life in family.iter().filter(|life| life.goes_on()) {
                let pid = life.pid.to_string();
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The test process, which has the name of its binary.
fn test_process(lives: &[Life]) -> &Life {
    let mut lives = lives.iter();
    lives.find(|life| life.what.contains("/held-")).unwrap()
}

/// Where the file of a hold may be. The names of sessions begin with the pid, and an earlier process
/// of that pid may have left logs.
fn hold_files(test: &Life) -> Vec<PathBuf> {
    let pid = format!("{}-", test.pid);
    let paths = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let bases = paths(&std::env::temp_dir()).map(|it| it.path());
    let bases = bases.filter(|it| name(it).starts_with("summon-"));
    let sessions = bases.flat_map(|it| paths(&it)).map(|it| it.path());
    let sessions = sessions.filter(|it| name(it).starts_with(&pid));
    sessions.map(|it| it.join("hold")).collect()
}

/// Compares a text with the file for readers, without the parts that differ in each run.
#[track_caller]
fn reads(name: &str, text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = root.join("workspaces/project");
    let text = text.replace(crate::support::ACTOR, "actor");
    let text = text.replace(project.to_str().unwrap(), "<project>");
    let rules = [
        (
            r"/\S*/summon-\d+(?:\.\d+)?/(?:run-)?[0-9a-f-]+/",
            "<session>/",
        ),
        (r"(<session>/[\w.]+?)-\d+(\.log|\b)", "$1$2"),
        (r"\bpid \d+", "pid PID"),
        (r"kill \d+", "kill PID"),
        (r"(localhost|127\.0\.0\.1):\d+", "$1:PORT"),
        (r"-p \d+", "-p PORT"),
        (r"/\S*/summon-\d+/run-[0-9a-f]+-PG", "<session>/PG"),
        (r"known_clients_\w+", "known_clients_N"),
        (r"in_the_body_\d+", "in_the_body_N"),
        (r"\d+\.\d s before", "TIME before"),
        (r"\(\d+\) panicked", "panicked"),
    ];
    let text = replaced(&text, &rules);
    let file = root.join(format!("it/hold/{name}.txt"));
    if std::env::var_os("SUMMON_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text);
}

/// The part of the output from this text to the end of the hold.
fn part<'s>(said: &'s str, from: &str) -> &'s str {
    let (_, said) = said.split_at(said.find(from).expect(said));
    let end = "and the test goes on\n";
    let end = said.find(end).map_or(said.len(), |at| at + end.len());
    &said[..end]
}

#[test]
fn keeps_a_failed_test_up_for_its_time_and_says_what_a_person_needs() {
    let held = Held::quiet("test --test held -- --exact fails", "3s");
    held.says("go on ");
    let lives = held.lives();
    assert_eq!(lives.len(), 3, "{lives:?}");
    let said = held.ends(&lives);
    reads("cargo_test", part(&said, "panicked at"));
}

#[test]
#[cfg_attr(
    not(all(has_redis, has_postgres)),
    ignore = "no redis-server and postgres"
)]
fn names_the_clients_that_it_knows() {
    let held = Held::quiet("test --test held -- --exact known_clients", "1s");
    held.says("go on ");
    let lives = held.lives();
    let said = held.ends(&lives);
    reads(
        "known_clients",
        part(&said, "known_clients has failed, and"),
    );
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn works_under_nextest() {
    let held = Held::quiet("nextest run --test held -- --exact fails", "1s");
    let eventual = |held: &Held| std::fs::metadata(held.project.record()).is_ok();
    eventually("the test begins", || eventual(&held));
    let said = held.ends(&[]);
    reads("nextest", part(&said, "    fails has failed, and"));
}

#[test]
#[cfg_attr(not(has_script), ignore = "script is not on PATH")]
fn does_not_end_by_an_enter_from_before_it() {
    let mut held = Held::in_terminal("test --test held -- --exact fails", "1s");
    held.press("typed early\n");
    // The terminal echoes the line, so it has received it.
    held.says("typed early");
    let said = held.ends(&[]);
    let told = "summon: fails is no longer held: the time is over, and the test goes on";
    assert!(said.contains(told), "{said}");
}

#[test]
#[cfg_attr(not(has_script), ignore = "script is not on PATH")]
fn ends_when_a_person_presses_enter() {
    let mut held = Held::in_terminal("test --test held -- --exact fails", "10m");
    held.says("go on     press Enter; Ctrl-C ends the run");
    let lives = held.lives();
    assert_eq!(lives.len(), 3, "{lives:?}");
    held.press("\n");
    let said = held.ends(&lives);
    assert!(
        said.contains("summon: fails is no longer held: the test goes on"),
        "{said}"
    );
    assert!(said.contains("0 passed; 1 failed"), "{said}");
}

#[test]
#[cfg_attr(not(has_script), ignore = "script is not on PATH")]
fn ends_with_the_run_at_ctrl_c() {
    let mut held = Held::in_terminal("test --test held -- --exact fails", "10m");
    held.says("go on     press Enter");
    let lives = held.lives();
    held.press("\x03");
    let said = held.ends(&lives);
    assert!(!said.contains("test result"), "{said}");
}

#[test]
#[cfg_attr(
    not(all(has_script, has_nextest)),
    ignore = "no script and cargo-nextest"
)]
fn reaches_a_person_past_the_capture_of_nextest() {
    let mut held = Held::in_terminal("nextest run --test held -- --exact fails", "10m");
    held.says("/hold`; Ctrl-C ends the run");
    let lives = held.lives();
    assert_eq!(lives.len(), 3, "{lives:?}");
    held.press("\x03");
    held.ends(&lives);
}

#[test]
fn ends_if_its_file_is_removed() {
    let held = Held::quiet("test --test held -- --exact fails", "10m");
    held.says("  go on     `rm ");
    held.says("`; Ctrl-C ends the run");
    let said = held.said();
    let (_, command) = said.split_once("  go on     `").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let lives = held.lives();
    let run = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(run.success(), "{command}");
    let said = held.ends(&lives);
    let told = "fails is no longer held: the test goes on";
    assert!(said.contains(told), "{said}");
    let path = Path::new(command.strip_prefix("rm ").unwrap());
    assert!(!path.exists(), "{command}");
}

/// nextest captures the block, so a person reads it from the file.
#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn ends_under_nextest_if_its_file_is_removed() {
    let held = Held::quiet("nextest run --test held -- --exact fails", "10m");
    let has_both = || {
        let record = std::fs::read_to_string(held.project.record());
        record.is_ok_and(|it| it.lines().count() == 2)
    };
    eventually("the test has noted its processes", has_both);
    let lives = held.lives();
    let test = test_process(&lives);
    let is_whole = |file: &PathBuf| {
        std::fs::read_to_string(file).is_ok_and(|it| it.ends_with("ends the run\n"))
    };
    let whole = || hold_files(test).into_iter().find(is_whole);
    eventually("the hold begins", || whole().is_some());
    let file = whole().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("fails has failed, and summon holds it for 10 min\n"),
        "{text}"
    );
    std::fs::remove_file(&file).unwrap();
    let said = held.ends(&lives);
    assert!(
        said.contains("fails is no longer held: the test goes on"),
        "{said}"
    );
}

#[test]
fn ends_if_its_runner_is_killed() {
    let held = Held::quiet("test --test held -- --exact fails", "10m");
    held.says("go on ");
    let lives = held.lives();
    signal("-KILL", parent(test_process(&lives).pid));
    held.leaves_nothing(&lives);
}

#[test]
fn ends_at_its_time_even_if_the_test_process_is_halted() {
    let held = Held::quiet("test --test held -- --exact fails", "1s");
    held.says("go on ");
    let lives = held.lives();
    let test = test_process(&lives);
    signal("-STOP", test.pid);
    for life in lives.iter().filter(|life| life.pid != test.pid) {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    assert!(test.goes_on());
    signal("-KILL", test.pid);
    held.leaves_nothing(&lives);
}

#[test]
fn holds_one_test_after_the_other() {
    let held = Held::quiet("test --test held -- --test-threads 2 fails", "5s");
    held.says("); its turn comes after the hold of another test");
    let lives = held.lives();
    let said = held.ends(&lives);
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    let block = |test: &str| at(&format!("{test} has failed, and summon holds it for 5 s"));
    let end = |test: &str| at(&format!("summon: {test} is no longer held"));
    let (one, two) = match block("fails") < block("fails_too") {
        true => ("fails", "fails_too"),
        false => ("fails_too", "fails"),
    };
    assert!(end(one) < block(two) && block(two) < end(two), "{said}");
}

#[test]
fn holds_tests_that_pass_only_with_always() {
    let ran = |test: &str, hold: &str| {
        let held = Held::quiet(&format!("test --test held -- --exact {test}"), hold);
        held.ends(&[])
    };
    for test in ["passes", "should_panic"] {
        let said = ran(test, "10m");
        assert!(
            said.contains("1 passed") && !said.contains("holds it"),
            "{said}"
        );
        let said = ran(test, "always,10ms");
        let told = format!("{test} has passed, and summon holds it for 0.01 s");
        assert!(said.contains("1 passed") && said.contains(&told), "{said}");
    }
    // Nothing is up.
    let said = ran("does_not_start", "10m");
    assert!(
        said.contains("1 failed") && !said.contains("holds it"),
        "{said}"
    );
}

#[test]
fn a_wrong_time_is_an_error_that_shows_the_right_form() {
    let held = Held::quiet("test --test held -- --exact passes", "soon");
    let said = held.ends(&[]);
    let told = "`SUMMON_HOLD=soon` can't be read: `soon` is not a duration: expected number at 0";
    assert!(said.contains(told), "{said}");
    let hint =
        "hint      write `SUMMON_HOLD=10m` to hold tests that fail, or `SUMMON_HOLD=always,10m`";
    assert!(said.contains(hint), "{said}");
}

#[test]
fn a_failure_has_one_annotation_where_github_runs_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runners: &[&str] = match cfg!(has_nextest) {
        true => &[
            "test --test held --",
            "nextest run --no-fail-fast --test held --",
        ],
        false => &["test --test held --"],
    };
    for runner in runners {
        let project = Project::new();
        let args = format!("{runner} --exact fails fails_too does_not_start passes should_panic");
        let mut command = project.cargo(&args);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", root)
            .env("CARGO_TERM_COLOR", "always");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines = said.lines().map(str::trim_start);
        let mut lines: Vec<_> = lines.filter(|line| line.starts_with("::")).collect();
        lines.sort();
        reads("annotations", &(lines.join("\n") + "\n"));
    }
}
