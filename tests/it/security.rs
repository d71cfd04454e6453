//! Other users of the machine, and services that lay traps, can't stop, read, or divert anything.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use summon::{Coordinated, OutputCoordinatedExecutor, probe};

use crate::needs::needs;
use crate::network::Network;
use crate::project::Project;
use crate::support::{
    ACTOR, Group, Life, OWNER, TempDir, actor, copy_program, eventually, log_of, parent, tcp,
};
use crate::tree::Owner;
use crate::turns::{free_port, on};

/// A uid that no user has.
const STRANGER: &str = "--reuid=61009";

/// A program that a stranger runs. The drop ends it.
struct Stranger {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    /// The directory with a copy of the actor. Other users may have no access to the original.
    _dir: TempDir,
}

impl Stranger {
    fn runs(words: &[&str]) -> Stranger {
        Stranger::with(TempDir::new(), &[], words)
    }

    /// Has the actor play a script as the stranger.
    fn plays(script: &[&str]) -> Stranger {
        Stranger::plays_below(&[], script)
    }

    /// The same, through another program.
    fn plays_below(other: &[&str], script: &[&str]) -> Stranger {
        let dir = TempDir::new();
        let copy = dir.file("actor");
        copy_program(ACTOR, &copy);
        let words: Vec<&str> = [&[copy.as_str()], script].concat();
        Stranger::with(dir, other, &words)
    }

    fn with(dir: TempDir, other: &[&str], words: &[&str]) -> Stranger {
        let become_stranger = ["setpriv", STRANGER, "--regid=61009", "--clear-groups"];
        let words = [other, &become_stranger, words].concat();
        let child = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap();
        Stranger {
            stdout: child.stdout.take().map(BufReader::new),
            child,
            _dir: dir,
        }
    }

    /// Waits for the end of the program, and returns its output.
    fn said(mut self) -> String {
        let mut said = String::new();
        let stdout = self.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut said).unwrap();
        said
    }

    /// Returns the next line, or an empty text at the end. Fails if no line comes.
    fn line(&mut self) -> String {
        let mut stdout = self.stdout.take().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            let _ = stdout.read_until(b'\n', &mut line);
            let _ = tell.send((line, stdout));
        });
        let limit = std::time::Duration::from_secs(30);
        let told = told.recv_timeout(limit);
        let (line, stdout) = told.expect("the stranger says something");
        self.stdout = Some(stdout);
        String::from_utf8_lossy(&line).trim().to_owned()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn another_user_can_neither_read_nor_signal() {
    needs!(root);
    let server = OutputCoordinatedExecutor::new(actor(["say", "secret", "wait"]), "secret");
    server.start().unwrap();
    let service = server.id().unwrap();
    let guard = parent(service);
    let pids = [service, guard, parent(guard)].map(|pid| pid.to_string());
    let dir = server.dir().display().to_string();
    let log = log_of(&server);
    let log = log.display();
    let script = format!(
        "for pid in {pids}; do kill -TERM $pid; kill -KILL $pid; cat /proc/$pid/environ; done
         ls {dir}; ls {dir}/..; cat {log}; touch {dir}/trap; true >>{log}; rm -rf {dir}
         echo end",
        pids = pids.join(" ")
    );
    assert_eq!(Stranger::runs(&["sh", "-c", &script]).said(), "end\n");
    assert!(server.is_running());
    assert_eq!(server.id(), Some(service));
    assert_eq!(parent(service), guard);
    assert_eq!(server.output(), b"secret\n");
    assert_eq!(fs::read_dir(server.dir()).unwrap().count(), 0);
}

#[test]
fn another_user_can_not_say_that_a_service_is_ready() {
    needs!(root);
    let mut stranger = Stranger::plays(&["pretend"]);
    let server = Coordinated::with(actor(["wait"]), probe::notify()).timeout("3s");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(!error.to_string().contains("stranger"), "{error}");
    // The stranger did reach the socket.
    assert_eq!(stranger.line(), "sent");
}

#[test]
fn another_user_can_not_disturb_what_a_run_shares() {
    needs!(root);
    let network = Network::new();
    let inside = network.enter();
    let inside = inside.each_ref().map(String::as_str);
    let mut stranger = Stranger::plays_below(&inside, &["crowd", "500"]);
    for _ in 0..3 {
        let project = Project::new();
        let mut run = project.cargo_below(&inside, "test --test one --test two");
        let ran = project.ran(&mut run).succeeded();
        ran.one_after_the_other("run", 1);
    }
    assert_eq!(stranger.line(), "connected");
}

#[test]
fn another_user_of_the_same_number_is_told_nothing() {
    needs!(root);
    // A user namespace shows all unmapped users as 65534. Here this applies to both users.
    let unmapped = ["unshare", "--user", "--map-user=65534"];
    let mut stranger = Stranger::plays(&["eavesdrop"]);
    assert_eq!(stranger.line(), "listening");
    let project = Project::new();
    let mut command = project.cargo_below(&unmapped, "test --test one --test two direct");
    // The server boots slowly, so that the stranger has time to connect.
    command.env("TMPDIR", project.temp()).env("BOOT", "500");
    let ran = project.ran(&mut command).succeeded();
    ran.one_after_the_other("run", 1);
    stranger.child.kill().unwrap();
    assert_eq!(stranger.line(), "");
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn another_user_can_not_end_a_fixture_that_nobody_uses() {
    needs!(root);
    let port = free_port();
    let project = Project::new();
    project.build();
    let mut run = project.cargo("nextest run --test idle -j 2");
    run.env("PORT", port.to_string());
    let mut run = Group::spawn(run.stdout(Stdio::null()).stderr(Stdio::null()));
    let noted = |word: &str| {
        let record = fs::read_to_string(project.record()).unwrap_or_default();
        let mut lines = record.lines().filter_map(|line| line.strip_prefix(word));
        lines.next().map(|pid| pid.trim().parse().unwrap())
    };
    eventually("a test uses it", || noted("using ").is_some());
    let service = Life::of(noted("idle ").unwrap()).unwrap();
    let user = Life::of(noted("using ").unwrap()).unwrap();
    // A process of the same user connects and gives up while the fixture is in use.
    let lease = format!("summon-port-{port}");
    let name = SocketAddr::from_abstract_name(&lease).unwrap();
    drop(UnixStream::connect_addr(&name).unwrap());
    let say = |word: &str| fs::write(project.temp().join(word), "").unwrap();
    say("used");
    eventually("nobody uses it", || !user.goes_on());
    let mut stranger = Stranger::plays(&["knock", &format!("@{lease}"), "300"]);
    assert_eq!(stranger.line(), "knocked");
    assert!(service.goes_on());
    // For a process of the same user, the fixture ends before the run does.
    let next = on(port, &project.record());
    next.start().unwrap();
    assert!(!service.goes_on());
    next.stop().unwrap();
    say("over");
    assert!(run.wait().unwrap().success());
}

#[test]
fn nobody_who_has_taken_the_name_of_a_port_is_waited_for_to_the_end() {
    let dir = TempDir::new();
    let port = free_port();
    let name = format!("@summon-port-{port}");
    let mut command = Command::new(ACTOR);
    command
        .args(["take-silently", &name])
        .stdout(Stdio::piped());
    let mut somebody = Group::spawn(&mut command);
    let mut line = String::new();
    let mut said = BufReader::new(somebody.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "taken\n");
    let server = on(port, &dir.file("record")).turn_timeout("1h");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    let text = error.to_string();
    let who = format!(
        "port      {port} is held by pid {}, `{ACTOR} take-silently ",
        somebody.id()
    );
    assert!(text.contains(&who), "{text}");
    assert!(
        text.contains(&format!("`, by the name `{name}`\n")),
        "{text}"
    );
    let remedy =
        "it does not listen there, so it does not belong to summon; end it, or use another port";
    assert!(text.contains(remedy), "{text}");
}

#[test]
fn another_user_who_has_a_port_is_not_waited_for_to_the_end() {
    needs!(root);
    is_not_waited_for_to_the_end("take");
}

#[test]
fn another_user_who_lets_nobody_wait_for_a_port_is_not_waited_for_to_the_end() {
    needs!(root);
    is_not_waited_for_to_the_end("take-full");
}

fn is_not_waited_for_to_the_end(way: &str) {
    let dir = TempDir::new();
    let port = free_port();
    let mut stranger = Stranger::plays(&[way, &format!("@summon-port-{port}")]);
    assert_eq!(stranger.line(), "taken");
    let server = on(port, &dir.file("record")).turn_timeout("100ms");
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains(&format!("port      {port} is held by pid ")),
        "{error}"
    );
    let hint = "it belongs to another user, so its end may never come; the start waited for ";
    assert!(error.contains(hint), "{error}");
}

/// A directory to which any user may write, and a directory with another user's files.
struct Logs {
    dir: TempDir,
    victim: TempDir,
}

impl Logs {
    fn new() -> Logs {
        let (dir, victim) = (TempDir::new(), TempDir::new());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        // As private as a directory of logs: its mode alone must not be what saves it.
        fs::set_permissions(victim.path(), fs::Permissions::from_mode(0o700)).unwrap();
        for name in ["one.log", "precious"] {
            fs::write(victim.file(name), "data").unwrap();
        }
        Logs { dir, victim }
    }

    fn nothing_happened(&self) {
        let entries = fs::read_dir(self.victim.path()).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["one.log", "precious"]);
        for name in names {
            let text = fs::read_to_string(self.victim.path().join(name));
            assert_eq!(text.unwrap(), "data");
        }
    }
}

#[test]
fn another_user_can_not_divert_logs_with_links_that_were_there_before() {
    needs!(root);
    let logs = Logs::new();
    let mut run = Command::new("sh");
    run.args([
        "-c",
        "read go; exec \"$@\"",
        "sh",
        OWNER,
        "plain",
        "return",
        ACTOR,
    ])
    .env("SUMMON_LOG_DIR", logs.dir.path())
    // The names of log directories include it.
    .env_remove("NEXTEST_TEST_NAME")
    .stdin(Stdio::piped())
    .stdout(Stdio::null())
    .stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    // Makes a link at each name that summon may choose.
    for number in 0..=0xffff {
        let name = format!("owner-{}-{number:04x}", run.id());
        let link = logs.dir.path().join(name);
        std::os::unix::fs::symlink(logs.victim.path(), &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(61009), Some(61009)).unwrap();
    }
    run.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("no free name for a session directory"),
        "{said}"
    );
    logs.nothing_happened();
}

#[test]
fn another_user_can_not_have_files_removed_through_a_link() {
    needs!(root);
    let logs = Logs::new();
    let mut command = Command::new(OWNER);
    command.args(["plain", "wait", ACTOR]);
    let owner = Owner::from(command.env("SUMMON_LOG_DIR", logs.dir.path()));
    let lives = owner.lives();
    let swap = "cd $1; for dir in owner-*; do mv $dir taken; ln -s $2 $dir; done; echo swapped";
    let [dir, victim] = [&logs.dir, &logs.victim].map(|it| it.path().to_str().unwrap());
    let stranger = Stranger::runs(&["sh", "-c", swap, "sh", dir, victim]);
    assert_eq!(stranger.said(), "swapped\n");
    owner.signal(libc::SIGKILL, false);
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
    logs.nothing_happened();
}

#[test]
fn helpers_have_no_socket_of_the_network() {
    let server = tcp(["listen", "127.0.0.1:{port}"], "localhost");
    server.start().unwrap();
    let guard = parent(server.id().unwrap());
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|table| {
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        let lines = text.lines().skip(1);
        let inodes = lines.filter_map(|line| line.split_whitespace().nth(9).map(str::to_owned));
        inodes.collect::<Vec<_>>()
    });
    for pid in [guard, parent(guard)] {
        for fd in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
            let Ok(target) = fs::read_link(fd.unwrap().path()) else {
                continue;
            };
            let target = target.to_str().unwrap().to_owned();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|it| it.strip_suffix(']'));
            let is_inet = inode.is_some_and(|it| tables.concat().iter().any(|other| other == it));
            assert!(!is_inet, "{pid}: {target}");
        }
    }
}

#[test]
fn links_are_not_followed_when_it_is_cleaned_up() {
    let victim = TempDir::new();
    let precious = victim.file("precious");
    fs::write(&precious, "data").unwrap();
    let target = victim.path().display().to_string();
    let script = "ln -s \"$1\" \"$2/inside\"; echo up; exec sleep 100";
    let server = OutputCoordinatedExecutor::new(["sh", "-c", script, "sh", &target, "{dir}"], "up");
    server.start().unwrap();
    let dir = server.dir().to_owned();
    // The directory itself becomes a link, too.
    fs::rename(&dir, victim.file("taken")).unwrap();
    std::os::unix::fs::symlink(victim.path(), &dir).unwrap();
    drop(server);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "data");
    assert!(dir.symlink_metadata().is_err());
}

#[test]
fn files_are_private_whatever_the_umask() {
    let server = OutputCoordinatedExecutor::new([ACTOR], "up").args(["say", "up", "wait"]);
    server.start().unwrap();
    let dir = server.dir().to_owned();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let base = dir.parent().unwrap().parent().unwrap();
    for dir in [dir.as_path(), dir.parent().unwrap(), base] {
        assert_eq!(mode(dir), 0o700, "{}", dir.display());
    }
    assert_eq!(mode(&log_of(&server)), 0o600);
    server.stop().unwrap();
    eventually("it is gone", || !server.is_running());
}
