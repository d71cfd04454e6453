//! Programs that root runs as another user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use summon::{
    Coordinated, Executor, OutputCoordinatedExecutor, SimpleExecutor, Stdin,
    TcpCoordinatedExecutor, probe,
};

use crate::needs::needs;
use crate::support::{ACTOR, OWNER, TempDir, actor, ask, copy_program, eventually};
use crate::tree::Owner;

/// Debian gives this uid the name `nobody`.
const NOBODY: u32 = 65534;

#[test]
fn own_their_processes_and_their_directory() {
    needs!(root);
    let who = "id -u >>{dir}/who; id -G >>{dir}/who";
    let server = OutputCoordinatedExecutor::new(format!("{who}; echo up; exec sleep 100"), "up")
        .shell(true)
        .before(["sh", "-c", who])
        .and(probe::exec(["sh", "-c", who]))
        .and(probe::file("{dir}/who"))
        .user("nobody");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    let found = fs::metadata(&dir).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (NOBODY, 0o700));
    assert_eq!(
        fs::read_to_string(dir.join("who")).unwrap(),
        "65534\n".repeat(6)
    );
    let pid = server.id().unwrap();
    assert_eq!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), NOBODY);
    server.restart().unwrap();
    drop(server);
    assert!(!dir.exists());
}

#[test]
fn are_seen_to_be_ready_like_others() {
    needs!(root);
    let listens = actor(["listen", "127.0.0.1:{port}"]);
    let tcp = TcpCoordinatedExecutor::new(listens, "localhost", 0).user("nobody");
    tcp.start().unwrap();
    assert_eq!(ask(tcp.addr()), "1");
    let says = actor(["notify", "READY=1", "wait"]);
    let notify = Coordinated::with(says, probe::notify()).user("nobody");
    notify.start().unwrap();
    // The user opens `/dev/stdout` again.
    let writes = OutputCoordinatedExecutor::new("echo up >/dev/stdout; exec sleep 100", "up");
    writes.shell(true).user("nobody").start().unwrap();
}

#[test]
fn end_with_the_test_process_and_leave_nothing() {
    needs!(root);
    let owner = Owner::from(Command::new(OWNER).args(["another", "wait", ACTOR]));
    let (dir, lives) = (owner.dir.clone(), owner.lives());
    assert_eq!(fs::metadata(&dir).unwrap().uid(), NOBODY);
    owner.signal(libc::SIGKILL, false);
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    eventually("its files are removed", || !dir.exists());
}

#[test]
fn must_exist() {
    let server = SimpleExecutor::new("sleep 100").user("no such user");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("it can't run as user `no such user`: there is no such user"),
        "{error}"
    );
}

#[test]
fn may_be_oneself() {
    let name = Command::new("id").arg("-un").output().unwrap().stdout;
    let name = String::from_utf8(name).unwrap();
    SimpleExecutor::new("sleep 100")
        .user(name.trim())
        .start()
        .unwrap();
}

#[test]
fn are_not_for_those_who_are_not_root() {
    needs!(root);
    passes_as_nobody("users::run_by_another_as_nobody");
}

/// Runs an ignored test of this binary as a user without privileges.
pub(crate) fn passes_as_nobody(test: &str) {
    let dir = TempDir::new();
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("TMPDIR", std::env::temp_dir())
        .current_dir(dir.path().parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "another test runs it, as a user without privileges"]
fn run_by_another_as_nobody() {
    let server = SimpleExecutor::new("sleep 100").user("root");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("only root may run programs as other users"),
        "{error}"
    );
}

#[test]
fn are_recommended_where_a_program_refuses_root() {
    needs!(root);
    let says = "the server cannot be run as root";
    let refuses = format!("echo {says}; exit 1");
    let server = OutputCoordinatedExecutor::new(refuses.as_str(), "up").shell(true);
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("hint      run it as another user, with `user = "),
        "{error}"
    );
    let server = SimpleExecutor::new("sleep 100").before(["sh", "-c", &refuses]);
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("hint      run it as another user, with `user = "),
        "{error}"
    );
}

/// Programs may open their standard output by its path, and write there.
#[test]
fn may_open_their_output_anew_after_they_have_dropped_root() {
    needs!(root);
    let drop = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let writes = "echo up >/dev/stdout; echo up >/dev/stderr; exec sleep 1000";
    for is_split in [false, true] {
        let server = OutputCoordinatedExecutor::new(format!("{drop} sh -c '{writes}'"), "^up$")
            .split_output(is_split)
            .before(format!("{drop} sh -c 'echo prepared >/dev/stdout'"));
        server.start().unwrap();
        // Other users with a path to the pipe may write to it, and no user may read it.
        let pipe = format!("/proc/{}/fd/1", server.id().unwrap());
        assert_eq!(fs::metadata(pipe).unwrap().mode() & 0o777, 0o622);
    }
}

/// Makes a directory that only root can enter, with a file that only root can read.
fn of_root() -> (TempDir, String) {
    let dir = TempDir::new();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let secret = dir.file("secret");
    fs::write(&secret, "only for root\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    (dir, secret)
}

#[test]
fn have_root_open_nothing_through_their_links() {
    needs!(root);
    let (dir, secret) = of_root();
    let swaps = |link: &str, target: &str| format!("rm -r {link}; ln -s {target} {link}; echo up");
    let input = swaps("{dir}/input", &secret);
    let reader = OutputCoordinatedExecutor::new(format!("cat; {input}; exec sleep 100"), "^up$")
        .shell(true)
        .with_file("input", "one line\n")
        .stdin(Stdin::file("{dir}/input"))
        .user("nobody");
    reader.start().unwrap();
    assert_eq!(reader.output(), b"one line\nup\n");
    let error = reader.restart().unwrap_err().to_string();
    let refused = "there is a link on its way that another user may have made";
    assert!(
        error.contains("its standard input can't be opened"),
        "{error}"
    );
    assert!(error.contains(refused), "{error}");
    // A link can't lead into a directory that the user can't enter.
    let place = swaps("{dir}/data", &dir.path().display().to_string());
    let server = || {
        OutputCoordinatedExecutor::new(format!("{place}; exec sleep 100"), "^up$")
            .shell(true)
            .with_dir("data", 0o700)
            .current_dir("{dir}/data")
            .user("nobody")
    };
    let restarted = server();
    restarted.start().unwrap();
    let error = restarted.restart().unwrap_err().to_string();
    assert!(
        error.contains("its working directory ") && error.contains(refused),
        "{error}"
    );
    let probed = server().and(probe::exec("true")).timeout("5s");
    let error = probed.start().unwrap_err().to_string();
    assert!(
        error.contains("it can't be run: ") && error.contains(refused),
        "{error}"
    );
    let prepared = server().before(["sh", "-c", &place]).before("true");
    let error = prepared.start().unwrap_err().to_string();
    assert!(
        error.contains("`true`, which runs before it, can't be run: its working directory "),
        "{error}"
    );
    assert!(error.contains(refused), "{error}");
}

#[test]
fn have_what_root_opens_for_them_through_links_of_root() {
    needs!(root);
    let (dir, secret) = of_root();
    let (place, input) = (dir.file("place"), dir.file("input"));
    std::os::unix::fs::symlink(dir.path(), &place).unwrap();
    // A relative path works the same way.
    std::os::unix::fs::symlink("place/secret", &input).unwrap();
    let server = SimpleExecutor::new("sh -c 'pwd -P; cat'")
        .current_dir(&place)
        .stdin(Stdin::file(&input))
        .user("nobody");
    // A path that leads through itself never ends.
    let around = dir.file("around");
    std::os::unix::fs::symlink(&around, &around).unwrap();
    let endless = SimpleExecutor::new("cat")
        .stdin(Stdin::file(&around))
        .user("nobody");
    assert!(endless.start().is_err());
    server.start().unwrap();
    assert!(server.wait("10s").unwrap().success());
    let said = String::from_utf8(server.output()).unwrap();
    let text = fs::read_to_string(secret).unwrap();
    let real = fs::canonicalize(dir.path()).unwrap();
    assert_eq!(said, format!("{}\n{text}", real.display()));
}

/// `fakeroot` intercepts the C library, and reports a change of the user that did not happen.
#[test]
#[cfg_attr(not(has_fakeroot), ignore = "fakeroot is not on PATH")]
fn are_not_root_where_a_library_says_so() {
    needs!(root);
    let mut owner =
        Owner::from(Command::new("fakeroot").args(["--", OWNER, "another", "exit", ACTOR]));
    let service = owner.services[0];
    let status = fs::read_to_string(format!("/proc/{service}/status")).unwrap();
    // The script ends its server when the program ends, but not when the script itself is killed.
    owner.go();
    owner.child.wait().unwrap();
    let users = status.lines().find(|line| line.starts_with("Uid:"));
    assert_eq!(users, Some("Uid:\t65534\t65534\t65534\t65534"));
}

/// fakeroot's server ends together with the test process. Every program that asks the server
/// afterwards ends, too.
#[test]
#[cfg_attr(not(has_fakeroot), ignore = "fakeroot is not on PATH")]
fn clean_up_where_a_library_says_that_they_are_root() {
    needs!(root);
    let dir = TempDir::new();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for (name, program) in [("owner", OWNER), ("actor", ACTOR)] {
        copy_program(program, dir.file(name));
    }
    for ending in ["exit", "abort"] {
        let mut owner = Owner::from(
            Command::new("setpriv")
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .args(["fakeroot", "--", "./owner", "stubborn", ending, "./actor"])
                .current_dir(dir.path())
                .env("TMPDIR", dir.path()),
        );
        assert!(owner.dir.starts_with(dir.path().join("summon-65534")));
        let (files, lives) = (owner.dir.clone(), owner.lives());
        owner.go();
        owner.child.wait().unwrap();
        for life in &lives {
            eventually(&format!("{life:?} ends"), || !life.goes_on());
        }
        eventually("its files are removed", || !files.exists());
        // The warden is among the ended processes, so no process cleans up from here on.
        let session = files.parent().unwrap();
        let kept = fs::read_dir(session)
            .map(Iterator::count)
            .unwrap_or_default();
        assert_eq!(kept != 0, ending == "abort", "{}", session.display());
    }
}
