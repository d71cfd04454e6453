//! Tests that fail while the network is broken. `tests/it/reports.rs` reads their reports.

mod common;

use std::net::TcpStream;

use common::actor;
use summon::{Cluster, Fixture, Link, Process, summon};

#[summon(tcp = actor("listen 127.0.0.1:{port}"), link = true)]
#[test]
fn the_network_is_broken(server: &Process) {
    let link = server.link().unwrap();
    link.delay(("200ms", "10ms")).unwrap();
    link.heal().unwrap();
    // The fault is undone while the test unwinds, so after the failure.
    link.while_cut(|| drop(TcpStream::connect(link.addr()).expect("a connection")))
        .unwrap();
}

#[summon::fixture(tcp = actor("listen 127.0.0.1:{port}"))]
static SHARED: Fixture;

#[summon(link = SHARED)]
#[test]
fn the_network_to_a_fixture_is_broken(shared: &Link) {
    for limit in 1..=9 {
        shared.limit(limit).unwrap();
    }
    panic!("on purpose");
}

#[test]
fn a_link_of_the_body_is_broken() {
    let link = SHARED.link().unwrap();
    link.silence().unwrap();
    panic!("on purpose");
}

#[summon(tcp = actor("listen 127.0.0.1:{port}"))]
#[summon(fixture = SHARED)]
#[test]
fn links_have_ended_when_the_test_returns_an_error(server: &Process, shared: &Process) -> Result<(), String> {
    let link = server.link().unwrap();
    link.cut().unwrap();
    let untouched = server.link().unwrap();
    let to_shared = shared.link().unwrap();
    to_shared.silenced(|| drop(untouched)).unwrap();
    Err("on purpose".to_owned())
}

#[summon(tcp = actor("listen 127.0.0.1:{port}"), name = "node", nodes = 3, links = true)]
#[test]
fn a_cluster_is_separated(nodes: &Cluster) {
    nodes.isolate(0).unwrap();
    nodes[2].kill().unwrap();
    panic!("on purpose");
}

#[summon(link = SHARED, name = "near")]
#[summon(link = SHARED, name = "far")]
#[test]
fn two_links_to_a_fixture_are_broken(near: &Link, far: &Link) {
    near.delay("1s").unwrap();
    far.silence().unwrap();
    far.cut().unwrap();
    panic!("on purpose");
}
