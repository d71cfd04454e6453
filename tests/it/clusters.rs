//! The nodes of a cluster know each other before they start, and each has its own ports and files.

use std::net::TcpStream;

use summon::{
    Cluster, Executor, Orchestrator, OutputCoordinatedExecutor, Process, SimpleExecutor,
    orchestrated, summon,
};

use crate::support::{TempDir, actor, ask, recorded, tcp};

/// An executor that is ready when it has said a text, which is then the value `text`.
fn saying(text: &str) -> OutputCoordinatedExecutor {
    OutputCoordinatedExecutor::new(actor(["say", text]), "^(?<text>.+)$").named("node")
}

fn said(cluster: &Cluster) -> Vec<String> {
    let said = cluster.iter().map(|node| node.value("text").unwrap());
    said.collect()
}

#[summon(
    bin = "actor",
    output = "say '{index} {name} {port} {peers}'",
    banner = "^(?<text>.+)$",
    nodes = 3
)]
#[test]
fn a_node_knows_its_number_and_all_addresses(nodes: &Cluster) {
    let ports: Vec<u16> = nodes.iter().map(|node| node.port()).collect();
    let peers: Vec<_> = ports.iter().map(|it| format!("localhost:{it}")).collect();
    let peers = peers.join(",");
    let said = said(nodes);
    for (index, port) in ports.into_iter().enumerate() {
        let expected = format!("{index} actor-{index} {port} {peers}");
        assert_eq!(said[index], expected);
    }
    assert_eq!((nodes.len(), nodes.name()), (3, "actor"));
}

#[test]
fn the_others_are_all_but_oneself() {
    let cluster = saying("{others} {others:a}").nodes(3);
    cluster.start().unwrap();
    let address = |index: usize, label| {
        let port = cluster[index].port_named(label);
        format!("localhost:{port}")
    };
    let others = |one, two| {
        let list = |label| format!("{},{}", address(one, label), address(two, label));
        format!("{} {}", list(""), list("a"))
    };
    assert_eq!(said(&cluster), [others(1, 2), others(0, 2), others(0, 1)]);
}

#[test]
fn a_cluster_of_one_has_no_others() {
    let cluster = saying("{peers} [{others}]").nodes(1);
    cluster.start().unwrap();
    let port = cluster[0].port();
    assert_eq!(said(&cluster), [format!("localhost:{port} []")]);
}

#[test]
fn lists_have_the_host_that_was_declared() {
    let script = ["listen", "127.0.0.1:{port}", "say", "{peers}"];
    let cluster = tcp(script, "127.0.0.1").nodes(2);
    cluster.start().unwrap();
    let peers = format!("{},{}", cluster[0].addr(), cluster[1].addr());
    cluster[1].wait_for_output(&peers, "10s").unwrap();
}

#[test]
fn lists_of_a_label_have_the_ports_of_that_label() {
    let cluster = saying("{peers:raft} {port:raft}").nodes(2);
    cluster.start().unwrap();
    let ports = [0, 1].map(|index: usize| cluster[index].port_named("raft"));
    let [one, two] = ports;
    let peers = format!("localhost:{one},localhost:{two}");
    assert_eq!(said(&cluster), ports.map(|own| format!("{peers} {own}")));
}

#[test]
fn nodes_name_each_other_and_start_side_by_side() {
    let dir = TempDir::new();
    let (mine, other) = (dir.file("{index}"), |index| dir.file(index));
    let (first, second) = (other("0"), other("1"));
    // A node becomes ready only after both have begun.
    let script = [
        "record",
        &mine,
        "here",
        "await",
        &first,
        "await",
        &second,
        "say",
        "{node-0.port} {node-1.port:a}",
    ];
    let cluster = OutputCoordinatedExecutor::new(actor(script), "^(?<text>.+)$")
        .named("node")
        .nodes(2);
    cluster.start().unwrap();
    let ports = format!("{} {}", cluster[0].port(), cluster[1].port_named("a"));
    assert_eq!(said(&cluster), [ports.clone(), ports]);
}

#[test]
fn after_makes_one_node_the_first() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let script = [
        "record", &record, "{index}", "farewell", &record, "-{index}", "say", "up",
    ];
    let cluster = OutputCoordinatedExecutor::new(actor(script), "up")
        .named("node")
        .after("node-1")
        .nodes(2);
    cluster.start().unwrap();
    assert_eq!(recorded(&record), ["1", "0"]);
    cluster.stop().unwrap();
    assert_eq!(recorded(&record), ["1", "0", "-0", "-1"]);
}

#[test]
fn each_node_has_its_own_directory_and_log() {
    let cluster = saying("{dir}")
        .with_file("number", "{index} of {peers}")
        .nodes(2);
    cluster.start().unwrap();
    let dirs = [0, 1].map(|index: usize| cluster[index].dir().to_owned());
    assert_ne!(dirs[0], dirs[1]);
    assert_eq!(
        said(&cluster),
        dirs.each_ref().map(|dir| dir.display().to_string())
    );
    for (index, dir) in dirs.iter().enumerate() {
        let number = std::fs::read_to_string(dir.join("number")).unwrap();
        assert!(
            number.starts_with(&format!("{index} of localhost:")),
            "{number}"
        );
    }
}

#[test]
fn a_node_comes_back_with_its_port_and_its_files() {
    let cluster = tcp(["listen", "127.0.0.1:{port}"], "127.0.0.1").nodes(3);
    cluster.start().unwrap();
    let node = &cluster[1];
    let (addr, file) = (node.addr(), node.dir().join("data"));
    std::fs::write(&file, "kept").unwrap();
    let others = [cluster[0].id(), cluster[2].id()];
    node.kill().unwrap();
    assert!(TcpStream::connect(addr).is_err());
    node.start().unwrap();
    assert_eq!((node.addr(), ask(addr).is_empty()), (addr, false));
    node.restart().unwrap();
    assert_eq!(node.addr(), addr);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
    assert_eq!([cluster[0].id(), cluster[2].id()], others);
}

#[test]
fn verbs_of_a_cluster_concern_all_nodes() {
    let cluster = SimpleExecutor::new("sleep 1000").nodes(3);
    let running = || cluster.iter().filter(|node| node.is_running()).count();
    cluster.start().unwrap();
    assert_eq!(running(), 3);
    assert!(cluster.start().unwrap_err().is_already_running());
    let before = cluster[0].id();
    cluster[2].kill().unwrap();
    // Only the node that has ended starts.
    cluster.start().unwrap();
    assert_eq!((running(), cluster[0].id()), (3, before));
    cluster.restart().unwrap();
    assert!(running() == 3 && cluster[0].id() != before);
    cluster.kill().unwrap();
    assert_eq!(running(), 0);
    let error = cluster.kill().unwrap_err().to_string();
    assert_eq!(error, "sleep can't be killed: no node is running");
    cluster.stop().unwrap();
}

#[test]
fn a_set_knows_a_cluster_and_its_nodes() {
    let dir = TempDir::new();
    let record = dir.file("record");
    let script = [
        "farewell", &record, "-{name}", "record", &record, "up", "say", "up",
    ];
    let cluster = OutputCoordinatedExecutor::new(actor(script), "up").named("node");
    let cluster = cluster.env("DB", "{db.port}").nodes(2);
    let db = SimpleExecutor::new("sleep 1000").named("db");
    let sees = "{node.peers} {node.peers:a} {node-1.port} {node-1.port:b} {node-0.index}";
    let script = [
        "farewell", &record, "-api", "record", &record, "api", "say", sees,
    ];
    let api = OutputCoordinatedExecutor::new(actor(script), "^(?<text>.+)$").named("api");
    let scope = orchestrated((&api, &cluster, &db)).unwrap();
    assert_eq!(recorded(&record), ["up", "up", "api"]);
    let peers = |label| {
        let ports = [0, 1].map(|index: usize| cluster[index].port_named(label));
        format!("localhost:{},localhost:{}", ports[0], ports[1])
    };
    let (port, b) = (cluster[1].port(), cluster[1].port_named("b"));
    let expected = format!("{} {} {port} {b} 0", peers(""), peers("a"));
    assert_eq!(api.value("text").unwrap(), expected);
    // The set stays known to nodes that start again.
    cluster.restart().unwrap();
    cluster[1].restart().unwrap();
    drop(scope);
    let record = recorded(&record);
    let last = &record[record.len() - 3..];
    assert_eq!(last[0], "-api");
    assert!(cluster.iter().all(|node| !node.is_running()));
}

#[test]
fn orchestrators_hold_clusters() {
    let (one, two) = ("one", "two");
    let clusters = [one, two].map(|name| SimpleExecutor::new("sleep 1000").named(name).nodes(2));
    let stack = Orchestrator::new(&clusters);
    stack.start().unwrap();
    assert!(clusters.iter().flatten().all(Process::is_running));
    stack.stop().unwrap();
    assert!(clusters.iter().flatten().all(|node| !node.is_running()));
}

fn writes_to_each(cluster: &Cluster) -> Result<(), std::io::Error> {
    let mut nodes = cluster.iter();
    nodes.try_for_each(|node| std::fs::write(node.dir().join("seed"), node.name()))
}

#[summon(simple = "sleep 1000", nodes = 2, setup = writes_to_each)]
#[summon(
    output = "cat {sleep-1.dir}/seed; echo; exec sleep 1000",
    banner = "sleep-1",
    shell = true
)]
#[test]
fn a_setup_gets_the_cluster(sleepers: &Cluster, reader: &Process) {
    assert_eq!(sleepers.len(), 2);
    assert!(reader.output().starts_with(b"sleep-1"));
}

#[test]
fn many_nodes_start() {
    let cluster = tcp(["listen", "127.0.0.1:{port}"], "127.0.0.1").nodes(20);
    cluster.start().unwrap();
    let mut ports: Vec<u16> = cluster.iter().map(|node| node.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 20);
    cluster.stop().unwrap();
}

#[test]
fn nodes_with_links_see_each_other_through_them() {
    let script = [
        "say",
        "{peers} {node-1.port} {port}",
        "listen",
        "127.0.0.1:{port}",
    ];
    let cluster = tcp(script, "127.0.0.1").named("node").linked(true).nodes(2);
    cluster.start().unwrap();
    let links = [0, 1].map(|index: usize| cluster[index].link().unwrap());
    let peers = format!("{},{}", links[0].addr(), links[1].addr());
    for node in &cluster {
        let said = format!("^{peers} {} {}$", links[1].port(), node.port());
        node.wait_for_output(&said, "10s").unwrap();
    }
    // The test's own connections do not use the link.
    links[1].cut().unwrap();
    assert!(!ask(cluster[1].addr()).is_empty());
}

#[test]
fn a_dropped_cluster_stops_its_nodes_side_by_side() {
    let dir = TempDir::new();
    let record = dir.file("record");
    // At TERM each node waits for the others.
    let script = r#"
        trap 'echo in >> "$0"; until [ "$(grep -c in "$0")" = 3 ]; do sleep 0.01; done; echo out >> "$0"; exit 0' TERM
        echo up
        while :; do sleep 0.01; done"#;
    let cluster = OutputCoordinatedExecutor::new(["sh", "-c", script, &record], "up").nodes(3);
    cluster.start().unwrap();
    drop(cluster);
    let record = recorded(&record);
    let out = record.iter().filter(|line| *line == "out");
    assert_eq!((record.len(), out.count()), (6, 3), "{record:?}");
}

#[test]
fn the_last_drop_of_a_cluster_judges_the_output_of_each_node() {
    let script = "echo up; [ {index} = 0 ] || echo forbidden; exec sleep 1000";
    let nodes = OutputCoordinatedExecutor::new(script, "up").shell(true);
    let cluster = nodes.named("node").never("^forbidden").nodes(3);
    cluster.start().unwrap();
    cluster[2].wait_for_output("forbidden", "30s").unwrap();
    let pids: Vec<_> = cluster.iter().filter_map(Process::id).collect();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(cluster)));
    let message = *panic.unwrap_err().downcast::<String>().unwrap();
    assert!(message.starts_with("node-1"), "{message}");
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
