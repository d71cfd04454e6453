//! Tests that want the same fixed port take turns.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use summon::{SimpleExecutor, TcpCoordinatedExecutor, orchestrated};

use crate::support::{ACTOR, Group, Life, OWNER, TempDir, actor, ask, recorded};
use crate::tree::Owner;

/// Leases a free port for a moment, and then gives it back. Another test of this run may lease it
/// as its `{port}`. The two tests then take turns, which is the behaviour under test.
pub(crate) fn free_port() -> u16 {
    SimpleExecutor::new("true").port()
}

/// Returns a server on a fixed port that records when it is up and when it ends.
pub(crate) fn on(port: u16, record: &str) -> TcpCoordinatedExecutor {
    let addr = format!("127.0.0.1:{port}");
    let script = [
        "farewell", record, "-up", "record", record, "up", "listen", &addr,
    ];
    TcpCoordinatedExecutor::new(actor(script), "localhost", port).turn_timeout("60s")
}

/// Whether each server ended before the next one was up.
fn one_at_a_time(record: &str) -> bool {
    let words = recorded(record);
    words.chunks(2).all(|two| two == ["up", "-up"])
}

#[test]
fn tests_that_want_one_fixed_port_take_turns() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let server = on(port, &record);
                server.start().unwrap();
                assert_eq!(ask(server.addr()), "1");
                server.stop().unwrap();
            });
        }
    });
    assert_eq!(recorded(&record).len(), 16);
    assert!(one_at_a_time(&record));
}

#[test]
fn a_turn_is_kept_over_a_restart() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let server = on(port, &record);
    server.start().unwrap();
    thread::scope(|threads| {
        let other = threads.spawn(|| {
            let other = on(port, &record);
            other.start().unwrap();
            assert!(!server.is_running());
        });
        for _ in 0..10 {
            server.restart().unwrap();
        }
        assert!(!other.is_finished());
        server.stop().unwrap();
        other.join().unwrap();
    });
    assert!(one_at_a_time(&record));
}

#[test]
fn overlapping_sets_do_not_wait_for_each_other() {
    let dir = TempDir::new();
    let ports = [free_port(), free_port()];
    let records = [dir.file("one"), dir.file("two")];
    let start = |first: usize, second: usize| {
        for _ in 0..10 {
            let one = on(ports[first], &records[first]).named("one");
            let two = on(ports[second], &records[second]).named("two");
            drop(orchestrated((&one, &two)).unwrap());
        }
    };
    thread::scope(|threads| {
        threads.spawn(|| start(0, 1));
        threads.spawn(|| start(1, 0));
        threads.spawn(|| start(0, 1));
    });
    for record in &records {
        assert_eq!(recorded(record).len(), 60);
        assert!(one_at_a_time(record));
    }
}

#[test]
fn a_set_that_could_not_start_gives_its_ports_back() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let missing = SimpleExecutor::new("no-such-program").named("missing");
    let server = on(port, &record).after("missing");
    assert!(orchestrated((&missing, &server)).is_err());
    let other = on(port, &record).turn_timeout("0s");
    other.start().unwrap();
}

#[test]
fn a_set_or_a_thread_that_wants_a_port_twice_is_told_at_once() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let one = on(port, &record).named("one");
    let two = on(port, &record).named("two").turn_timeout("1h");
    let error = orchestrated((&one, &two)).unwrap_err().to_string();
    let expected = format!("one and two of one set have the same fixed port, {port}\n");
    assert!(error.starts_with(&expected), "{error}");
    one.start().unwrap();
    let error = two.start().unwrap_err().to_string();
    let expected = format!("one holds port {port}, and was started by this thread");
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_turn_that_does_not_come_is_an_error_that_names_the_holder() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let server = on(port, &record).named("holder");
    server.start().unwrap();
    let error = thread::scope(|threads| {
        let other = || on(port, &record).turn_timeout("20ms").start();
        threads.spawn(other).join().unwrap().unwrap_err()
    });
    assert!(error.is_timeout());
    let text = error.to_string();
    assert!(
        text.contains(&format!("\n  port      {port} is held by pid ")),
        "{text}"
    );
    assert!(text.contains("`summon-guard: holder`"), "{text}");
    assert!(
        text.contains("the start waited for 20ms; `turn_timeout` sets this limit"),
        "{text}"
    );
}

#[test]
fn who_holds_a_port_and_waits_for_another_is_told_what_that_means() {
    let dir = TempDir::new();
    let (mine, theirs, record) = (free_port(), free_port(), dir.file("record"));
    let server = on(mine, &record);
    server.start().unwrap();
    let (up, down) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|threads| {
        threads.spawn(|| {
            let dir = TempDir::new();
            let other = on(theirs, &dir.file("record"));
            other.start().unwrap();
            up.wait();
            down.wait();
        });
        up.wait();
        let error = on(theirs, &record)
            .turn_timeout("20ms")
            .start()
            .unwrap_err();
        down.wait();
        assert!(error.is_timeout());
        assert!(
            error
                .to_string()
                .contains("so the two may wait for each other"),
            "{error}"
        );
    });
}

#[test]
fn leases_of_a_killed_test_process_are_had_as_soon_as_its_services_are_gone() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let mut command = Command::new(OWNER);
    command
        .args([&format!("port {port}"), "wait", ACTOR])
        .env("RECORD", &record);
    let mut owner = Owner::from(&mut command);
    let service = Life::of(owner.services[0]).unwrap();
    owner.signal(libc::SIGKILL, false);
    owner.child.wait().unwrap();
    // The service ignores TERM and has a grace of 300 ms, so its turn lasts longer than its owner.
    let server = on(port, &record);
    server.start().unwrap();
    assert!(!service.goes_on());
    assert_eq!(recorded(&record), ["owner", "up"]);
}

#[test]
#[ignore = "another test holds the port of this one, and reads what it says"]
fn run_by_another_and_waits_for_its_turn() {
    let port = std::env::var("PORT").unwrap().parse().unwrap();
    let record = std::env::var("RECORD").unwrap();
    // This starts the warden, so that the short start below has time for its own work.
    SimpleExecutor::new("sleep 1000").start().unwrap();
    // summon reports the wait after 2 s. The wait is longer than the time-out, and must not count
    // against it.
    on(port, &record)
        .named("waiter")
        .timeout("1900ms")
        .start()
        .unwrap();
}

#[test]
fn a_long_wait_is_told_on_stderr_and_not_charged_to_the_start() {
    let dir = TempDir::new();
    let (port, record) = (free_port(), dir.file("record"));
    let server = on(port, &record).named("holder");
    server.start().unwrap();
    let mut waiter = Command::new(std::env::current_exe().unwrap());
    waiter
        .args([
            "--exact",
            "turns::run_by_another_and_waits_for_its_turn",
            "--ignored",
        ])
        .arg("--nocapture")
        .env("PORT", port.to_string())
        .env("RECORD", &record)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut waiter = Group::spawn(&mut waiter);
    let lines = BufReader::new(waiter.stderr.take().unwrap()).lines();
    let told = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("summon: "));
    let told = told.expect("it says that it waits");
    let expected = format!("summon: waiter waits for its turn on port {port}; it is held by pid ");
    assert!(
        told.starts_with(&expected) && told.ends_with("`summon-guard: holder`"),
        "{told}"
    );
    server.stop().unwrap();
    assert!(waiter.wait().unwrap().success());
    assert!(one_at_a_time(&record));
}
