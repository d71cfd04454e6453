//! A link passes on what it gets, and is as short-lived as its test.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use summon::{
    Fixture, Link, OutputCoordinatedExecutor, Process, SimpleExecutor, TcpCoordinatedExecutor,
    summon,
};

use crate::linked::{Linked, answers, ends, is_reset, kill, noise, says};
use crate::support::{ACTOR, Life, actor, eventually, tcp};

#[test]
fn passes_every_byte_on_in_its_order_both_ways_at_once() {
    let linked = Linked::new();
    let (client, server) = linked.connect();
    let (up, down) = (noise(3 << 20, 1), noise(5 << 20, 2));
    let exchange = |stream: &TcpStream, sent: &[u8], expected: &[u8]| {
        std::thread::scope(|threads| {
            threads.spawn(|| {
                (&mut &*stream).write_all(sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
            let mut found = Vec::new();
            (&mut &*stream).read_to_end(&mut found).unwrap();
            assert!(found == expected, "{} of {}", found.len(), expected.len());
        });
    };
    std::thread::scope(|threads| {
        threads.spawn(|| exchange(&client, &up, &down));
        threads.spawn(|| exchange(&server, &down, &up));
    });
    let connections = linked.link.connections().unwrap();
    assert_eq!(connections.to_server, up.len() as u64 + 1);
    assert_eq!(connections.to_client, down.len() as u64);
    assert_eq!(connections.accepted, 1);
    eventually("the end of the connection", || {
        linked.link.connections().unwrap().open == 0
    });
}

#[test]
fn an_end_of_one_half_is_passed_on_and_the_other_half_goes_on() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    client.write_all(b"request").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    says(&mut server, b"request");
    assert!(ends(&mut server));
    server.write_all(b"answer").unwrap();
    says(&mut client, b"answer");
    drop(server);
    assert!(ends(&mut client));
}

#[test]
fn bytes_behind_an_urgent_one_arrive() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    client.write_all(b"before").unwrap();
    // SAFETY: the byte and the socket are valid.
    #[expect(unsafe_code, reason = "std has no urgent bytes")]
    let sent = unsafe { libc::send(client.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1);
    client.write_all(b"behind").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut found = String::new();
    server.read_to_string(&mut found).unwrap();
    assert_eq!(found, "beforebehind");
}

#[test]
fn a_reset_is_passed_on_behind_the_bytes_from_before() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    // To drop a socket with unread bytes resets the connection.
    client.write_all(b"unread").unwrap();
    server.peek(&mut [0]).unwrap();
    server.write_all(b"last").unwrap();
    drop(server);
    says(&mut client, b"last");
    assert!(is_reset(&mut client));

    let (client, mut server) = linked.connect();
    server.write_all(b"unread").unwrap();
    client.peek(&mut [0]).unwrap();
    drop(client);
    assert!(is_reset(&mut server));
}

#[test]
fn a_reset_after_the_end_of_the_stream_is_passed_on() {
    let linked = Linked::new();
    let (client, mut server) = linked.connect();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(ends(&mut server));
    server.write_all(b"unread").unwrap();
    client.peek(&mut [0]).unwrap();
    drop(client);
    eventually("the reset of the server's end", || {
        (&server).write_all(b"more").is_err()
    });
}

#[test]
fn a_server_that_is_gone_is_gone_behind_the_link_too() {
    let server = tcp(["http", "127.0.0.1:{port}", "200"], "127.0.0.1");
    // Before its start.
    let link = server.link().unwrap();
    assert!(!answers(&link));
    server.start().unwrap();
    assert!(answers(&link));
    server.stopped(|| assert!(!answers(&link))).unwrap();
    assert!(answers(&link));
    server.kill().unwrap();
    assert!(!answers(&link));
}

#[test]
fn a_link_follows_a_port_that_the_banner_reports() {
    let script = [
        "http",
        "127.0.0.1:{port:hidden}",
        "200",
        "say",
        "port {port:hidden}",
    ];
    let server = OutputCoordinatedExecutor::new(actor(script), r"^port (?<port>\d+)$");
    let link = server.link().unwrap();
    assert!(!answers(&link));
    server.start().unwrap();
    assert!(answers(&link));
}

#[test]
fn nothing_is_left_of_a_link_that_was_dropped() {
    let linked = Linked::new();
    let (mut client, mut server) = linked.connect();
    let Linked { link, .. } = linked;
    let addr = link.addr();
    let other = link.clone();
    drop(link);
    client.write_all(b"still").unwrap();
    says(&mut server, b"still");
    drop(other);
    assert!(is_reset(&mut client) && is_reset(&mut server));
    // Its port is free at once.
    TcpListener::bind(addr).unwrap();
}

#[test]
fn a_process_without_a_tcp_port_has_no_link() {
    let error = SimpleExecutor::new("sleep 100").link().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("sleep can't have a link: it has no port\n"),
        "{error}"
    );
    let udp = summon::Coordinated::with("dns {port}", summon::probe::udp("127.0.0.1", 0));
    let error = udp.link().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("dns can't have a link: links pass on TCP, and it serves UDP\n"),
        "{error}"
    );
}

#[summon(tcp = [ACTOR, "listen", "127.0.0.1:{port}"], linked = true)]
#[summon(output = [ACTOR, "args", "{db.port} {db.host} {db.url}"], banner = "^.")]
#[test]
fn other_processes_of_the_set_use_the_link_of_a_linked_one(db: &Process, api: &Process) {
    let link = db.link().unwrap();
    let (port, url) = (link.port(), link.url("/"));
    let told = String::from_utf8_lossy(&api.output()).into_owned();
    assert_eq!(told, format!("[{port} 127.0.0.1 {url}]\n"));
    assert_ne!(db.port(), port);
    // The same link, and nobody has looked for readiness through it.
    assert_eq!(db.link().unwrap().port(), port);
    assert_eq!(link.connections().unwrap().accepted, 0);
    db.restart().unwrap();
    assert_eq!(db.link().unwrap().port(), port);
    TcpStream::connect(link.addr()).unwrap();
}

fn own() -> TcpCoordinatedExecutor {
    tcp(["listen", "127.0.0.1:{port}"], "127.0.0.1")
}

#[summon(simple = [ACTOR, "listen", "127.0.0.1:{port}"], link = true, name = "simple")]
#[summon(output = [ACTOR, "listen", "127.0.0.1:{port}", "say", "up"], banner = "up", link = true, name = "output")]
#[summon(tcp = [ACTOR, "listen", "127.0.0.1:{port}"], link = true, name = "tcp")]
#[summon(http = [ACTOR, "http", "127.0.0.1:{port}", "200"], link = true, name = "http")]
#[summon(file = [ACTOR, "listen", "127.0.0.1:{port}", "touch", "{dir}/up"], path = "{dir}/up", link = true, name = "file")]
#[summon(notify = [ACTOR, "listen", "127.0.0.1:{port}", "notify", "READY=1"], link = true, name = "notify")]
#[summon(
    bin = "actor",
    tcp = "listen 127.0.0.1:{port}",
    link = true,
    name = "bin"
)]
#[summon(executor = own(), link = true, name = "executor")]
#[test]
fn a_process_of_each_kind_with_a_port_has_a_link(
    simple: &Process,
    output: &Process,
    tcp: &Process,
    http: &Process,
    file: &Process,
    notify: &Process,
    bin: &Process,
    executor: &Process,
) {
    for process in [simple, output, tcp, http, file, notify, bin, executor] {
        let link = process.link().unwrap();
        eventually("the server", || TcpStream::connect(process.addr()).is_ok());
        assert!(answers(&link), "{}", process.name());
        link.cut().unwrap();
        assert!(
            TcpStream::connect(link.addr()).is_err(),
            "{}",
            process.name()
        );
    }
}

fn linked_executor() -> SimpleExecutor {
    SimpleExecutor::new("sleep {port}").linked(true)
}

#[summon::fixture(executor = linked_executor())]
static LINKED: Fixture;

#[test]
fn a_fixture_has_no_link_of_its_own_and_says_what_to_do() {
    let error = LINKED.get().unwrap_err().to_string();
    let expected = "LINKED could not be started: a fixture has no link of its own; each test makes one with \
                    `#[summon(link = LINKED)]`\n";
    assert!(error.starts_with(expected), "{error}");
}

#[summon::fixture(tcp = [ACTOR, "listen", "127.0.0.1:{port}"])]
static DOWN: Fixture;

#[summon(link = DOWN)]
fn with_a_link_to_a_fixture_that_is_down() {
    unreachable!("the start has failed");
}

#[test]
fn a_fixture_that_has_ended_has_no_link() {
    kill(&Life::of(DOWN.id().unwrap()).unwrap());
    eventually("the end of the fixture", || !DOWN.is_running());
    let error = DOWN.link().unwrap_err().to_string();
    let expected = "DOWN can't have a link: it has ended\n";
    assert!(error.starts_with(expected), "{error}");
    let panic = std::panic::catch_unwind(with_a_link_to_a_fixture_that_is_down).unwrap_err();
    let panic = panic.downcast_ref::<String>().unwrap();
    assert!(panic.contains("DOWN"), "{panic}");
}

#[summon::fixture(tcp = [ACTOR, "http", "127.0.0.1:{port}", "200"])]
static SHARED: Fixture;

#[test]
fn links_to_a_fixture_are_independent_of_each_other() {
    let (one, other) = (SHARED.link().unwrap(), SHARED.link().unwrap());
    one.cut().unwrap();
    assert!(TcpStream::connect(one.addr()).is_err());
    assert!(answers(&other));
    drop(one);
    assert!(answers(&other));
}

#[summon(link = SHARED)]
#[summon(output = [ACTOR, "args", "{shared.port} {shared.host} {shared.url}"], banner = "^.")]
#[test]
fn a_declared_link_is_what_other_processes_of_the_set_use(shared: &Link, api: &Process) {
    let (port, url) = (shared.port(), shared.url("/"));
    let told = String::from_utf8_lossy(&api.output()).into_owned();
    assert_eq!(told, format!("[{port} 127.0.0.1 {url}]\n"));
    assert_ne!(SHARED.port(), port);
    assert!(answers(shared));
    shared.cut().unwrap();
    assert!(TcpStream::connect(SHARED.addr()).is_ok());
}

#[summon(tcp = [ACTOR, "listen", "127.0.0.1:{port}"], link = true)]
#[test]
fn a_process_with_a_link_of_its_own_always_returns_this_one(db: &Process) {
    assert_eq!(db.link().unwrap().port(), db.link().unwrap().port());
}

#[test]
fn a_link_that_is_made_while_the_banner_reports_the_port_leads_there() {
    let script = [
        "sh",
        "-c",
        r#"exec "$0" boot 20 listen "127.0.0.1:$1" say "port $1" wait"#,
    ];
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let free = free.to_string();
        let command: Vec<&str> = script.into_iter().chain([ACTOR, &free]).collect();
        let server = OutputCoordinatedExecutor::new(command, r"^port (?<port>\d+)$");
        let links = std::thread::scope(|threads| {
            let starting = threads.spawn(|| server.start());
            let mut links = Vec::new();
            while !starting.is_finished() {
                links.push(server.link().unwrap());
            }
            starting.join().unwrap().unwrap();
            links
        });
        for link in links {
            let mut greeting = String::new();
            let mut client = TcpStream::connect(link.addr()).unwrap();
            let read = client.read_to_string(&mut greeting);
            assert!(read.is_ok() && !greeting.is_empty(), "{read:?}");
        }
    }
}
