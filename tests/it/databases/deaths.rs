//! Databases while test processes die. `SUMMON_STRESS_ROUNDS=100` makes a long test of each.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::project::Project;
use crate::support::{Group, TempDir, eventually, recorded, try_lock};

/// The most databases on a server: ahead of the demand, given up, of failed tests, in the making,
/// the template, and those of the server itself. Tests that run have one each.
pub(super) const MOST: usize = 32 + 64 + 16 + 4 + 1 + 3;
/// How many tests run at a time.
const AT_ONCE: usize = 16;

fn rounds(default: usize) -> usize {
    let rounds = std::env::var("SUMMON_STRESS_ROUNDS");
    rounds.map_or(default, |it| it.parse().expect("a number of rounds"))
}

/// A run of nextest in private directories. Other runs may share its cache.
struct Run {
    project: Project,
    cache: PathBuf,
}

impl Run {
    fn new(cache: &TempDir) -> Run {
        let project = Project::new();
        fs::create_dir(project.file("temp")).unwrap();
        // The server runs as another user.
        for dir in [project.temp(), &project.temp().join("temp"), cache.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let cache = cache.path().join("cache");
        Run { project, cache }
    }

    fn command(&self, tests: &str) -> Command {
        let args = format!("nextest run --no-fail-fast -j {AT_ONCE} --test many_databases {tests}");
        let mut command = self.project.cargo(&args);
        command
            .env("TMPDIR", self.project.file("temp"))
            .env("SUMMON_CACHE", &self.cache)
            .env("SUMMON_LOG_DIR", self.project.file("logs"));
        command
    }

    fn record(&self) -> Vec<String> {
        recorded(&self.project.record())
    }

    /// Returns the rest of the lines that begin with a word.
    fn recorded(&self, word: &str) -> Vec<String> {
        let of_word = |line: &String| line.strip_prefix(word).map(str::to_owned);
        self.record().iter().filter_map(of_word).collect()
    }

    /// Checks the databases and what is left. Returns how many databases tests had.
    fn check(&self) -> usize {
        let names = self.recorded("database-");
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), different.len(), "handed out twice: {names:?}");
        assert_eq!(self.recorded("used-"), [""; 0], "handed out after a test");
        let mark = format!("RECORD={}", self.project.record());
        eventually("all processes end", || with_variable(&mark).is_empty());
        for server in self.recorded("server-").iter().collect::<BTreeSet<_>>() {
            let (pid, dir) = server.split_once('-').unwrap();
            let dir = Path::new(dir);
            assert!(!dir.exists() && !dir.parent().unwrap().exists(), "{server}");
            let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
            let mut makers = table.lines().filter_map(|it| it.split_whitespace().nth(4));
            assert!(!makers.any(|it| it == pid), "{server}: {table}");
        }
        let left = files(&self.project.temp().join("temp"));
        let left = left.iter().filter(|path| !path.is_dir() && !is_mark(path));
        let left: Vec<_> = left.collect();
        assert!(left.is_empty(), "{left:?}");
        let held = files(&self.cache).into_iter().filter(|path| {
            let is_lock = path.extension().is_some_and(|it| it == "lock");
            is_lock && !try_lock(&fs::File::open(path).unwrap())
        });
        let held: Vec<_> = held.collect();
        assert!(held.is_empty(), "{held:?}");
        names.len()
    }
}

/// Returns the processes with this variable.
fn with_variable(variable: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let has_it = |path: &PathBuf| {
        let all = fs::read(path.join("environ")).unwrap_or_default();
        let mut all = all.split(|byte| *byte == 0);
        all.any(|it| it == variable.as_bytes())
    };
    processes.map(|it| it.path()).filter(has_it).collect()
}

/// Returns everything below a directory, save the results in a cache.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|it| it.path())
    {
        if path.is_dir() && path.file_name().unwrap() != "tree" {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found
}

/// Returns whether a file notes when directories were cleaned last.
fn is_mark(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with('.')
}

/// Returns the children of a process.
fn children(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let of_task = |task: fs::DirEntry| fs::read_to_string(task.path().join("children"));
    let of_tasks: String = tasks
        .flatten()
        .filter_map(|task| of_task(task).ok())
        .collect();
    of_tasks.split_whitespace().map(str::to_owned).collect()
}

fn random(below: usize) -> usize {
    RandomState::new().hash_one(0) as usize % below
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_nextest)),
    ignore = "no postgres or no cargo-nextest"
)]
fn of_random_processes_give_no_database_to_two_tests_and_leave_nothing() {
    let cache = TempDir::new();
    let (mut killed, mut had) = (0, 0);
    let rounds = rounds(2);
    for _ in 0..rounds {
        let run = Run::new(&cache);
        run.project.build();
        let mut command = run.command("m00 m01 m02 m03");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut runner = Group::spawn(&mut command);
        let killed_before = killed;
        while runner.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(random(100) as u64));
            // At first, children list the tests. On a busy machine, most tests would be killed before they
            // have a database, so no more are killed than had one.
            if killed - killed_before >= run.recorded("database-").len() {
                continue;
            }
            let children = children(runner.id());
            if let Some(victim) = children.get(random(children.len().max(1))) {
                let sent = Command::new("kill").args(["-KILL", victim]).output();
                killed += usize::from(sent.unwrap().status.success());
            }
        }
        had += run.check();
    }
    println!("{rounds} runs, {killed} processes were killed, {had} databases");
    assert!(killed >= rounds && had >= 10 * rounds, "{killed} {had}");
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_nextest)),
    ignore = "no postgres or no cargo-nextest"
)]
fn of_one_test_in_ten_leave_no_more_databases_than_the_bounds_allow() {
    let (cache, modules) = (TempDir::new(), rounds(4));
    let run = Run::new(&cache);
    run.project.build();
    let filters: Vec<_> = (0..modules).map(|it| format!("m{it:02}::")).collect();
    let ran = run.command(&filters.join(" ")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(run.check(), 10 * modules, "{said}");
    let counts = run.recorded("count-");
    let most = counts.iter().map(|it| it.parse::<usize>().unwrap()).max();
    println!(
        "{} tests, {modules} were killed, {most:?} databases at most",
        10 * modules
    );
    assert!(most.unwrap() <= MOST + AT_ONCE, "{most:?}");
    let summary = format!("{} passed, {modules} failed", 9 * modules);
    assert!(said.contains(&summary), "{said}");
    assert_eq!(run.recorded("fill").len(), 1, "{said}");
}
