//! Cleaning up removes only summon's files. It does not follow mounts below them or links of
//! another user.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use summon::{OutputCoordinatedExecutor, SimpleExecutor};

use crate::needs::needs;
use crate::project::Project;
use crate::support::{Group, TempDir, eventually, hear_int, try_lock};

/// Runs a test of this binary in a separate process, through other programs.
fn run(words: &[&str], test: &str, temp: &TempDir, how: &str) -> Output {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env("TMPDIR", temp.path())
        .env("HOW", how)
        .env_remove("SUMMON_LOG_DIR")
        .env_remove("SUMMON_KEEP");
    command.output().unwrap()
}

fn run_here(test: &str, temp: &TempDir) -> Output {
    run(&["env"], test, temp, "")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Returns the directories and files of all sessions in a temporary directory.
fn sessions(temp: &Path) -> Vec<PathBuf> {
    let entries = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|it| it.path()).collect::<Vec<_>>()
    };
    let bases = entries(temp).into_iter().filter(|base| {
        let name = base.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("summon-")
    });
    let sessions = bases.flat_map(|base| entries(&base));
    sessions
        .filter(|it| it.is_dir())
        .flat_map(|it| entries(&it))
        .collect()
}

/// Mounts something below the private directory of a process, in each of the usual ways.
const MOUNTS: &str = r#"
set -e
cd "$1"; temp=$2
mkdir mnt mem union "$temp/upper" "$temp/work"; touch file
mount --bind "$temp/precious" mnt
mount --bind "$temp/precious/data" file
mount -t tmpfs none mem; echo data >mem/data
if mount -t overlay -o "lowerdir=$temp/precious,upperdir=$temp/upper,workdir=$temp/work" none union; then
  test -e union/data
fi
mkdir -p deep/er; mount --bind "$temp/precious" deep/er
"#;

#[test]
#[ignore = "others run it in a mount namespace of its own"]
fn run_by_others_with_mounts_below_its_directory() {
    let server = OutputCoordinatedExecutor::new("echo up; exec sleep 1000", "^up$")
        .shell(true)
        .named("server");
    server.start().unwrap();
    let temp = std::env::temp_dir();
    let mounted = Command::new("sh")
        .args(["-c", MOUNTS, "sh"])
        .args([server.dir(), &temp])
        .status();
    assert!(mounted.unwrap().success());
    fs::write(server.dir().join("own"), "").unwrap();
    if std::env::var("HOW").unwrap() == "killed" {
        let pid = std::process::id().to_string();
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
    }
    let dir = server.dir().to_owned();
    drop(server);
    assert!(!dir.join("own").exists());
    assert_eq!(fs::read_to_string(dir.join("mem/data")).unwrap(), "data\n");
}

fn with_mounts(how: &str) -> (TempDir, String) {
    let temp = TempDir::new();
    fs::create_dir(temp.file("precious")).unwrap();
    fs::write(temp.file("precious/data"), "data").unwrap();
    let test = "cleaning::run_by_others_with_mounts_below_its_directory";
    let ran = run(&["unshare", "--mount"], test, &temp, how);
    let signal = (how == "killed").then_some(libc::SIGKILL);
    assert_eq!(ran.status.signal(), signal, "{}", said(&ran));
    assert!(signal.is_some() || ran.status.success(), "{}", said(&ran));
    (temp, said(&ran))
}

fn all_is_there(temp: &TempDir) {
    assert_eq!(
        fs::read_to_string(temp.file("precious/data")).unwrap(),
        "data"
    );
    // If summon had removed something in the overlay, the upper directory would hold a marker.
    assert_eq!(fs::read_dir(temp.file("upper")).unwrap().count(), 0);
}

#[test]
fn stays_out_of_what_is_mounted_and_says_so() {
    needs!(mounting);
    let (temp, said) = with_mounts("dropped");
    all_is_there(&temp);
    for name in ["mnt", "file", "mem", "deep/er"] {
        let told = format!("/server/{name}` is left, since something is mounted there: unmount it");
        assert!(said.contains(&told), "{name}: {said}");
    }
}

#[test]
fn stays_out_of_what_is_mounted_when_the_test_was_killed() {
    needs!(mounting);
    let (temp, _) = with_mounts("killed");
    let log = || {
        let found = sessions(temp.path());
        let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(".server.log");
        found.into_iter().find(is_it)
    };
    let told = "/server/mnt` is left, since something is mounted there: unmount it";
    eventually("the log says what is left", || {
        log().is_some_and(|log| fs::read_to_string(log).unwrap_or_default().contains(told))
    });
    all_is_there(&temp);
}

#[test]
fn takes_what_is_protected() {
    // Root needs no permissions. Another test runs this one as somebody else.
    needs!(no_root);
    // Go's module cache is read-only, too. The second directory has no permissions at all.
    let script = "mkdir -p {dir}/mod/pkg {dir}/none/d && touch {dir}/mod/pkg/file {dir}/none/d/file
        chmod 0555 {dir}/mod/pkg {dir}/mod; chmod 0 {dir}/none/d {dir}/none; chmod 0500 {dir}
        echo up; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(script, "^up$").shell(true);
    server.start().unwrap();
    let dir = server.dir().to_owned();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn takes_what_is_protected_without_root() {
    needs!(root);
    let temp = TempDir::new();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    fs::set_permissions(temp.path(), mode).unwrap();
    let words = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
    ];
    let ran = run(&words, "cleaning::takes_what_is_protected", &temp, "");
    assert!(
        ran.status.success() && said(&ran).contains("1 passed") && !said(&ran).contains("SKIPPED"),
        "{}",
        said(&ran)
    );
    assert_eq!(sessions(temp.path()), Vec::<PathBuf>::new());
}

/// Kills a run while the command before its fixture runs.
fn interrupted(kill: impl FnOnce(u32, u32)) -> TempDir {
    let (project, temp) = (Project::new(), TempDir::new());
    project.build();
    let mut cargo = project.cargo("test --test interrupted");
    hear_int(&mut cargo);
    let cargo = cargo
        .env("TMPDIR", temp.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut cargo = Group::spawn(cargo);
    let record = || fs::read_to_string(project.record()).unwrap_or_default();
    eventually("the command before it runs", || record().contains("before"));
    assert!(!sessions(temp.path()).is_empty());
    let text = record();
    let test = text.lines().find_map(|line| line.strip_prefix("test "));
    kill(cargo.id(), test.unwrap().parse().unwrap());
    cargo.wait().unwrap();
    temp
}

fn signal(words: [&str; 2]) {
    let killed = Command::new("kill")
        .args([words[0], "--", words[1]])
        .status();
    assert!(killed.unwrap().success());
}

#[track_caller]
fn nothing_is_left(temp: &TempDir) {
    // At most the marker with the time of the last cleaning is left, for this user only.
    eventually("all that had begun is removed", || {
        let bases = fs::read_dir(temp.path()).unwrap().flatten();
        let bases: Vec<_> = bases.map(|it| it.path()).filter(|it| it.is_dir()).collect();
        sessions(temp.path()).is_empty() && bases.len() <= 1
    });
}

#[test]
fn takes_what_a_fixture_had_begun_when_its_test_was_killed() {
    let temp = interrupted(|_, test| signal(["-KILL", &test.to_string()]));
    nothing_is_left(&temp);
}

#[test]
fn takes_what_a_fixture_had_begun_when_its_run_was_interrupted() {
    let temp = interrupted(|cargo, _| signal(["-INT", &format!("-{cargo}")]));
    nothing_is_left(&temp);
}

/// Checks the remains after all cleaning processes were killed.
#[test]
fn takes_what_nobody_alive_has_begun() {
    let temp = TempDir::new();
    let uid = fs::metadata("/proc/self").unwrap().uid();
    let base = temp.path().join(format!("summon-{uid}"));
    let make = |dir: PathBuf| {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir.join("data"));
        made.unwrap();
        fs::write(dir.join("data/file"), "").unwrap();
    };
    // One entry is in a session that other processes of the run may still use. The other entry is
    // in a session that no longer exists.
    let run = base.join("run-0123456789ab");
    make(run.join("db"));
    for name in [".db.claim", "db.log", ".db.stdout"] {
        fs::write(run.join(name), "").unwrap();
    }
    make(run.join("lives"));
    let claim = File::create(run.join(".lives.claim")).unwrap();
    assert!(try_lock(&claim));
    let other = temp.path().join("summon-65534");
    if uid == 0 {
        for name in ["run-0123456789ab-db", "run-000000000000-db", "1-abcd-db"] {
            make(other.join(name));
        }
        std::os::unix::fs::chown(&other, Some(65534), Some(65534)).unwrap();
        // The first has no live test, and the second has a live owner.
        make(other.join("1-abcd"));
        make(other.join("run-0123456789ab-lives"));
    }
    let ran = run_here("cleaning::run_by_another_and_starts_something", &temp);
    assert!(ran.status.success(), "{}", said(&ran));
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|it| it.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&run), [".lives.claim", "lives"]);
    if uid == 0 {
        assert_eq!(names(&other), ["1-abcd", "run-0123456789ab-lives"]);
    }
}

#[test]
#[ignore = "another test runs it"]
fn run_by_another_and_starts_something() {
    SimpleExecutor::new("sleep 1000").start().unwrap();
}
