//! Private directories in memory, and shared memory that a killed server leaves.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use summon::servers::Postgres;
use summon::{Database, Fixture, Process, SimpleExecutor, summon};

use crate::needs::needs;
use crate::support::{Group, TempDir, eventually, family, parent, state};

mod half_made;

fn sleeper() -> SimpleExecutor {
    SimpleExecutor::new("sleep 1000")
}

fn is_in_memory(dir: &Path) -> bool {
    dir.starts_with("/dev/shm")
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn keeps_a_directory_until_the_drop() {
    let server = sleeper().in_memory(true).with_file("file", "text");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    assert!(is_in_memory(&dir), "{}", dir.display());
    assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "text");
    server.restart().unwrap();
    drop(server);
    assert!(!dir.exists() && !dir.parent().unwrap().exists());
}

#[summon::fixture(simple = "sleep 1000", template = nothing)]
static WITH_TEMPLATE: Fixture;

#[summon::fixture(simple = "sleep 1000", template = nothing, in_memory = false)]
static ON_DISK: Fixture;

fn nothing(_: &Database) -> Result<(), String> {
    Ok(())
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn is_used_for_a_fixture_with_a_template() {
    assert!(is_in_memory(WITH_TEMPLATE.dir()));
}

#[test]
fn is_not_used_unless_asked_for() {
    assert!(!is_in_memory(sleeper().dir()));
    assert!(!is_in_memory(sleeper().in_memory(false).dir()));
    assert!(!is_in_memory(ON_DISK.dir()));
    // Another user could not enter it.
    assert!(!is_in_memory(
        sleeper().in_memory(true).dir_mode(0o755).dir()
    ));
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn belongs_to_the_user_of_the_process() {
    needs!(root);
    let server = sleeper().in_memory(true).user("nobody");
    let server = server.before("touch {dir}/by-nobody");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    assert!(is_in_memory(&dir) && dir.join("by-nobody").exists());
    drop(server);
    assert!(!dir.exists() && !dir.parent().unwrap().exists());
}

#[test]
#[ignore = "another test runs it, with variables"]
fn starts_and_waits() {
    let own = sleeper().in_memory(std::env::var_os("IN_MEMORY").is_some());
    let server: &Process = match std::env::var_os("TEMPLATE") {
        Some(_) => &WITH_TEMPLATE,
        None => {
            own.start().unwrap();
            &own
        }
    };
    println!("<{}>", server.dir().display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn is_not_used_without_room_for_files() {
    needs!(mounting);
    let mount = "mount -t tmpfs -o size=3G,nr_inodes=200 none /dev/shm && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "memory::starts_and_waits"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env("IN_MEMORY", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("</") && !said.contains("</dev/shm"), "{said}");
}

/// Signals a process of this test's child, which is alive until now.
pub(crate) fn signal(pid: u32, signal: i32) {
    // SAFETY: `kill` takes any numbers.
    #[expect(unsafe_code, reason = "std can't signal processes by pid")]
    unsafe {
        libc::kill(pid.try_into().unwrap(), signal);
    }
}

/// Kills processes so that none cleans up after another. A child comes after its parent.
pub(crate) fn kill_together(pids: &[u32]) {
    pids.iter().for_each(|pid| signal(*pid, libc::SIGSTOP));
    // On a busy machine the first thread of a process takes the signal late, and the others go on until then.
    eventually("they halt", || pids.iter().all(|pid| state(*pid) == 'T'));
    // The last one dies first: the kernel lets the halted members of a group go on when the death of others
    // makes it an orphan (`_exit(2)`).
    let last_first = pids.iter().rev();
    last_first.for_each(|pid| signal(*pid, libc::SIGKILL));
}

/// A test process with a process of its own.
struct Owner {
    child: Child,
    dir: PathBuf,
    /// Open until the end: the test process writes to it.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Owner {
    fn start(temp: &TempDir, set: &[(&str, &str)]) -> Owner {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::starts_and_waits", "--ignored"])
            .args(["--nocapture", "--test-threads=1"])
            .env("TMPDIR", temp.path())
            .envs(set.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = said
            .by_ref()
            .map(Result::unwrap)
            .find(|it| it.contains('<'));
        let line = line.unwrap();
        let dir = line.split(['<', '>']).nth(1).unwrap().into();
        Owner {
            child,
            dir,
            _said: said,
        }
    }

    fn end(mut self) -> PathBuf {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        self.dir
    }
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn is_for_all_by_a_variable() {
    let temp = TempDir::new();
    let dir = Owner::start(&temp, &[("SUMMON_MEMORY", "1")]).end();
    assert!(is_in_memory(&dir) && !dir.exists());
    let off = ("SUMMON_MEMORY", "0");
    for wish in [("IN_MEMORY", "1"), ("TEMPLATE", "1")] {
        let dir = Owner::start(&temp, &[off, wish]).end();
        assert!(!is_in_memory(&dir), "{wish:?}");
    }
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn is_free_after_the_death_of_the_test_process() {
    let temp = TempDir::new();
    let mut owner = Owner::start(&temp, &[("IN_MEMORY", "1")]);
    assert!(is_in_memory(&owner.dir) && owner.dir.exists());
    owner.child.kill().unwrap();
    owner.child.wait().unwrap();
    let parent = owner.dir.parent().unwrap();
    eventually("the directory goes", || !parent.exists());
}

#[test]
#[cfg_attr(not(has_memory), ignore = "/dev/shm has less than 2 GB")]
fn is_free_after_the_next_run_if_all_were_killed() {
    let (temp, others) = (TempDir::new(), TempDir::new());
    let mut owner = Owner::start(&temp, &[("IN_MEMORY", "1")]);
    let alive = Owner::start(&others, &[("IN_MEMORY", "1")]);
    // The warden is nobody's child, and the guard is the warden's.
    let marked = format!("TMPDIR={}", temp.path().display());
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|variable| variable == marked.as_bytes()) {
            pids.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|it| it.parse::<u32>().ok()),
            );
        }
    }
    assert!(pids.len() >= 4, "{pids:?}");
    kill_together(&pids);
    owner.child.wait().unwrap();
    let parent = owner.dir.parent().unwrap().to_owned();
    // No process of this run is left that could remove it. The next run has another temporary directory, as other
    // tests do: the place in memory is common to all.
    eventually("the directory goes", || {
        Owner::start(&TempDir::new(), &[("SUMMON_MEMORY", "0")]).end();
        !parent.exists()
    });
    assert!(alive.dir.exists(), "a live process uses it");
    assert!(!alive.end().exists());
}

/// Returns the segments that a process has made (`proc_sysvipc(5)`).
pub(crate) fn segments_of(pid: u32) -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let is_its = |line: &&str| line.split_whitespace().nth(4) == Some(&*pid.to_string());
    table.lines().filter(is_its).map(str::to_owned).collect()
}

/// Returns the files in memory that a process has mapped.
pub(crate) fn files_of(pid: u32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let paths = maps.lines().filter_map(|line| line.split_once("/dev/shm/"));
    let mut files: Vec<_> = paths.map(|it| Path::new("/dev/shm").join(it.1)).collect();
    files.dedup();
    files
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn of_a_killed_server_goes_with_its_directory() {
    // By default the files are in the data directory.
    let pg = Postgres::new().args(["-c", "dynamic_shared_memory_type=posix"]);
    pg.start().unwrap();
    let pid = pg.id().unwrap();
    let files = files_of(pid);
    assert_eq!((segments_of(pid).len(), files.is_empty()), (1, false));
    pg.kill().unwrap();
    assert_eq!(segments_of(pid).len(), 1, "PostgreSQL has left it");
    assert!(
        files.iter().all(|file| file.exists()),
        "PostgreSQL has left them"
    );
    drop(pg);
    assert_eq!(segments_of(pid), Vec::<String>::new());
    assert!(!files.iter().any(|file| file.exists()), "{files:?}");
}

#[test]
#[ignore = "another test runs it, and kills it"]
fn starts_a_postgres_and_waits() {
    let pg = Postgres::new().in_memory(true);
    pg.start().unwrap();
    println!("<{} {}>", pg.id().unwrap(), pg.dir().display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn of_a_server_whose_guard_was_killed_goes_too() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "memory::starts_a_postgres_and_waits"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut owner = Group::spawn(&mut command);
    let mut said = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = said
        .by_ref()
        .map(Result::unwrap)
        .find(|it| it.contains('<'));
    let line = line.unwrap();
    let (pid, dir) = line
        .split(['<', '>'])
        .nth(1)
        .unwrap()
        .split_once(' ')
        .unwrap();
    let (pid, dir) = (pid.parse().unwrap(), Path::new(dir));
    assert_eq!(segments_of(pid).len(), 1);
    let guard = parent(pid);
    let lives = family(guard);
    assert!(lives.len() > 1);
    for victim in [guard, owner.id()] {
        signal(victim, libc::SIGKILL);
    }
    eventually("the segment goes", || segments_of(pid).is_empty());
    eventually("the directory goes", || {
        !dir.parent().unwrap().exists() || !dir.exists()
    });
}

#[summon(executor = Postgres::new().in_memory(true))]
#[test]
#[cfg_attr(
    not(all(has_postgres, has_memory)),
    ignore = "no postgres, or /dev/shm has less than 2 GB"
)]
fn has_a_whole_server(pg: &Postgres) {
    assert!(is_in_memory(pg.dir()));
    let mut client = postgres::Client::connect(&pg.url("/postgres"), postgres::NoTls).unwrap();
    client
        .batch_execute("CREATE TABLE names (name TEXT)")
        .unwrap();
    pg.restart().unwrap();
}
