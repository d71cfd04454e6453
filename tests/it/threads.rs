//! A service is all its threads: each may hold the sockets.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use summon::{Process, TcpCoordinatedExecutor, orchestrated, summon};

use crate::support::{ACTOR, actor};

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

#[test]
fn a_server_without_its_first_thread_ends_as_soon_as_another() {
    let end_of = |first: &str| {
        let server = actor([first, "listen", "{host}:{port}"]);
        let server = TcpCoordinatedExecutor::new(server, "localhost", 0);
        let scope = orchestrated(&server).unwrap();
        let began = Instant::now();
        drop(scope);
        began.elapsed()
    };
    let (usual, headless) = (end_of("quiet"), end_of("headless"));
    // summon waits up to 5 s for a server that is ending.
    assert!(
        headless < usual + Duration::from_secs(4),
        "{headless:?} {usual:?}"
    );
}
