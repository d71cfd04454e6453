//! A service works in a test program that another program runs: an emulator, a checker, the dynamic
//! loader, or an interpreter. Nothing outlives the test program.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use crate::needs::needs;
use crate::project::Project;
use crate::support::{ACTOR, Life, OWNER, REFUSE, TempDir, copy_program, eventually};
use crate::tree::Owner;

/// Runs the program `owner` through a command, kills it, and checks that nothing is left.
fn works_and_leaves_nothing(command: &mut Command) {
    let owner = Owner::from(command);
    let lives = owner.lives();
    // The warden, and a guard and a service for each of the two processes.
    assert!(lives.len() >= 5, "{lives:?}");
    let dir = owner.dir.clone();
    owner.signal(libc::SIGKILL, false);
    ended(&lives, &dir);
}

/// Waits until these processes have ended, and the directory is gone.
fn ended(lives: &[Life], dir: &Path) {
    for life in lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    eventually("its files are removed", || !dir.exists());
}

/// The arguments as a shell's command has them.
const SCRIPT: [&str; 4] = [OWNER, "stubborn", "wait", ACTOR];

fn qemu() -> String {
    format!("qemu-{}", std::env::consts::ARCH)
}

#[test]
#[cfg_attr(not(has_qemu), ignore = "needs QEMU's user mode (Debian: qemu-user)")]
fn an_emulator_runs_a_test_program() {
    works_and_leaves_nothing(Command::new(qemu()).args(SCRIPT));
}

/// `tests/run emulated` builds the test program for another processor, and names it with its emulator.
#[test]
#[ignore = "needs a program for another processor"]
fn run_by_hand_on_a_program_for_another_processor() {
    let words = std::env::var("EMULATED").unwrap();
    let words: Vec<&str> = words.split(' ').collect();
    let command = |service, ending| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args([service, ending, ACTOR]);
        command
    };
    // A panic stops the services in the program. An exit and a kill leave them to their guards.
    for ending in ["panic", "exit", "wait"] {
        let mut owner = Owner::from(&mut command("plain", ending));
        let lives = owner.lives();
        assert!(lives.len() >= 5, "{lives:?}");
        match ending {
            "wait" => owner.signal(libc::SIGKILL, false),
            _ => owner.go(),
        }
        ended(&lives, &owner.dir);
    }
}

#[test]
#[cfg_attr(not(has_qemu), ignore = "needs QEMU's user mode")]
fn an_emulator_runs_a_test_program_that_nothing_else_can_run() {
    needs!(mounting);
    // The kernel refuses to run the program, as if it were for another processor.
    let dir = TempDir::new();
    let script = "mount -t tmpfs -o noexec none $0 && cp $1 $0/owner && exec $2 -E A=b $0/owner plain wait $3";
    let words = [dir.path().to_str().unwrap(), OWNER, &qemu(), ACTOR];
    works_and_leaves_nothing(
        Command::new("unshare")
            .args(["--mount", "sh", "-c", script])
            .args(words),
    );
}

#[test]
#[cfg_attr(not(has_valgrind), ignore = "needs valgrind")]
fn a_checker_runs_a_test_program() {
    works_and_leaves_nothing(Command::new("valgrind").arg("--quiet").args(SCRIPT));
}

#[test]
fn the_dynamic_loader_runs_a_test_program() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let paths = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    let mut loaders = paths.filter(|path| {
        let name = Path::new(path).file_name();
        name.is_some_and(|name| name.to_string_lossy().starts_with("ld-"))
    });
    // A statically linked program has no loader.
    if let Some(loader) = loaders.next() {
        works_and_leaves_nothing(Command::new(loader).args(["--inhibit-cache"]).args(SCRIPT));
    }
}

#[test]
fn a_program_is_started_again_whatever_its_name() {
    let dir = TempDir::new();
    for name in [&b"ld- a\tb:c"[..], b"line\nfeed \\012", b"\xff $ORIGIN"] {
        let copy = dir.path().join(OsStr::from_bytes(name));
        copy_program(OWNER, &copy);
        works_and_leaves_nothing(Command::new(copy).args(&SCRIPT[1..]));
    }
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs Python")]
fn an_interpreter_loads_a_library_that_starts_programs() {
    let project = Project::new();
    let built = project.cargo("build --example library").output().unwrap();
    assert!(built.status.success(), "{built:?}");
    let library = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/project/debug/examples/liblibrary.so");
    works_in_python(&library);
    // The names contain the separators of the loader's list.
    let dir = TempDir::new();
    for name in [
        "a b:c/library.so",
        "plain/a b:c.so",
        "line\nfeed/and\n.so",
        "not a line\\012feed/\\012.so",
        "$ORIGIN/library.so",
    ] {
        let mut name = name.as_bytes().to_vec();
        name.push(0xff);
        let copy = dir.path().join(OsStr::from_bytes(&name));
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&library, &copy).unwrap();
        works_in_python(&copy);
    }
    let copy = dir.path().join("gone.so");
    std::fs::copy(&library, &copy).unwrap();
    let run = python(&copy, "os.unlink(sys.argv[1])").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    let expected = format!(
        "the library `{} (deleted)`, which has summon in it, can't be loaded again",
        copy.display()
    );
    assert!(said.contains(&expected), "{said}");
}

/// Starts a service from a library in Python. `prelude` runs after the library is loaded.
fn python(library: &Path, prelude: &str) -> Command {
    let script = "import ctypes, os, sys, time
os.chdir(os.path.dirname(sys.argv[1]))
library = ctypes.CDLL('./' + os.path.basename(sys.argv[1]))
exec(sys.argv[3])
library.start.restype = ctypes.c_char_p
said = library.start(sys.argv[2].encode()).decode()
said.startswith('ready') or sys.exit(said)
print(said, flush=True)
time.sleep(1000)";
    let mut python = Command::new("python3");
    python
        .args(["-c", script])
        .arg(library)
        .args([ACTOR, prelude]);
    python
}

fn works_in_python(library: &Path) {
    let owner = Owner::from(&mut python(library, ""));
    let lives = owner.lives();
    // The warden, the guard, the service, and its daemon.
    assert!(lives.len() >= 4, "{lives:?}");
    owner.signal(libc::SIGKILL, false);
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
}

#[test]
fn a_system_that_gives_orphans_to_nobody_is_told_once() {
    for error in ["ENOSYS", "EPERM"] {
        let run = Command::new(REFUSE)
            .args(["subreaper", error])
            .args([OWNER, "plain", "exit", ACTOR])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(7), "{said}");
        assert_eq!(said.matches("may outlive the tests").count(), 1, "{said}");
    }
    works_and_leaves_nothing(
        Command::new(REFUSE)
            .args(["subreaper", "ENOSYS"])
            .args([OWNER, "plain", "wait", ACTOR]),
    );
}
