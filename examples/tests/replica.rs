//! Three nodes of `replica`, as one cluster: what they do when nodes die.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use summon::{Cluster, Process, summon};

/// Sends a request to one node.
fn ask(node: &Process, request: &str) -> String {
    let mut stream = TcpStream::connect(node.addr()).unwrap();
    writeln!(stream, "{request}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

#[summon(
    bin = "replica",
    tcp = "{index} {host}:{port} {peers} {dir}/values",
    host = "127.0.0.1",
    nodes = 3
)]
#[test]
fn each_node_knows_what_another_has_written(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    for node in nodes {
        assert_eq!(ask(node, "get name"), "value Lisa");
    }
    assert_eq!(ask(&nodes[2], "get age"), "none");
}

#[summon(
    bin = "replica",
    tcp = "{index} {host}:{port} {peers} {dir}/values",
    host = "127.0.0.1",
    nodes = 3
)]
#[test]
fn a_node_that_comes_back_learns_what_it_has_missed(nodes: &Cluster) {
    nodes[0].kill().unwrap();
    assert_eq!(ask(&nodes[1], "set name Lisa"), "ok");
    nodes[0].start().unwrap();
    nodes[1].kill().unwrap();
    assert_eq!(ask(&nodes[0], "get name"), "value Lisa");
}

#[summon(
    bin = "replica",
    tcp = "{index} {host}:{port} {peers} {dir}/values",
    host = "127.0.0.1",
    nodes = 3
)]
#[test]
fn a_node_alone_refuses(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    nodes[1].kill().unwrap();
    nodes[2].kill().unwrap();
    let refused = "error only 1 of 3 nodes answer";
    assert_eq!(ask(&nodes[0], "set name Bart"), refused);
    assert_eq!(ask(&nodes[0], "get name"), refused);
}

#[summon(
    bin = "replica",
    tcp = "{index} {host}:{port} {peers} {dir}/values",
    host = "127.0.0.1",
    nodes = 3
)]
#[test]
fn nothing_is_lost_when_all_nodes_die(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    nodes.kill().unwrap();
    nodes.start().unwrap();
    assert_eq!(ask(&nodes[1], "get name"), "value Lisa");
}
