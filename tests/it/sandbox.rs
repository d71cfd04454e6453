//! Readiness where the kernel refuses queries about sockets: in gVisor, in WSL 1, and below some
//! seccomp profiles. If the file system can't lock files, the error says so.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use summon::{Coordinated, HttpCoordinatedExecutor, TcpCoordinatedExecutor, probe, probe::Probe};

use crate::support::{REFUSE, TempDir, actor, ask, error_at_limit, eventually, recorded, tcp};

/// Runs a test of this module without `sock_diag`.
fn run(test: &str) {
    run_without("sock_diag", "EPERM", test);
}

/// Runs a test of this module without a system call.
fn run_without(call: &str, error: &str, test: &str) {
    let (name, temp) = (format!("sandbox::{test}"), TempDir::new());
    let run = Command::new(REFUSE)
        .args([call, error])
        .env("TMPDIR", temp.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Binds the port or the path as a stranger after the process has started. The process itself never
/// binds.
fn takes_no_stranger<P: Probe, S: Send>(
    probe: impl Fn() -> P,
    stranger: impl Fn(&summon::Process) -> S + Sync,
) {
    let dir = TempDir::new();
    let server = Coordinated::with(actor(["record", &dir.file("up"), "up"]), probe());
    // These calls fix the port and the directory.
    let _ = (server.port(), server.dir());
    let error = thread::scope(|threads| {
        let stranger = threads.spawn(|| {
            eventually("the server runs", || !recorded(&dir.file("up")).is_empty());
            stranger(&server)
        });
        let error = server.start().unwrap_err().to_string();
        drop(stranger.join().unwrap());
        error
    });
    let who = format!(
        "another process listens there: pid {}, `",
        std::process::id()
    );
    assert!(error.contains(&who), "{error}");
}

#[test]
fn files_that_can_not_be_locked_are_an_error_with_a_remedy() {
    for error in ["ENOLCK", "ENOSYS"] {
        run_without("flock", error, "run_by_another_without_locks");
    }
}

#[test]
#[ignore = "another test runs it, where no file can be locked"]
fn run_by_another_without_locks() {
    let server = TcpCoordinatedExecutor::new(actor(["wait"]), "localhost", 0).named("server");
    let error = server.start().unwrap_err().to_string();
    let expected = "no private directory for server: its file system can't lock files (";
    assert!(error.contains(expected), "{error}");
    let remedy = "set TMPDIR to a directory on a local one";
    assert!(error.contains(remedy), "{error}");
    // The attempt leaves nothing behind.
    let base = fs::read_dir(std::env::temp_dir()).unwrap().next().unwrap();
    let left = fs::read_dir(base.unwrap().path()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name());
    assert!(names.eq([".cleaned"]));
}

#[test]
fn a_strangers_server_is_never_ours() {
    run("run_by_another_among_strangers");
}

#[test]
#[ignore = "another test runs it, where the kernel does not answer"]
fn run_by_another_among_strangers() {
    let tcp = |server: &summon::Process| TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    takes_no_stranger(|| probe::tcp("localhost", 0), tcp);
    takes_no_stranger(|| probe::http("http://127.0.0.1:{port}/"), tcp);
    takes_no_stranger(
        || probe::tcp("127.0.0.1", 0),
        |server| TcpListener::bind(("::", server.port())).unwrap(),
    );
    takes_no_stranger(
        || probe::udp("127.0.0.1", 0),
        |server| UdpSocket::bind(("127.0.0.1", server.port())).unwrap(),
    );
    takes_no_stranger(
        || probe::unix("{dir}/s"),
        |server| UnixListener::bind(server.dir().join("s")).unwrap(),
    );
}

#[test]
fn ones_own_server_is_ready_and_has_seen_no_connection() {
    run("run_by_another_with_servers");
}

#[test]
#[ignore = "another test runs it, where the kernel does not answer"]
fn run_by_another_with_servers() {
    for at in ["127.0.0.1", "0.0.0.0", "[::]", "[::ffff:0.0.0.0]"] {
        let server = tcp(
            ["boot", "20", "listen", &format!("{at}:{{port}}")],
            "127.0.0.1",
        );
        server.start().unwrap();
        assert_eq!(ask(server.addr()), "1", "{at}");
        let script = actor(["boot", "20", "udp", &format!("{at}:{{port}}")]);
        let server = Coordinated::with(script, probe::udp("127.0.0.1", 0));
        server.start().unwrap();
    }
    let script = actor(["http", "127.0.0.1:{port}", "200"]);
    let server = HttpCoordinatedExecutor::new(script, "http://localhost:{port}/");
    server.start().unwrap();
    let script = actor(["boot", "20", "unix", "{dir}/a b", "abstract", "{dir}/s"]);
    let server = Coordinated::with(script, probe::unix("{dir}/a b")).and(probe::unix("@{dir}/s"));
    server.start().unwrap();
}

#[test]
fn a_port_that_somebody_serves_is_told_before_the_start() {
    run("run_by_another_on_a_port_that_is_served");
}

#[test]
#[ignore = "another test runs it, where the kernel does not answer"]
fn run_by_another_on_a_port_that_is_served() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = TcpCoordinatedExecutor::new("no-such-program", "localhost", port);
    let error = server.start().unwrap_err();
    assert!(error.is_already_running(), "{error}");
    let who = format!("is served by pid {}, `", std::process::id());
    assert!(error.to_string().contains(&who), "{error}");
}

#[test]
fn a_server_of_ipv6_alone_is_not_taken_for_one_of_ipv4() {
    run("run_by_another_with_a_server_of_ipv6_alone");
}

#[test]
#[ignore = "another test runs it, where the kernel does not answer"]
fn run_by_another_with_a_server_of_ipv6_alone() {
    let script = actor(["only-v6", "{port}"]);
    let server = TcpCoordinatedExecutor::new(script.clone(), "::1", 0);
    server.start().unwrap();
    let hint = "set `host = \"::1\"`";
    let error = error_at_limit(hint, |limit| {
        let server = TcpCoordinatedExecutor::new(script.clone(), "127.0.0.1", 0).timeout(limit);
        server.start().unwrap_err()
    });
    let seen = "nothing listens there; it listens on [::]:";
    assert!(error.contains(hint) && error.contains(seen), "{error}");
}
