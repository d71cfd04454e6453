//! Helpers that several test modules use.

use std::ffi::OsStr;
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use summon::TcpCoordinatedExecutor;

/// The program that plays any server. Its arguments are its script.
pub(crate) const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
/// The program that plays a test process.
pub(crate) const OWNER: &str = env!("CARGO_BIN_EXE_owner");

/// Runs a program to which the kernel refuses some system calls: `REFUSE CALLS ERROR PROGRAM
/// ARGS..`.
pub(crate) const REFUSE: &str = env!("CARGO_BIN_EXE_refuse_syscalls");
/// The arguments of [`REFUSE`] that imitate a container engine with a seccomp profile older than
/// these calls.
pub(crate) const WITHOUT_PIDFDS: [&str; 2] = ["pidfd_open,pidfd_send_signal", "EPERM"];

/// Returns the command with which the actor plays a script, given as words.
pub(crate) fn actor<const N: usize>(script: [&str; N]) -> Vec<String> {
    let words = std::iter::once(ACTOR).chain(script);
    words.map(str::to_owned).collect()
}

/// Returns an actor that is ready when it listens on a free port.
pub(crate) fn tcp<const N: usize>(script: [&str; N], host: &str) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(actor(script), host, 0)
}

/// Waits until the condition is true. The limit suits a machine under heavy load.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the error of a start that fails at its limit. The limit is short at first. It grows
/// while the error lacks `expected`, because a loaded machine may need longer to run the program.
pub(crate) fn error_at_limit(expected: &str, start: impl Fn(&str) -> summon::Error) -> String {
    let mut error = String::new();
    for limit in ["300ms", "3s", "30s"] {
        error = start(limit).to_string();
        if error.contains(expected) {
            break;
        }
    }
    error
}

/// All tests of this binary share one warden. A test that kills the warden takes the write lock, so
/// that no other test notices.
static WARDEN: RwLock<()> = RwLock::new(());

/// Keeps the warden alive until the guard is dropped.
pub(crate) fn with_the_warden() -> RwLockReadGuard<'static, ()> {
    WARDEN.read().unwrap_or_else(PoisonError::into_inner)
}

/// Allows the caller to kill the warden until the guard is dropped.
pub(crate) fn against_the_warden() -> RwLockWriteGuard<'static, ()> {
    WARDEN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the path of a process's log. The name must be unique among the processes of this test.
pub(crate) fn log_of(process: &summon::Process) -> PathBuf {
    let test = std::thread::current().name().unwrap().replace("::", "-");
    let name = format!("{test}.{}.log", process.name());
    process.dir().with_file_name(name)
}

/// A process that can't be mistaken for a later process with the same pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    began: String,
    pub(crate) what: String,
}

impl Life {
    pub(crate) fn of(pid: u32) -> Option<Life> {
        let fields = stat(pid)?;
        // A zombie has ended. Its parent reaps it.
        if ["Z", "X"].contains(&fields[0].as_str()) {
            return None;
        }
        let what = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(Life {
            pid,
            began: fields[19].clone(),
            what: String::from_utf8_lossy(&what)
                .replace('\0', " ")
                .trim()
                .to_owned(),
        })
    }

    pub(crate) fn goes_on(&self) -> bool {
        Life::of(self.pid).is_some_and(|now| now.began == self.began)
    }
}

/// Kills a process and its descendants when the test ends, if the process is still alive.
pub(crate) struct Killed(pub(crate) Life);

impl Drop for Killed {
    fn drop(&mut self) {
        if self.0.goes_on() {
            let pids = family(self.0.pid).into_iter().map(|it| it.pid.to_string());
            let _ = Command::new("kill").arg("-KILL").args(pids).status();
        }
    }
}

pub(crate) fn parent(pid: u32) -> u32 {
    stat(pid).unwrap()[1].parse().unwrap()
}

/// Returns the letter with which `/proc` describes the state of a process.
pub(crate) fn state(pid: u32) -> char {
    stat(pid).unwrap()[0].chars().next().unwrap()
}

/// Returns the fields of `/proc/PID/stat` from the state on. The name before the state may contain
/// any bytes.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = String::from_utf8_lossy(&stat[name_ends + 1..]);
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Copies the actor to a long name. The kernel cuts the name within a character, so `/proc` shows a
/// name that is not UTF-8.
pub(crate) fn actor_whose_name_is_no_text(dir: &TempDir) -> String {
    let copy = dir.file("bibliothèque_é_serveur");
    copy_program(ACTOR, &copy);
    copy
}

/// Returns the process and all its descendants.
pub(crate) fn family(pid: u32) -> Vec<Life> {
    let mut found: Vec<Life> = Life::of(pid).into_iter().collect();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        found.extend(family(child.parse().unwrap()));
    }
    found
}

/// Copies a program that a test will execute. `cp` writes the copy in a separate process. If this
/// process had the copy open for writing, a fork in another thread would inherit the descriptor
/// until its `exec`, and executing the copy would fail with `ETXTBSY` (`execve(2)`).
pub(crate) fn copy_program(from: &str, to: impl AsRef<OsStr>) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// Returns a command that runs this test binary below a program with the name of cargo. Fixtures of the
/// binary end with it, whatever runs the tests.
pub(crate) fn under_cargo(dir: &TempDir) -> Command {
    let cargo = dir.file("cargo");
    copy_program("/bin/sh", &cargo);
    let mut command = Command::new(cargo);
    // Without a command after it, a shell would become the binary.
    command.args(["-c", "\"$0\" \"$@\"; exit $?"]);
    command.arg(std::env::current_exe().unwrap());
    command
}

/// A child that leads a process group. If the test fails, the drop kills the group.
pub(crate) struct Group(pub(crate) Child);

impl Group {
    /// Starts the command as the leader of a new process group.
    pub(crate) fn spawn(command: &mut Command) -> Group {
        Group(command.process_group(0).spawn().unwrap())
    }
}

impl Deref for Group {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Group {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The child has not been reaped, so the kernel can't give its pid to another process.
        if let Ok(None) = self.0.try_wait() {
            let group = format!("-{}", self.0.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = self.0.wait();
        }
    }
}

/// A directory that the drop removes when the test ends.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        // Each name is used once: the programs of a test that has ended may still write into its directory.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("summon-tests-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            match std::fs::create_dir(&dir) {
                Ok(()) => return TempDir(dir),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no temporary directory: {error}"),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file in the directory, as text for a script.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the first word of each line of a record, without the pids.
pub(crate) fn recorded(file: &str) -> Vec<String> {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// Connects to the server and returns its greeting.
pub(crate) fn ask(addr: std::net::SocketAddr) -> String {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    answer.trim().to_owned()
}

/// Restores the default action of INT in a child. A script that runs these tests in the background
/// ignores INT, and children inherit that.
pub(crate) fn hear_int(command: &mut Command) {
    let hear = || {
        // SAFETY: no handler runs.
        #[expect(unsafe_code, reason = "std changes no dispositions")]
        unsafe {
            libc::signal(libc::SIGINT, libc::SIG_DFL)
        };
        Ok(())
    };
    // SAFETY: signal is async-signal-safe.
    #[expect(unsafe_code, reason = "std changes no dispositions")]
    unsafe {
        command.pre_exec(hear)
    };
}

/// Locks a file unless another process holds the lock. `File::try_lock` is younger than the oldest
/// compiler that builds the tests.
pub(crate) fn try_lock(file: &std::fs::File) -> bool {
    let file = std::os::fd::AsRawFd::as_raw_fd(file);
    // SAFETY: the borrow keeps the file open during the call.
    #[expect(unsafe_code, reason = "std locks no files in Rust 1.85")]
    unsafe {
        libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) == 0
    }
}

/// Replaces the matches of each pattern by a plain text.
pub(crate) fn replaced(text: &str, rules: &[(&str, &str)]) -> String {
    rules
        .iter()
        .fold(text.to_owned(), |text, (pattern, plain)| {
            // The feature set leaves out the Unicode tables.
            let mut pattern = regex::bytes::RegexBuilder::new(pattern);
            let pattern = pattern.unicode(false).build().unwrap();
            let text = pattern.replace_all(text.as_bytes(), plain.as_bytes());
            String::from_utf8(text.into_owned()).unwrap()
        })
}
