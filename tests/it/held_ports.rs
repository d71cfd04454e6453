//! If connections still hold a port, summon waits for the port, and says why.

use std::fs::File;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use summon::{Coordinated, TcpCoordinatedExecutor, probe};

use crate::support::{Killed, Life, TempDir, actor, eventually, recorded};
use crate::turns::free_port;

/// A connection with the port at its local end, as a server leaves it when it ends.
struct Connected {
    local: TcpStream,
    peer: TcpStream,
}

impl Connected {
    fn at(port: u16) -> Connected {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, _) = listener.accept().unwrap();
        Connected { local, peer }
    }

    fn peer(&self) -> SocketAddr {
        self.peer.local_addr().unwrap()
    }

    /// Closes the connection without a `TIME_WAIT`: a close with unread data resets the connection.
    fn reset(mut self) {
        std::io::Write::write_all(&mut self.peer, b"x").unwrap();
        self.local.peek(&mut [0]).unwrap();
    }

    /// Closes the local end first, which keeps the connection in `TIME_WAIT`.
    fn close(mut self) {
        drop(self.local);
        self.peer.read_to_end(&mut Vec::new()).unwrap();
    }
}

fn plain(port: u16, record: &str) -> TcpCoordinatedExecutor {
    let addr = format!("127.0.0.1:{port}");
    let script = ["record", record, "up", "plain", &addr];
    TcpCoordinatedExecutor::new(actor(script), "127.0.0.1", port)
}

/// Waits until the first program in the record has ended.
fn first_has_died(record: &str) {
    eventually("the first one dies of it", || {
        let text = std::fs::read_to_string(record).unwrap_or_default();
        let pid = text.lines().next().and_then(|line| line.rsplit(' ').next());
        pid.is_some_and(|pid| Life::of(pid.parse().unwrap()).is_none())
    });
}

#[test]
fn a_start_waits_until_no_connection_holds_its_port() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let connected = Connected::at(port);
    let server = plain(port, &record);
    thread::scope(|threads| {
        let started = threads.spawn(|| server.start());
        first_has_died(&record);
        connected.reset();
        started.join().unwrap().unwrap();
    });
    assert!(server.is_running());
    assert_eq!(recorded(&record), ["up", "up"]);
}

#[test]
fn a_restart_waits_for_clients_of_the_server_before() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let script = ["record", &record, "up", "plain", "127.0.0.1:{port}"];
    let server = TcpCoordinatedExecutor::new(actor(script), "127.0.0.1", 0);
    server.start().unwrap();
    let client = TcpStream::connect(server.addr()).unwrap();
    // The client never reads the greeting, so its close resets the connection.
    client.peek(&mut [0]).unwrap();
    thread::scope(|threads| {
        let restarted = threads.spawn(|| server.restart());
        let died = || {
            let text = std::fs::read_to_string(&record).unwrap_or_default();
            let pid = text.lines().nth(1).and_then(|line| line.rsplit(' ').next());
            pid.is_some_and(|pid| Life::of(pid.parse().unwrap()).is_none())
        };
        eventually("the second one dies of it", died);
        drop(client);
        restarted.join().unwrap().unwrap();
    });
    assert_eq!(recorded(&record), ["up", "up", "up"]);
}

#[test]
fn the_connections_that_hold_a_port_are_told() {
    let dir = TempDir::new();
    let port = free_port();
    let connected = Connected::at(port);
    let server = plain(port, &dir.file("record")).turn_timeout("100ms");
    let error = server.start().unwrap_err();
    let text = error.to_string();
    let expected = format!(
        "hint      no process serves port {port}, but a connection holds it: 127.0.0.1:{port} to {}, \
         ESTABLISHED, of this test itself, pid {}",
        connected.peer(),
        std::process::id()
    );
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("\n  waited    100ms for its port"), "{text}");
    assert!(!text.contains("binds another port too"), "{text}");
    connected.reset();
}

#[test]
fn a_connection_that_was_closed_is_told_from_one_that_somebody_has() {
    let dir = TempDir::new();
    let port = free_port();
    Connected::at(port).close();
    let server = plain(port, &dir.file("record")).turn_timeout("100ms");
    let error = server.start().unwrap_err().to_string();
    let expected = "TIME_WAIT, closed, and kept by the system";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_socket_that_is_bound_and_does_not_listen_is_not_called_a_connection() {
    let dir = TempDir::new();
    let port = free_port();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    // `shutdown` ends the listening, and leaves the socket bound.
    let socket = TcpStream::from(OwnedFd::from(TcpListener::bind(addr).unwrap()));
    socket.shutdown(Shutdown::Both).unwrap();
    let server = plain(port, &dir.file("record")).turn_timeout("100ms");
    let error = server.start().unwrap_err().to_string();
    let expected = format!(
        "hint      no process serves port {port}, but a socket holds it: {addr}, bound, \
         of this test itself, pid {};\n            end the process that has the socket",
        std::process::id()
    );
    // Kernels before 6.8 do not list such sockets.
    let unseen = "but it can't be bound: a connection or a bound socket may hold it";
    assert!(
        error.contains(&expected) || error.contains(unseen),
        "{error}"
    );
}

#[test]
fn a_program_that_can_bind_a_held_port_is_launched_at_once() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    Connected::at(port).close();
    let addr = format!("127.0.0.1:{port}");
    let script = actor(["record", &record, "up", "listen", &addr]);
    let server = TcpCoordinatedExecutor::new(script, "127.0.0.1", port);
    server.start().unwrap();
    assert_eq!(recorded(&record), ["up"]);
}

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_waits_for_a_connection() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let connected = Connected::at(port);
    let server = plain(port, &record).named("redis");
    thread::scope(|threads| {
        let started = threads.spawn(|| server.start());
        first_has_died(&record);
        let heard = std::env::var("HEARD").unwrap();
        eventually("it has said that it waits", || Path::new(&heard).exists());
        connected.reset();
        started.join().unwrap().unwrap();
    });
}

#[test]
fn a_wait_for_a_connection_that_takes_long_says_so() {
    let dir = TempDir::new();
    let (said, heard) = (dir.file("said"), dir.file("heard"));
    let test = "held_ports::run_by_another_and_waits_for_a_connection";
    let mut run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("HEARD", &heard)
        .stdout(Stdio::null())
        .stderr(File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let _killed = Killed(Life::of(run.id()).unwrap());
    let said = || std::fs::read_to_string(&said).unwrap();
    eventually("it says that it waits", || said().contains('\n'));
    File::create(&heard).unwrap();
    assert!(run.wait().unwrap().success());
    let said = said();
    let (head, rest) = said.split_once(": no process serves port ").unwrap();
    assert!(head.starts_with("summon: redis waits for port "), "{said}");
    assert!(
        rest.contains("ESTABLISHED, of this test itself, pid "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_socket_that_summon_binds_for_the_program_is_waited_for_too() {
    let somebody = UdpSocket::bind("127.0.0.1:0").unwrap();
    somebody.connect("127.0.0.1:9").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = || {
        let up = probe::udp("127.0.0.1", port);
        Coordinated::with(actor(["wait"]), up).listen_fd(true)
    };
    let error = server().turn_timeout("100ms").start().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("its socket can't be bound"), "{text}");
    let expected = format!("127.0.0.1:{port} to 127.0.0.1:9, ESTABLISHED, of this test itself");
    assert!(text.contains(&expected), "{text}");
    thread::scope(|threads| {
        let started = threads.spawn(|| {
            let server = server();
            server.start().and_then(|()| server.stop())
        });
        drop(somebody);
        started.join().unwrap().unwrap();
    });
}
