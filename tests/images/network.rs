//! A container in a network that `engine_args` choose is ready when its own program serves, or the start says
//! why nobody can tell.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};

use summon::{OutputCoordinatedExecutor, TcpCoordinatedExecutor};

use crate::engine::ACTOR;

/// Returns a server of the actor in the network of this machine.
fn on_host(script: &str, port: u16) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(script, "localhost", port)
        .image(ACTOR)
        .engine_args(["--network", "host"])
}

fn answers(addr: SocketAddr) -> bool {
    let mut answer = [0; 1];
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.read_exact(&mut answer).unwrap();
    answer == *b"1"
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn of_this_machine_has_the_same_ports() {
    let free = on_host("boot 200 listen {host}:{port}", 0);
    free.start().unwrap();
    assert!(answers(free.addr()));
    assert_eq!(free.addr().port(), free.port());
    free.restart().unwrap();
    assert!(answers(free.addr()));
    let port = free.port();
    drop(free);
    let fixed = on_host(&format!("listen 127.0.0.1:{port}"), port);
    fixed.start().unwrap();
    assert_eq!(fixed.addr(), SocketAddr::from(([127, 0, 0, 1], port)));
    assert!(answers(fixed.addr()));
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn of_this_machine_may_have_servers_of_others() {
    let server = on_host("boot 600000", 0);
    let _stranger = TcpListener::bind(("0.0.0.0", server.port())).unwrap();
    let error = server.start().unwrap_err().to_string();
    let own = std::process::id();
    let expected = format!("another process listens there: pid {own}, `");
    assert!(error.contains(&expected), "{error}");
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let fixed = on_host("boot 600000", port).start().unwrap_err();
    assert!(fixed.is_already_running(), "{fixed}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn without_a_way_to_its_ports_is_an_error() {
    for network in ["none", "container:x"] {
        let server = TcpCoordinatedExecutor::new("listen 0.0.0.0:80", "localhost", 80).image(ACTOR);
        let server = server.engine_args(["--network", network]);
        let error = server.start().unwrap_err().to_string();
        let expected = format!("its port can't be reached with `--network {network}`");
        assert!(error.contains(&expected), "{error}");
        assert!(
            error.contains("\n  hint      remove `--network`, "),
            "{error}"
        );
    }
    // A process without a port works.
    let talks = OutputCoordinatedExecutor::new(["-c", "echo up; exec sleep 1000"], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
        .engine_args(["--network", "none"]);
    talks.start().unwrap();
}
