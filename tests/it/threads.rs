//! A service is all its threads: each may hold the sockets.

use std::io::Read as _;
use std::net::TcpStream;

use summon::{Process, summon};

use crate::support::ACTOR;

/// Checks that a server answers, and that no probe has connected to it before.
fn is_first_client_of(server: &Process) {
    let mut answer = String::new();
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "1\n");
}

#[summon(tcp = [ACTOR, "headless", "listen", "{host}:{port}"])]
#[test]
fn a_server_without_its_first_thread_is_ready(server: &Process) {
    is_first_client_of(server);
}

#[summon(tcp = [ACTOR, "apart", "listen", "{host}:{port}"])]
#[test]
fn a_server_whose_thread_has_descriptors_of_its_own_is_ready(server: &Process) {
    is_first_client_of(server);
}
