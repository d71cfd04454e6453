//! What several promises need.

use std::ffi::OsStr;
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// Plays any server; the words after it are its script.
pub(crate) const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
/// Plays a test process.
pub(crate) const OWNER: &str = env!("CARGO_BIN_EXE_owner");

/// Runs a program to which the kernel refuses some system calls: `REFUSE CALLS ERROR PROGRAM ARGS..`.
pub(crate) const REFUSE: &str = env!("CARGO_BIN_EXE_refuse");
/// As below a container engine whose profile is older than these calls.
pub(crate) const WITHOUT_PIDFDS: [&str; 2] = ["pidfd_open,pidfd_send_signal", "EPERM"];

/// A command that has the actor play a script, given as words.
pub(crate) fn actor<const N: usize>(script: [&str; N]) -> Vec<String> {
    let words = std::iter::once(ACTOR).chain(script);
    words.map(str::to_owned).collect()
}

/// Waits for a condition. The limit is for a machine that does many other things.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a start says that fails at its limit. The limit is short at first. It becomes longer while the
/// error lacks `expected`, since a loaded machine may not have come to run the program by then.
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

/// All tests of this binary have one warden, and some kill it, which others would notice.
static WARDEN: RwLock<()> = RwLock::new(());

/// For a test that needs the warden to live as long as this does.
pub(crate) fn with_the_warden() -> RwLockReadGuard<'static, ()> {
    WARDEN.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that kills it.
pub(crate) fn against_the_warden() -> RwLockWriteGuard<'static, ()> {
    WARDEN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Where the log of a process of this test is, if no other of the test is called alike.
pub(crate) fn log_of(process: &summon::Process) -> PathBuf {
    let test = std::thread::current().name().unwrap().replace("::", "-");
    let name = format!("{test}.{}.log", process.name());
    process.dir().with_file_name(name)
}

/// A process that can't be mistaken for a later one of the same pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    began: String,
    pub(crate) what: String,
}

impl Life {
    pub(crate) fn of(pid: u32) -> Option<Life> {
        let fields = stat(pid)?;
        // A zombie has ended; it is its parent's business.
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

/// Kills a process when the test ends, if it is still there then.
pub(crate) struct Killed(pub(crate) Life);

impl Drop for Killed {
    fn drop(&mut self) {
        if self.0.goes_on() {
            let pid = self.0.pid.to_string();
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    }
}

pub(crate) fn parent(pid: u32) -> u32 {
    stat(pid).unwrap()[1].parse().unwrap()
}

/// The letter that `/proc` has for what a process does.
pub(crate) fn state(pid: u32) -> char {
    stat(pid).unwrap()[0].chars().next().unwrap()
}

/// What `/proc` says of a process, from its state on. The name before that may be any bytes.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = String::from_utf8_lossy(&stat[name_ends + 1..]);
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// A copy of the actor. The kernel cuts its name within a character, so that what `/proc` has for
/// it is no text.
pub(crate) fn actor_whose_name_is_no_text(dir: &TempDir) -> String {
    let copy = dir.file("bibliothèque_é_serveur");
    copy_program(ACTOR, &copy);
    copy
}

/// The process and everything below it.
pub(crate) fn family(pid: u32) -> Vec<Life> {
    let mut found: Vec<Life> = Life::of(pid).into_iter().collect();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        found.extend(family(child.parse().unwrap()));
    }
    found
}

/// Copies a program that is to be run. A process of its own writes it: what this one has open for
/// writing a fork of another thread has too, until it executes something, and then the program can't
/// be run (`ETXTBSY` in `execve(2)`).
pub(crate) fn copy_program(from: &str, to: impl AsRef<OsStr>) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// A child that leads a process group. A test that fails kills the group.
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
        // Until it is waited for, nobody else gets its pid.
        if let Ok(None) = self.0.try_wait() {
            let group = format!("-{}", self.0.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = self.0.wait();
        }
    }
}

/// A directory that is removed when the test ends.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        for number in 0.. {
            let name = format!("summon-tests-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            match std::fs::create_dir(&dir) {
                Ok(()) => return TempDir(dir),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no temporary directory: {error}"),
            }
        }
        unreachable!("numbers end")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it, as text for a script.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The first words of a record's lines, without the pids.
pub(crate) fn recorded(file: &str) -> Vec<String> {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// What a server says to a new connection.
pub(crate) fn ask(addr: std::net::SocketAddr) -> String {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    answer.trim().to_owned()
}

/// Has a child take INT as usual: whoever runs these tests in the background of a script has it
/// ignored, and children inherit that.
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

/// A text with each pattern replaced by what stands for it.
pub(crate) fn replaced(text: &str, rules: &[(&str, &str)]) -> String {
    rules
        .iter()
        .fold(text.to_owned(), |text, (pattern, plain)| {
            // Without the tables of Unicode, which the feature set leaves out.
            let mut pattern = regex::bytes::RegexBuilder::new(pattern);
            let pattern = pattern.unicode(false).build().unwrap();
            let text = pattern.replace_all(text.as_bytes(), plain.as_bytes());
            String::from_utf8(text.into_owned()).unwrap()
        })
}
