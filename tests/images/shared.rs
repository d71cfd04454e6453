//! A container is shared as a fixture, and has links, as a program does.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use summon::{Fixture, Link, Process, summon};

use crate::apart;
use crate::engine::ACTOR;

/// Connects, and returns the count that the actor answers, or the error.
fn count(addr: SocketAddr) -> Result<u8, std::io::Error> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut answer = [0; 1];
    stream.read_exact(&mut answer)?;
    Ok(answer[0] - b'0')
}

#[summon::fixture(image = ACTOR, tcp = "listen {host}:{port}", port = 80)]
static OF_BINARY: Fixture;

#[summon::fixture(image = ACTOR, tcp = "listen {host}:{port}", port = 80, scope = "run")]
static OF_RUN: Fixture;

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(fixture = OF_BINARY)]
#[test]
fn by_a_fixture_of_the_binary(actor: &Process) {
    assert_ne!(actor.port(), 80);
    let first = count(actor.addr()).unwrap();
    // Other tests use the container at the same time. A second container would count from 1.
    assert!(count(OF_BINARY.addr()).unwrap() > first);
    assert_eq!(actor.exec("cat /etc/passwd").unwrap()[..5], *b"root:");
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[test]
fn by_a_fixture_of_the_run() {
    if apart::is_here() {
        println!("[{} {}]", OF_RUN.port(), count(OF_RUN.addr()).unwrap());
        // A process that did not start the container has its commands and its output too.
        assert_eq!(OF_RUN.exec("cat /etc/passwd").unwrap()[..5], *b"root:");
        assert!(OF_RUN.id().is_some());
        return;
    }
    let first = count(OF_RUN.addr()).unwrap();
    for later in 1..3 {
        let other = apart::run("shared::by_a_fixture_of_the_run", &[]);
        let said = apart::said(&other);
        assert!(other.status.success(), "{said}");
        let line = format!("[{} {}]", OF_RUN.port(), first + later);
        assert!(said.contains(&line), "{said}\nlacks {line}");
    }
    // The ends of the other processes have not ended the container.
    assert_eq!(count(OF_RUN.addr()).unwrap(), first + 3);
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(link = OF_BINARY)]
#[test]
fn through_a_link_of_a_fixture(link: &Link) {
    count(link.addr()).unwrap();
    assert_ne!(link.port(), OF_BINARY.port());
    link.cut().unwrap();
    count(link.addr()).unwrap_err();
    count(OF_BINARY.addr()).unwrap();
    link.heal().unwrap();
    count(link.addr()).unwrap();
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(image = ACTOR, tcp = "listen {host}:{port}", port = 80, link = true)]
#[test]
fn through_a_link_of_its_own(actor: &Process) {
    let link = actor.link().unwrap();
    assert_eq!(count(link.addr()).unwrap(), 1);
    link.cut().unwrap();
    count(link.addr()).unwrap_err();
    assert_eq!(count(actor.addr()).unwrap(), 2);
    link.heal().unwrap();
    assert_eq!(count(link.addr()).unwrap(), 3);
    // The link leads to the new container too.
    actor.restart().unwrap();
    assert_eq!(count(link.addr()).unwrap(), 1);
}
