//! Nothing is left of a link, however the link or its test ends.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use summon::SimpleExecutor;

use crate::linked::{Linked, is_reset, kill, link_process};
use crate::support::{Group, eventually};

/// Returns a command that runs one test of this module in a process of its own.
fn alone(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("link_ends::{test}");
    command.args(["--exact", &test, "--ignored", "--nocapture"]);
    command
}

/// Returns the number of this process's threads, and of its descriptors.
fn held() -> (usize, usize) {
    let count = |dir: &str| std::fs::read_dir(dir).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn run_by_another_and_counts_what_it_holds() {
    let linked = Linked::unique();
    let before = held();
    for round in 0..20 {
        let other = Linked::unique();
        let (pair, process) = (other.connect(), other.process());
        other.link.delay("1h").unwrap();
        if round % 2 == 0 {
            kill(&process);
            assert!(other.link.heal().is_err());
        }
        drop((pair, other));
        eventually("the end of the link", || !process.goes_on());
    }
    assert_eq!(held(), before);
    linked.connect();
}

#[test]
fn no_thread_and_no_descriptor_is_left_in_the_test() {
    let ran = alone("run_by_another_and_counts_what_it_holds").output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
#[ignore = "another test runs it in a process of its own, and kills it"]
fn run_by_another_and_waits() {
    let linked = Linked::unique();
    let _pair = linked.connect();
    println!("\nport {}", linked.link.port());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[test]
fn its_port_is_free_and_its_connections_are_reset_after_the_test_was_killed() {
    let mut test = alone("run_by_another_and_waits");
    let mut test = Group::spawn(test.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let lines = BufReader::new(test.0.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let port = line.strip_prefix("port ")?.parse::<u16>();
        Some(port.unwrap())
    });
    let addr: SocketAddr = ([127, 0, 0, 1], port.expect("the link has a port")).into();
    let mut client = TcpStream::connect(addr).unwrap();
    test.0.kill().unwrap();
    test.0.wait().unwrap();
    assert!(is_reset(&mut client));
    eventually("the port is free", || TcpListener::bind(addr).is_ok());
}

#[test]
fn a_link_whose_process_was_killed_says_so_and_another_takes_its_place() {
    let linked = Linked::unique();
    let (mut client, _server) = linked.connect();
    kill(&linked.process());
    // The kernel ends the connections of a killed process.
    assert!(client.write_all(b"more").is_err() || is_reset(&mut client) || closed(&client));
    let expected = "can't be changed: its process has ended";
    let error = linked.link.cut().unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    let error = linked.link.while_cut(|| ()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(linked.link.connections().is_err());
    // Its port and its lease are free.
    let addr = linked.link.addr();
    eventually("the port is free", || TcpListener::bind(addr).is_ok());
    drop(linked);
    Linked::unique().connect();
}

fn closed(client: &TcpStream) -> bool {
    client.peek(&mut [0]).is_ok_and(|count| count == 0)
}

#[test]
fn a_link_that_dies_does_not_hinder_the_stop_of_its_server() {
    let name = format!("stops-{}", std::process::id());
    let server = SimpleExecutor::new("sleep 1000 {port}").named(&name);
    let server = server.linked(true);
    server.start().unwrap();
    let link = server.link().unwrap();
    kill(&link_process(&name).expect("a process"));
    assert!(link.heal().is_err());
    server.restart().unwrap();
    server.stop().unwrap();
}
