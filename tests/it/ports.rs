//! Ports are never wrong: summon leases them, and knows which process serves them.

use std::collections::HashSet;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use summon::{
    Coordinated, Error, OutputCoordinatedExecutor, SimpleExecutor, TcpCoordinatedExecutor, probe,
};

use crate::support::{
    ACTOR, Group, TempDir, actor, ask, error_at_limit, eventually, recorded, tcp,
};
use crate::turns::{free_port, on};

/// One message carries at most 253 descriptors (`unix(7)`), and each lease is one descriptor.
#[test]
fn may_be_hundreds_for_one_service() {
    let names: Vec<String> = (0..260).map(|number| format!("p{number}")).collect();
    let words = names.iter().map(|name| format!("{{port:{name}}}"));
    let says = "echo $# ports; exec sleep 1000";
    let server =
        OutputCoordinatedExecutor::new(["sh", "-c", says, "sh"], "^260 ports$").args(words);
    server.start().unwrap();
    let ports = names.iter().map(|name| server.port_named(name));
    assert_eq!(ports.collect::<HashSet<_>>().len(), 260);
}

#[test]
fn named_ports_are_distinct_and_stay() {
    let listens = [
        "listen",
        "127.0.0.1:{port}",
        "listen",
        "127.0.0.1:{port:admin}",
        "say",
        "up",
    ];
    let server = OutputCoordinatedExecutor::new(actor(listens), "^up$");
    let ports = [
        server.port(),
        server.port_named("admin"),
        server.port_named("more"),
    ];
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
    server.start().unwrap();
    server.restart().unwrap();
    server.stopped(|| assert!(!server.is_running())).unwrap();
    let same = [
        server.port(),
        server.port_named("admin"),
        server.port_named("more"),
    ];
    assert_eq!(same, ports);
    assert_eq!(ask(format!("127.0.0.1:{}", ports[1]).parse().unwrap()), "1");
}

#[test]
fn a_stopped_process_is_started_again_also_after_a_panic() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let panics = std::panic::AssertUnwindSafe(|| {
        let _: Result<(), Error> = sleeper.stopped(|| panic!("this panic is part of a test"));
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(sleeper.is_running());
}

#[test]
fn a_running_server_is_reused_if_asked_and_left_alone() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = TcpCoordinatedExecutor::new("no-such-program", "localhost", port).reuse(true);
    server.start().unwrap();
    assert!(server.is_running());
    assert_eq!(
        (server.id(), server.addr()),
        (None, somebody.local_addr().unwrap())
    );
    assert!(server.start().unwrap_err().is_already_running());
    assert!(
        server
            .kill()
            .unwrap_err()
            .to_string()
            .contains("does not control it")
    );
    server.stop().unwrap();
    assert!(!server.is_running());
    drop(std::net::TcpStream::connect(somebody.local_addr().unwrap()).unwrap());
}

#[test]
fn without_a_running_server_reuse_starts_one() {
    let dir = TempDir::new();
    let server = on(free_port(), &dir.file("record")).reuse(true);
    server.start().unwrap();
    assert!(server.id().is_some());
    let error = SimpleExecutor::new("sleep 1")
        .reuse(true)
        .start()
        .unwrap_err();
    assert!(
        error.to_string().contains("`reuse` needs a fixed port"),
        "{error}"
    );
}

#[test]
fn a_server_that_hands_its_port_to_somebody_else_is_ready_if_asked() {
    let server =
        TcpCoordinatedExecutor::new("sleep 1000", "localhost", 0).listener(probe::Listener::Any);
    let _engine = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    server.start().unwrap();
}

#[test]
fn workers_that_share_a_port_are_one_service() {
    let server = tcp(
        [
            "child",
            "share 127.0.0.1:{port}",
            "child",
            "share 127.0.0.1:{port}",
            "share",
            "127.0.0.1:{port}",
        ],
        "localhost",
    );
    server.start().unwrap();
}

#[test]
fn a_socket_may_be_passed_to_a_child() {
    let server = tcp(["handover", "127.0.0.1:{port}"], "localhost");
    server.start().unwrap();
}

#[test]
fn udp_is_known_by_who_has_bound_it() {
    let script = actor(["boot", "20", "udp", "127.0.0.1:{port}"]);
    let server = Coordinated::with(script, probe::udp("localhost", 0));
    server.start().unwrap();
    assert!(std::net::UdpSocket::bind(server.addr()).is_err());

    let dir = TempDir::new();
    let script = actor(["record", &dir.file("up"), "up"]);
    let server = Coordinated::with(script, probe::udp("127.0.0.1", 0));
    let port = server.port();
    thread::scope(|threads| {
        let stranger = threads.spawn(|| {
            eventually("the server runs", || !recorded(&dir.file("up")).is_empty());
            std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap()
        });
        let error = server.start().unwrap_err().to_string();
        drop(stranger.join().unwrap());
        assert!(
            error.contains("another process listens there: pid "),
            "{error}"
        );
    });
}

#[summon::summon(udp = [ACTOR, "udp", "127.0.0.1:{port}"], host = "127.0.0.1")]
#[test]
fn udp_in_an_attribute(server: &summon::Process) {
    assert!(std::net::UdpSocket::bind(server.addr()).is_err());
}

#[test]
fn a_stranger_on_the_port_is_told_without_hints_at_a_shell() {
    let dir = TempDir::new();
    let script = format!("{ACTOR} record {} up; true", dir.file("up"));
    let server = TcpCoordinatedExecutor::new(["sh", "-c", &script], "127.0.0.1", 0);
    let port = server.port();
    let error = thread::scope(|threads| {
        let stranger = threads.spawn(|| {
            eventually("the server runs", || !recorded(&dir.file("up")).is_empty());
            TcpListener::bind(("127.0.0.1", port)).unwrap()
        });
        let error = server.start().unwrap_err().to_string();
        drop(stranger.join().unwrap());
        error
    });
    assert!(error.contains("another process listens there"), "{error}");
    assert!(!error.contains("\n  hint"), "{error}");
}

#[test]
fn the_hint_names_the_placeholder_that_the_url_has() {
    let script = actor(["listen", "127.0.0.1:{port}"]);
    let url = "http://localhost:{port:admin}/health";
    let error = error_at_limit("it listens on", |limit| {
        let server = summon::HttpCoordinatedExecutor::new(script.clone(), url).timeout(limit);
        server.start().unwrap_err()
    });
    assert!(error.contains("as `{port:admin}`"), "{error}");
    assert!(!error.contains("`{port}`"), "{error}");
}

#[test]
fn a_reused_server_must_be_ready_too() {
    let somebody = tcp(["http", "127.0.0.1:{port}", "503"], "localhost");
    somebody.start().unwrap();
    let url = format!("http://127.0.0.1:{}/", somebody.port());
    let reuse = || summon::HttpCoordinatedExecutor::new("no-such-program", &url).reuse(true);
    // `somebody` holds the lease of its port, and a second start would wait for its turn. So a
    // process outside of summon serves the port.
    let port = somebody.port();
    drop(somebody);
    let script = [ACTOR, "http", &format!("127.0.0.1:{port}"), "503"];
    let mut outside = Command::new(script[0]);
    let mut outside = Group::spawn(outside.args(&script[1..]).stdout(Stdio::null()));
    eventually("it listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let unready = reuse().timeout("5s").start().unwrap_err();
    let ready = reuse().status(503).start();
    outside.kill().unwrap();
    outside.wait().unwrap();
    assert!(unready.to_string().contains("it answers 503"), "{unready}");
    ready.unwrap();
}

#[test]
fn a_stop_ends_the_wait_for_a_server_to_reuse() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let (look, looked) = mpsc::channel();
    let never = move |_: &probe::Target<'_>| {
        let _ = look.send(());
        Err::<(), _>("it never is")
    };
    let server = TcpCoordinatedExecutor::new("no-such-program", "127.0.0.1", port)
        .and(never)
        .reuse(true)
        .timeout("600s");
    thread::scope(|threads| {
        let starting = threads.spawn(|| server.start().unwrap_err());
        looked.recv().unwrap();
        server.stop().unwrap();
        let error = starting.join().unwrap().to_string();
        assert!(
            error.contains(" was stopped before it became ready"),
            "{error}"
        );
    });
    assert!(!server.is_running());
}

#[test]
fn a_server_of_the_other_protocol_is_told() {
    let error = error_at_limit("it serves UDP", |limit| {
        let server = tcp(
            ["udp", "127.0.0.1:{port}", "say", "up", "wait"],
            "127.0.0.1",
        );
        server.timeout(limit).start().unwrap_err()
    });
    let expected = "nothing listens there; it serves UDP on 127.0.0.1:";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("wait for that with `udp`"), "{error}");

    let error = error_at_limit("it serves TCP", |limit| {
        let script = actor(["listen", "0.0.0.0:{port}"]);
        let server = Coordinated::with(script, probe::udp("127.0.0.1", 0));
        server.timeout(limit).start().unwrap_err()
    });
    let expected = "nothing listens there; it serves TCP on 0.0.0.0:";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("wait for that with `tcp`"), "{error}");
}
