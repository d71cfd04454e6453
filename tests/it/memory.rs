//! Private directories in memory, and shared memory that a killed server leaves.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use summon::servers::Postgres;
use summon::{Database, Fixture, Process, SimpleExecutor, summon};

use crate::needs::needs;
use crate::support::{Group, Life, TempDir, eventually, family, parent};

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
fn signal(pid: u32, signal: i32) {
    // SAFETY: `kill` takes any numbers.
    #[expect(unsafe_code, reason = "std can't signal processes by pid")]
    unsafe {
        libc::kill(pid.try_into().unwrap(), signal);
    }
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
    for number in [libc::SIGSTOP, libc::SIGKILL] {
        pids.iter().for_each(|pid| signal(*pid, number));
    }
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

/// Returns the pid of the server that works in a cache.
fn server_in(cache: &Path) -> Option<u32> {
    let dirs = |at: PathBuf| fs::read_dir(at).into_iter().flatten().flatten();
    let parts = dirs(cache.to_owned()).flat_map(|base| dirs(base.path()));
    let mut files = parts.map(|part| part.path().join("tree/data/postmaster.pid"));
    let text = files.find_map(|file| fs::read_to_string(file).ok())?;
    // The pid of a single-user server has a minus sign. The seventh line is the last one.
    let lines: Vec<_> = text.lines().collect();
    let is_whole = lines.len() >= 7 && text.ends_with('\n');
    is_whole.then(|| lines[0].trim_start_matches('-').parse().ok())?
}

/// A test process in whose `initdb` a halted server has memory.
struct HalfMade {
    owner: Group,
    server: u32,
    files: Vec<PathBuf>,
    cache: PathBuf,
    _temp: TempDir,
}

impl HalfMade {
    fn new() -> HalfMade {
        let temp = TempDir::new();
        // `nobody` works there.
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let cache = temp.path().join("cache");
        let owner = HalfMade::owner(&cache);
        let found = Cell::new(None);
        eventually("initdb has memory", || {
            let Some(server) = server_in(&cache) else {
                return false;
            };
            // Halted, it does not end before its death. If it has ended, initdb starts another one.
            signal(server, libc::SIGSTOP);
            let files = files_of(server);
            // Before its first word, the server may not have noted the name of the file.
            let is_begun = |file: &PathBuf| fs::read(file).is_ok_and(|it| it[..4] != [0; 4]);
            if files.is_empty() || !files.iter().all(is_begun) {
                signal(server, libc::SIGCONT);
                return false;
            }
            found.set(Some((server, files)));
            true
        });
        let (server, files) = found.take().unwrap();
        assert_eq!(segments_of(server).len(), 1);
        HalfMade {
            owner,
            server,
            files,
            cache,
            _temp: temp,
        }
    }

    fn owner(cache: &Path) -> Group {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "memory::starts_a_postgres_and_waits"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env("SUMMON_CACHE", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Group::spawn(&mut command)
    }

    fn is_gone(&self) -> bool {
        segments_of(self.server).is_empty() && !self.files.iter().any(|file| file.exists())
    }
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn of_an_initdb_goes_with_its_killed_test() {
    let mut half_made = HalfMade::new();
    half_made.owner.kill().unwrap();
    half_made.owner.wait().unwrap();
    eventually("the memory goes", || half_made.is_gone());
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn of_a_killed_initdb_goes_with_the_next_start() {
    let mut half_made = HalfMade::new();
    // Nobody is left to clean up: the test process, its warden, the guard of initdb, and initdb.
    let mut warden = half_made.server;
    while !Life::of(warden).unwrap().what.starts_with("summon-warden") {
        warden = parent(warden);
    }
    let family = family(warden);
    let family_pids = family.iter().map(|life| life.pid);
    let pids = [half_made.owner.id()].into_iter().chain(family_pids);
    let pids: Vec<u32> = pids.collect();
    // All are halted first, so that none cleans up after another. Then the last one dies first: the kernel lets
    // the halted members of a group go on when the death of others makes it an orphan (`_exit(2)`).
    pids.iter().for_each(|pid| signal(*pid, libc::SIGSTOP));
    pids.iter()
        .rev()
        .for_each(|pid| signal(*pid, libc::SIGKILL));
    half_made.owner.wait().unwrap();
    eventually("they end", || !family.iter().any(Life::goes_on));
    assert!(!half_made.is_gone(), "PostgreSQL has left it");
    let mut next = HalfMade::owner(&half_made.cache);
    let mut said = BufReader::new(next.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains('<')));
    let left = (segments_of(half_made.server), &half_made.files);
    assert!(half_made.is_gone(), "{left:?}");
    drop(next.stdin.take());
    assert!(next.wait().unwrap().success());
}
