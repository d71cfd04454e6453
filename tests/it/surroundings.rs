//! In hostile surroundings, a start works, or an error says what happened. In both cases nothing is
//! left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::needs::needs;
use crate::support::{ACTOR, REFUSE, TempDir, copy_program, eventually};

/// A separate test process, with copies of all files that it needs, so that other users can run it.
struct Guest {
    dir: TempDir,
    command: Command,
}

/// The reports of the two attempts: an error, or `None` if the attempt worked.
type Reports = Vec<Option<String>>;

impl Guest {
    /// Runs the guest after the commands of a shell.
    fn after(prelude: &str) -> Guest {
        Guest::run_by(&["sh", "-c", &format!("{prelude}\nexec \"$0\" \"$1\"")])
    }

    /// Runs the guest through other programs.
    fn run_by(words: &[&str]) -> Guest {
        let dir = TempDir::new();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for (name, program) in [
            ("owner", env!("CARGO_BIN_EXE_owner_confined")),
            ("actor", ACTOR),
        ] {
            copy_program(program, dir.file(name));
        }
        let report = dir.file("report");
        fs::write(&report, "").unwrap();
        fs::set_permissions(&report, fs::Permissions::from_mode(0o666)).unwrap();
        fs::create_dir(dir.file("tmp")).unwrap();
        fs::set_permissions(dir.file("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args([dir.file("owner"), dir.file("actor")])
            .env("REPORT", report)
            .env("TMPDIR", dir.file("tmp"))
            .env("RUST_BACKTRACE", "0");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SUMMON_") {
                command.env_remove(&name);
            }
        }
        Guest { dir, command }
    }

    fn env(mut self, name: &str, value: &str) -> Guest {
        self.command.env(name, value);
        self
    }

    fn tmp(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    /// Runs the guest to its end, checks that nothing is left, and returns its reports.
    fn reports(mut self) -> Reports {
        let output = self.command.output().unwrap();
        let text = fs::read_to_string(self.dir.file("report")).unwrap();
        fs::write(self.dir.file("report"), "").unwrap();
        let reports: Reports = text
            .split_inclusive("works\n")
            .flat_map(|part| part.split_inclusive("\n\n"))
            .map(|part| part.strip_prefix("error: ").map(str::to_owned))
            .collect();
        assert!(
            output.status.success() && reports.len() == 2,
            "{}\n{text}\n{}",
            output.status,
            said(&output)
        );
        eventually("nothing runs any more", || {
            running_from(self.dir.path()).is_empty()
        });
        let left = files(&self.tmp());
        // Logs that an error names stay.
        let is_kept = |path: &PathBuf| {
            let path = path.to_str().unwrap();
            reports.iter().flatten().any(|error| error.contains(path))
        };
        let left: Vec<_> = left.into_iter().filter(|path| !is_kept(path)).collect();
        assert!(left.is_empty(), "{left:?}\n{text}");
        reports
    }

    fn works(self) {
        let reports = self.reports();
        assert!(reports.iter().all(Option::is_none), "{reports:?}");
    }

    /// Checks that each attempt fails with an error that contains `why`.
    fn fails(self, why: &str) {
        let reports = self.reports();
        let is_right = |report: &Option<String>| report.as_ref().is_some_and(|it| it.contains(why));
        assert!(reports.iter().all(is_right), "{reports:#?}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Returns the processes that run a program from a directory.
fn running_from(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let programs = entries.filter_map(|entry| fs::read_link(entry.path().join("exe")).ok());
    programs
        .filter(|program| program.starts_with(dir))
        .collect()
}

/// Returns all files below a directory, without summon's marker file.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    let below = |path: PathBuf| match path.symlink_metadata().unwrap().is_dir() {
        true => files(&path),
        false => vec![path],
    };
    let files = entries.flat_map(|entry| below(entry.path()));
    files.filter(|path| !path.ends_with(".cleaned")).collect()
}

#[test]
fn with_few_descriptors() {
    Guest::after("ulimit -n 64").works();
    // Each error names the descriptors, no matter where they run out.
    for limit in (6..40).rev() {
        let guest = Guest::after(&format!("ulimit -n {limit}"));
        for error in guest.env("TIMEOUT", "2s").reports().into_iter().flatten() {
            assert!(error.contains("os error 24"), "{limit}: {error}");
        }
    }
}

#[test]
fn with_closed_standard_streams() {
    Guest::after("exec <&- >&- 2>&-").works();
}

#[test]
fn with_sigchld_ignored() {
    Guest::run_by(&["env", "--ignore-signal=CHLD"]).works();
}

#[test]
fn with_all_signals_blocked() {
    Guest::run_by(&["env", "--block-signal"]).works();
}

#[test]
fn with_somebody_who_reaps_every_child() {
    Guest::after("").env("FIRST", "reap").works();
}

#[test]
fn with_a_test_binary_that_is_deleted() {
    Guest::after("").env("FIRST", "delete").works();
}

#[test]
fn with_a_test_binary_that_is_replaced() {
    Guest::after("").env("FIRST", "replace").works();
}

#[test]
fn with_a_working_directory_that_is_gone() {
    let guest = Guest::after("").env("FIRST", "use no directory");
    let gone = guest.dir.file("gone");
    let why = "the test has no working directory";
    guest.env("GONE", &gone).fails(why);
}

#[test]
fn with_ten_thousand_environment_variables() {
    let mut guest = Guest::after("");
    for number in 0..10_000 {
        guest.command.env(format!("VARIABLE_{number}"), "value");
    }
    guest.works();
}

#[test]
fn with_a_temporary_directory_of_a_long_name() {
    let mut guest = Guest::after("");
    let long = guest.tmp().join("long".repeat(50));
    fs::create_dir(&long).unwrap();
    guest.command.env("TMPDIR", long);
    guest.works();
}

#[test]
fn with_no_temporary_directory() {
    let mut guest = Guest::after("");
    let none = guest.dir.file("none");
    guest.command.env("TMPDIR", &none);
    guest.fails(&format!(
        "hint      create the directory {none}, or set TMPDIR to another one"
    ));
}

/// The first of the uids, which no users have, so that only the processes of this test count.
const NOBODY: u32 = 62000;

#[test]
fn with_few_processes_allowed() {
    needs!(root);
    let mut worked = 0;
    for limit in 1..12 {
        // A process counts until process 1 has reaped it, so each round needs another user.
        let user = format!("--reuid={}", NOBODY + limit);
        // Some shells can't set this limit.
        let limited = format!("--nproc={limit}");
        let guest = Guest::run_by(&["setpriv", &user, "--clear-groups", "prlimit", &limited]);
        let reports = guest.env("TIMEOUT", "2s").reports();
        worked += reports.iter().filter(|report| report.is_none()).count();
        for error in reports.into_iter().flatten() {
            // The server itself may be the one that can't make a thread.
            if error.starts_with("server exited with code 101") {
                continue;
            }
            assert!(error.contains("os error 11"), "{limit}: {error}");
            let names_the_call = error.contains("did not become summon's warden: `fork` failed");
            let has_hint = error.contains("the limit of processes is reached (`ulimit -u`");
            assert!(has_hint || names_the_call, "{limit}: {error}");
        }
    }
    assert!(worked > 0);
}

/// Runs the guest in a mount namespace, after the commands of a shell.
fn in_other_mounts(prelude: &str) -> Guest {
    let script = format!("set -e\n{prelude}\nexec \"$0\" \"$1\"");
    Guest::run_by(&["unshare", "--mount", "sh", "-c", &script])
}

#[test]
fn without_proc() {
    needs!(mounting);
    in_other_mounts("mount -t tmpfs none /proc")
        .fails("server could not be started: it can't be guarded: `/proc` is not mounted");
}

#[test]
fn with_proc_of_another_pid_namespace() {
    needs!(mounting);
    let why = "server could not be started: it can't be guarded: `/proc` shows the processes of \
               another pid namespace";
    Guest::run_by(&["unshare", "--pid", "--fork"]).fails(why);
    Guest::run_by(&["unshare", "--pid", "--fork", "--mount-proc"]).works();
}

#[test]
fn with_children_in_another_pid_namespace() {
    needs!(mounting);
    let guest = Guest::after("").env("FIRST", "unshare pids");
    guest.fails("it can't be guarded: new processes of this one are in another pid namespace");
}

#[test]
fn with_a_temporary_directory_that_is_read_only() {
    needs!(mounting);
    let guest = in_other_mounts("mount -t tmpfs -o ro none \"$TMPDIR\"");
    guest.fails("Read-only file system (os error 30)");
}

#[test]
fn with_a_temporary_directory_that_is_full() {
    needs!(mounting);
    let fill = "mount -t tmpfs -o size=16k none \"$TMPDIR\"\nmkdir -m 700 \"$TMPDIR/summon-0\"\n\
                cat /dev/zero >\"$TMPDIR/zero\" 2>/dev/null || true";
    let guest = in_other_mounts(fill);
    guest.env("TIMEOUT", "2s").fails("No space left on device");
}

/// Imitates a container engine with a seccomp profile older than the system calls.
#[test]
fn without_pidfds() {
    for error in ["ENOSYS", "EPERM"] {
        Guest::run_by(&[REFUSE, "pidfd_open,pidfd_send_signal", error]).works();
    }
}

/// The source of a library that moves the clock by a year, forward and backward in turn.
const JUMPING_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    static int looks;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    if (clock == CLOCK_REALTIME) at->tv_sec += ++looks % 2 ? 31536000 : -31536000;
    return result;
}
"#;

#[test]
#[cfg_attr(not(has_cc), ignore = "cc is not on PATH")]
fn with_a_clock_that_jumps() {
    let guest = Guest::after("");
    let (source, library) = (guest.dir.file("clock.c"), guest.dir.file("clock.so"));
    fs::write(&source, JUMPING_CLOCK).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", &library, &source, "-ldl"])
        .status();
    assert!(built.unwrap().success());
    let year = |preload: &str| {
        let mut date = Command::new("date");
        let output = date.arg("+%Y").env("LD_PRELOAD", preload).output().unwrap();
        said(&output)
    };
    assert_ne!(year(&library), year(""));
    // summon looks at the clock for the logs that it keeps and for the trace.
    let trace = guest.dir.file("trace.json");
    let guest = guest
        .env("LD_PRELOAD", &library)
        .env("SUMMON_TRACE", &trace);
    guest.works();
}

/// Returns summon's directory below the guest's temporary directory.
fn base(guest: &Guest, user: &str) -> PathBuf {
    guest.tmp().join(format!("summon-{user}"))
}

fn user() -> String {
    let own = fs::metadata("/proc/self").unwrap();
    std::os::unix::fs::MetadataExt::uid(&own).to_string()
}

#[test]
fn with_a_file_in_the_way() {
    let mut guest = Guest::after("");
    let base = base(&guest, &user());
    fs::write(&base, "").unwrap();
    guest.refuses(&base);
    assert!(base.is_file());
}

#[test]
fn with_a_link_in_the_way() {
    let mut guest = Guest::after("");
    let (base, elsewhere) = (base(&guest, &user()), guest.dir.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &base).unwrap();
    guest.refuses(&base);
    assert_eq!(files(&elsewhere), Vec::<PathBuf>::new());
}

#[test]
fn with_a_directory_that_others_may_enter() {
    let mut guest = Guest::after("");
    let base = base(&guest, &user());
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    guest.refuses(&base);
}

#[test]
fn with_a_directory_of_another_user() {
    needs!(root);
    let mut guest = Guest::after("");
    let base = base(&guest, "0");
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&base, Some(61_008), None).unwrap();
    guest.refuses(&base);
}

/// Runs in a user namespace that maps all other users to the number of this user.
#[test]
fn with_a_directory_of_another_user_of_the_same_number() {
    needs!(root);
    let mut guest = Guest::run_by(&["unshare", "--user", "--map-user=65534"]);
    let base = base(&guest, "65534");
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&base, Some(61_008), None).unwrap();
    guest.refuses(&base);
}

impl Guest {
    /// Checks that the guest refuses a directory to which other users have access, and names the
    /// directory.
    fn refuses(&mut self, base: &Path) {
        let output = self.command.output().unwrap();
        let report = fs::read_to_string(self.dir.file("report")).unwrap();
        let wanted =
            "it must be a directory of this user's with mode 0700; remove it, or set TMPDIR";
        assert_eq!(
            report.matches(wanted).count(),
            2,
            "{report}{}",
            said(&output)
        );
        assert!(
            report.contains(&format!("directory {}\n", base.display())),
            "{report}"
        );
    }
}
