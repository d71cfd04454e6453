//! Three nodes of `replica`, as one cluster: what they do when nodes die, or can't reach each other. Links
//! need Linux.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use summon::{Cluster, Process, TcpCoordinatedExecutor, summon};

/// Three nodes, with a link in front of each.
fn replicas() -> Cluster {
    let program = env!("CARGO_BIN_EXE_replica");
    let command = [
        program,
        "{index}",
        "{host}:{port}",
        "{peers}",
        "{dir}/values",
    ];
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0)
        .linked(true)
        .nodes(3)
}

/// Sends a request to one node.
fn ask(node: &Process, request: &str) -> String {
    let mut stream = TcpStream::connect(node.addr()).unwrap();
    writeln!(stream, "{request}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

const REFUSED: &str = "error only 1 of 3 nodes answer";

#[summon(executor = replicas())]
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "links need Linux")]
fn each_node_knows_what_another_has_written(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    for node in nodes {
        assert_eq!(ask(node, "get name"), "value Lisa");
    }
    assert_eq!(ask(&nodes[2], "get age"), "none");
}

#[summon(executor = replicas())]
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "links need Linux")]
fn a_node_that_comes_back_learns_what_it_has_missed(nodes: &Cluster) {
    nodes[0].kill().unwrap();
    assert_eq!(ask(&nodes[1], "set name Lisa"), "ok");
    nodes[0].start().unwrap();
    nodes[1].kill().unwrap();
    assert_eq!(ask(&nodes[0], "get name"), "value Lisa");
}

#[summon(executor = replicas())]
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "links need Linux")]
fn a_node_alone_refuses(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    nodes[1].kill().unwrap();
    nodes[2].kill().unwrap();
    assert_eq!(ask(&nodes[0], "set name Bart"), REFUSED);
    assert_eq!(ask(&nodes[0], "get name"), REFUSED);
}

#[summon(executor = replicas())]
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "links need Linux")]
fn an_isolated_node_refuses_while_the_others_go_on(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    let isolated = nodes.isolated(0, || {
        assert_eq!(ask(&nodes[1], "set name Bart"), "ok");
        assert_eq!(ask(&nodes[0], "get name"), REFUSED);
    });
    isolated.unwrap();
    assert_eq!(ask(&nodes[0], "get name"), "value Bart");
}

#[summon(executor = replicas())]
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "links need Linux")]
fn nothing_is_lost_when_all_nodes_die(nodes: &Cluster) {
    assert_eq!(ask(&nodes[0], "set name Lisa"), "ok");
    nodes.kill().unwrap();
    nodes.start().unwrap();
    assert_eq!(ask(&nodes[1], "get name"), "value Lisa");
}
