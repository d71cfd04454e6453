//! Programs that report readiness as systemd services do, and that receive sockets.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use summon::{Coordinated, Process, SimpleExecutor, TcpCoordinatedExecutor, probe, summon};

use crate::support::{ACTOR, Group, Killed, Life, actor, ask, eventually};

#[summon(notify = [ACTOR, "boot", "30", "notify", "STATUS=nearly;READY=1", "say", "up"])]
#[test]
fn a_service_says_that_it_is_ready(server: &Process) {
    server.wait_for_output("^up$", "20s").unwrap();
}

#[test]
fn any_process_of_the_service_may_say_so() {
    // The sender is in a different session, or ends at once. In the second case, summon can't ask
    // the kernel about the sender any more.
    for script in [
        ["stranger", "notify READY=1"],
        ["daemon", "notify READY=1 exit 0"],
        ["child", "notify READY=1 exit 0"],
    ] {
        let server = Coordinated::with(actor(script), probe::notify());
        server.start().unwrap();
    }
}

#[test]
fn a_stranger_may_not_say_so() {
    let script = actor([
        "env",
        "NOTIFY_SOCKET",
        "await",
        "{dir}/sent",
        "notify",
        "STATUS=alone",
        "barrier",
        "exit",
        "0",
    ]);
    let server = Coordinated::with(script, probe::notify());
    let error = std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start().unwrap_err());
        let mut name = String::new();
        eventually_some(&mut name, || {
            let output = String::from_utf8(server.output()).ok()?;
            let name = output.strip_prefix("NOTIFY_SOCKET=@")?.strip_suffix('\n')?;
            Some(name.to_owned())
        });
        let addr = <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        // This test process has the same user, but is not part of the service. The socket keeps the order
        // of its messages, so the status of the service arrives later.
        socket.send_to_addr(b"READY=1", &addr.unwrap()).unwrap();
        std::fs::write(server.dir().join("sent"), "").unwrap();
        starting.join().unwrap()
    });
    assert!(
        error
            .to_string()
            .contains("notify READY=1: not received; its status is `alone` ("),
        "{error}"
    );
}

fn eventually_some(found: &mut String, look: impl Fn() -> Option<String>) {
    let limit = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(seen) = look() {
            *found = seen;
            return;
        }
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn its_last_words_stand_in_the_error() {
    // It ends without waiting for anything, so the wait may be over before a look.
    let script = actor(["notify", "STATUS=no such database", "exit", "3"]);
    let server = Coordinated::with(script, probe::notify());
    let error = server.start().unwrap_err().to_string();
    let expected = "notify READY=1: not received; its status is `no such database` (";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn its_status_stands_in_the_error() {
    let script = actor([
        "notify",
        "STATUS=replaying the log, 40 %",
        "barrier",
        "say",
        "told",
    ]);
    let server = Coordinated::with(script, probe::notify()).timeout("5s");
    let error = server.start().unwrap_err();
    let expected = "not received; its status is `replaying the log, 40 %` (";
    assert!(error.to_string().contains(expected), "{error}");
    // summon answered the barrier. Otherwise the program would still wait.
    assert_eq!(error.output(), b"told\n");
}

#[test]
fn it_may_ask_for_more_time() {
    let script = actor([
        "notify",
        "EXTEND_TIMEOUT_USEC=20000000",
        "boot",
        "3500",
        "notify",
        "READY=1",
    ]);
    let server = Coordinated::with(script, probe::notify()).timeout("3s");
    server.start().unwrap();
}

#[test]
fn more_time_that_is_not_used_ends_too() {
    // The program needs a part of the limit on a loaded machine until it asks for more.
    let script = actor(["notify", "EXTEND_TIMEOUT_USEC=8500000", "wait"]);
    let server = Coordinated::with(script, probe::notify()).timeout("8s");
    let began = Instant::now();
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    assert!(began.elapsed() >= Duration::from_millis(8500));
    let expected = "actor was not ready within 8s, nor in the additional time that";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn the_time_that_it_may_ask_for_at_its_start_is_bounded() {
    let script = actor(["notify", "EXTEND_TIMEOUT_USEC=86400000000", "wait"]);
    let server = Coordinated::with(script, probe::notify()).timeout("1s");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    let expected = "actor was not ready within 1s, nor in the additional time that it asked for";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn garbage_and_a_flood_do_no_harm() {
    let mut script = vec![ACTOR.to_owned()];
    for garbage in ["=", "READY", "READY=maybe", "\u{1}\u{2}", ";;;", "STATUS="] {
        script.extend(["notify".to_owned(), garbage.to_owned()]);
    }
    // The messages exceed the buffer of the socket. If summon did not read them, the program would
    // block.
    for _ in 0..2000 {
        script.extend(["notify".to_owned(), "STATUS=again".to_owned()]);
    }
    script.extend(["notify", "READY=1"].map(str::to_owned));
    for _ in 0..2000 {
        script.extend(["notify".to_owned(), "STATUS=and again".to_owned()]);
    }
    script.extend(["say", "done"].map(str::to_owned));
    let server = Coordinated::with(script, probe::notify());
    server.start().unwrap();
    server.wait_for_output("^done$", "20s").unwrap();
}

#[test]
#[cfg_attr(not(has_systemd_notify), ignore = "systemd-notify is not on PATH")]
fn a_service_that_is_about_to_end_may_ask_for_more_time_too() {
    let script = "trap 'systemd-notify EXTEND_TIMEOUT_USEC=20000000; sleep 3.5; echo bye; exit' TERM; \
                  systemd-notify --ready; while :; do sleep 0.01; done";
    let server = Coordinated::with(script, probe::notify())
        .shell(true)
        .stop_timeout("3s");
    server.start().unwrap();
    server.stop().unwrap();
    assert!(server.output().ends_with(b"bye\n"));
}

/// Returns a service that never ends, and asks for one more day.
fn beggar() -> Coordinated<probe::Notify> {
    let script = actor(["beg", "86400000000", "notify", "READY=1"]);
    Coordinated::with(script, probe::notify()).stop_timeout("1s")
}

#[test]
fn the_time_that_a_service_may_ask_for_at_its_end_is_bounded() {
    let server = beggar();
    server.start().unwrap();
    let began = Instant::now();
    server.stop().unwrap();
    // The stop waits for ten times the grace, and then kills the service.
    assert!(began.elapsed() >= Duration::from_secs(10));
}

#[test]
#[ignore = "another test runs it, and kills it"]
fn run_by_another_and_waits_to_be_killed() {
    be_killed(&beggar().stop_timeout("2s"));
}

#[test]
#[ignore = "another test runs it, and kills it"]
fn run_by_another_with_a_flood_and_waits_to_be_killed() {
    let script = actor(["ignore", "notify", "READY=1", "nag"]);
    be_killed(&Coordinated::with(script, probe::notify()).stop_timeout("2s"));
}

fn be_killed(server: &Coordinated<probe::Notify>) {
    server.start().unwrap();
    let mut out = std::io::stdout();
    std::io::Write::write_all(
        &mut out,
        format!("\npid {}\n", server.id().unwrap()).as_bytes(),
    )
    .unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_dead_owner_waits_for_nobody() {
    a_service_ends_after_its_owner("notify::run_by_another_and_waits_to_be_killed");
}

#[test]
fn a_flood_does_not_outlive_its_owner() {
    let test = "notify::run_by_another_with_a_flood_and_waits_to_be_killed";
    a_service_ends_after_its_owner(test);
}

fn a_service_ends_after_its_owner(test: &str) {
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner.args(["--exact", "--ignored", "--nocapture", test]);
    let mut owner = Group::spawn(owner.stdout(Stdio::piped()));
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let mut pids = lines.filter_map(|line| line.unwrap().strip_prefix("pid ")?.parse().ok());
    let service = Life::of(pids.next().unwrap()).unwrap();
    let _killed = Killed(service.clone());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let died = Instant::now();
    eventually("it is killed", || !service.goes_on());
    // After the death of the owner, the service gets its grace once, not ten times.
    assert!(
        died.elapsed() < Duration::from_secs(15),
        "{:?}",
        died.elapsed()
    );
}

#[test]
#[cfg_attr(not(has_systemd_notify), ignore = "systemd-notify is not on PATH")]
fn systemd_notify_works() {
    let script = "systemd-notify --status='from a shell' --ready; echo told; exec sleep 1000";
    let server = Coordinated::with(script, probe::notify()).shell(true);
    server.start().unwrap();
    server.wait_for_output("^told$", "20s").unwrap();
}

#[summon(tcp = [ACTOR, "await", "{dir}/go", "activated"], listen_fd = true)]
#[test]
fn a_socket_that_listens_is_passed_on(server: &Process) {
    // The program has not accepted the socket yet, and a client is waiting.
    let client = std::net::TcpStream::connect(server.addr()).unwrap();
    assert_eq!(server.output(), b"");
    std::fs::write(server.dir().join("go"), "").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut &client, &mut answer).unwrap();
    assert_eq!(answer, "1\n");
    server.wait_for_output("^activated server$", "20s").unwrap();
}

#[test]
fn with_a_socket_it_is_ready_as_soon_as_it_is_executed() {
    let server = SimpleExecutor::new(actor(["boot", "20", "activated"])).listen_fd(true);
    server.start().unwrap();
    assert_eq!(ask(server.addr()), "1");
    server.restart().unwrap();
    assert_eq!(ask(server.addr()), "1");
    // No other process holds the socket, so it closes with the process.
    server.stop().unwrap();
    assert!(std::net::TcpStream::connect(server.addr()).is_err());
}

#[test]
fn a_socket_for_datagrams_is_passed_on() {
    let server = Coordinated::with(actor(["fds"]), probe::udp("127.0.0.1", 0)).listen_fd(true);
    server.start().unwrap();
    assert!(std::net::UdpSocket::bind(server.addr()).is_err());
    server.wait_for_output("^fd 3 socket:", "20s").unwrap();
}

#[test]
fn a_socket_that_can_not_be_bound_is_told() {
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = TcpCoordinatedExecutor::new("sleep 1", "127.0.0.1", port).listen_fd(true);
    assert!(server.start().unwrap_err().is_already_running());
    let elsewhere = TcpCoordinatedExecutor::new("sleep 1", "203.0.113.7", 0).listen_fd(true);
    let error = elsewhere.start().unwrap_err().to_string();
    assert!(
        error.contains("its socket can't be bound to 203.0.113.7:"),
        "{error}"
    );
}

#[test]
#[cfg_attr(not(has_python), ignore = "python3 is not on PATH")]
fn a_real_server_takes_the_socket() {
    let serve = "import socket, os; assert os.environ['LISTEN_PID'] == str(os.getpid()); \
                 s = socket.socket(fileno=3); c, _ = s.accept(); c.sendall(b'hello\\n'); c.close()";
    let server = SimpleExecutor::new(["python3", "-c", serve]).listen_fd(true);
    server.start().unwrap();
    assert_eq!(ask(server.addr()), "hello");
    eventually("it ends", || !server.is_running());
}
