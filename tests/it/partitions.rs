//! A partition separates nodes of a cluster. The test still reaches every node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use summon::{Cluster, Error, Process, SimpleExecutor, summon};

use crate::linked::{PATIENCE, ends, is_silent, says};
use crate::support::{eventually, tcp};

/// Starts a cluster. Its nodes connect to each other when the test orders it.
fn cluster(count: usize) -> Cluster {
    let node = tcp(["bridge", "127.0.0.1:{port}"], "127.0.0.1");
    let cluster = node.named("node").linked(true).nodes(count);
    cluster.start().unwrap();
    cluster
}

fn link(cluster: &Cluster, node: usize) -> SocketAddr {
    cluster[node].link().unwrap().addr()
}

fn connect(addr: SocketAddr, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{first}").unwrap();
    stream
}

/// Returns a connection to one node. This node passes all bytes on to another node, which sends them
/// back.
fn path(cluster: &Cluster, from: usize, to: usize) -> TcpStream {
    path_by("dial", cluster, from, to)
}

fn path_by(how: &str, cluster: &Cluster, from: usize, to: usize) -> TcpStream {
    let first = format!("{how} {}\necho", link(cluster, to));
    connect(cluster[from].addr(), &first)
}

/// Checks that a byte comes back.
fn passes(path: &mut TcpStream, byte: u8) {
    path.write_all(&[byte]).unwrap();
    says(path, &[byte]);
}

/// Sends a byte. Checks that it does not come back.
fn keeps(path: &mut TcpStream, byte: u8) {
    path.write_all(&[byte]).unwrap();
    assert!(is_silent(path));
}

fn why(result: Result<(), Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_partition_separates_nodes_on_old_connections_and_new_ones() {
    let nodes = cluster(3);
    let pairs = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)];
    let is_separated = |(from, to)| from == 0 || to == 0;
    let open = |pair: (usize, usize)| (pair, path(&nodes, pair.0, pair.1));
    let mut old: Vec<_> = pairs.into_iter().map(open).collect();
    old.iter_mut().for_each(|(_, path)| passes(path, 1));
    nodes.partition(&[&[0], &[1, 2]]).unwrap();
    let mut new: Vec<_> = pairs.into_iter().map(open).collect();
    for (pair, path) in old.iter_mut().chain(&mut new) {
        match is_separated(*pair) {
            true => keeps(path, 2),
            false => passes(path, 2),
        }
    }
    // The test reaches each node, through its link and around it.
    for node in 0..3 {
        for addr in [nodes[node].addr(), link(&nodes, node)] {
            passes(&mut connect(addr, "echo"), 3);
        }
    }
    nodes.heal().unwrap();
    for (pair, path) in old.iter_mut().chain(&mut new) {
        if is_separated(*pair) {
            says(path, &[2]);
        }
        passes(path, 4);
    }
}

#[test]
fn the_test_keeps_its_connections_through_a_link() {
    let nodes = cluster(2);
    let mut own = connect(link(&nodes, 0), "echo");
    passes(&mut own, 1);
    nodes.isolate(0).unwrap();
    passes(&mut own, 2);
    passes(&mut connect(link(&nodes, 0), "echo"), 3);
}

#[test]
fn nodes_in_no_group_stay_together() {
    let nodes = cluster(4);
    nodes.partition(&[&[1, 2]]).unwrap();
    passes(&mut path(&nodes, 0, 3), 1);
    passes(&mut path(&nodes, 1, 2), 1);
    keeps(&mut path(&nodes, 0, 1), 1);
    keeps(&mut path(&nodes, 2, 3), 1);
}

#[test]
fn groups_without_a_node_separate_none() {
    let nodes = cluster(2);
    nodes.partition(&[]).unwrap();
    nodes.partition(&[&[], &[]]).unwrap();
    passes(&mut path(&nodes, 0, 1), 1);
    nodes.partition(&[&[], &[1]]).unwrap();
    keeps(&mut path(&nodes, 0, 1), 1);
}

#[test]
fn partitions_add_up_and_a_scoped_one_undoes_itself_alone() {
    let nodes = cluster(3);
    nodes.isolate(0).unwrap();
    let mut between = path(&nodes, 1, 2);
    let answer = nodes.isolated(1, || {
        keeps(&mut between, 1);
        7
    });
    assert_eq!(answer.unwrap(), 7);
    says(&mut between, &[1]);
    keeps(&mut path(&nodes, 0, 1), 1);
    let panicking = || nodes.partitioned(&[&[2]], || panic!("as a test does"));
    catch_unwind(panicking).unwrap_err();
    passes(&mut between, 2);
    let panicking = || nodes.isolated(1, || panic!("as a test does"));
    catch_unwind(panicking).unwrap_err();
    passes(&mut between, 2);
    keeps(&mut path(&nodes, 0, 1), 1);
    nodes.heal().unwrap();
    passes(&mut path(&nodes, 0, 1), 1);
}

#[test]
fn a_node_is_all_its_processes() {
    for how in ["orphan", "headless", "apart"] {
        let nodes = cluster(2);
        let mut old = path_by(how, &nodes, 0, 1);
        passes(&mut old, 1);
        nodes.isolate(1).unwrap();
        keeps(&mut old, 2);
        let mut new = path_by(how, &nodes, 0, 1);
        keeps(&mut new, 3);
        nodes.heal().unwrap();
        says(&mut old, &[2]);
        says(&mut new, &[3]);
    }
}

#[test]
fn a_separated_node_that_has_sent_its_last_byte_still_gets_the_answer() {
    let nodes = cluster(2);
    nodes.isolate(0).unwrap();
    let mut path = path(&nodes, 0, 1);
    path.write_all(&[1]).unwrap();
    path.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&mut path));
    nodes.heal().unwrap();
    says(&mut path, &[1]);
    assert!(ends(&mut path));
}

#[test]
fn the_tests_own_requests_survive_the_start_of_a_separated_node() {
    let nodes = cluster(2);
    nodes.isolate(0).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let clients = threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut client = connect(link(&nodes, 1), "echo");
                client.write_all(&[1]).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                says(&mut client, &[1]);
                assert!(ends(&mut client));
            }
        });
        for _ in 0..10 {
            nodes[0].restart().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        clients.join().unwrap();
    });
}

#[test]
fn a_node_that_starts_again_is_still_separated() {
    // Each node shouts at the other one at once, also from a child, and then serves.
    let script = [
        "shout",
        "{others}",
        "hello",
        "child",
        "shout {others} hello",
        "bridge",
        "127.0.0.1:{port}",
    ];
    let nodes = tcp(script, "127.0.0.1").named("node").linked(true).nodes(2);
    nodes.isolate(0).unwrap();
    let count = |node: usize| nodes[node].link().unwrap().connections().unwrap();
    for round in 1..6 {
        match round {
            1 => nodes.start().unwrap(),
            _ => nodes.restart().unwrap(),
        }
        let has_tried = |node| count(node).accepted >= 2 * round;
        eventually("each process has tried", || has_tried(0) && has_tried(1));
        assert_eq!([count(0).to_server, count(1).to_server], [0, 0]);
    }
    keeps(&mut path(&nodes, 0, 1), 1);
    // No node is being launched any more, so the links hold nobody else.
    passes(&mut connect(link(&nodes, 1), "echo"), 1);
    nodes.heal().unwrap();
    // The processes of the last launch get through.
    let heard = |node: &Process| String::from_utf8_lossy(&node.output()).lines().count();
    eventually("both processes of both nodes", || {
        nodes.iter().all(|node| heard(node) == 2)
    });
    passes(&mut path(&nodes, 0, 1), 1);
}

/// Gives a node an order, and waits until it is done.
fn order(nodes: &Cluster, node: usize, order: &str) {
    let mut done = String::new();
    let answer = BufReader::new(connect(nodes[node].addr(), order)).read_line(&mut done);
    assert!(answer.is_ok() && done == "done\n");
}

/// Lets a node send a line to another one, and close the connection at once.
fn shout(nodes: &Cluster, from: usize, to: usize, text: &str) {
    order(nodes, from, &format!("shout {} {text}", link(nodes, to)));
}

#[test]
fn no_byte_of_a_short_connection_passes() {
    let nodes = cluster(2);
    shout(&nodes, 0, 1, "before");
    nodes[1].wait_for_output("before", PATIENCE).unwrap();
    nodes
        .isolated(0, || {
            for number in 0..100 {
                shout(&nodes, 0, 1, &format!("during {number}"));
            }
        })
        .unwrap();
    shout(&nodes, 0, 1, "after");
    nodes[1].wait_for_output("after", PATIENCE).unwrap();
    let output = String::from_utf8(nodes[1].output()).unwrap();
    assert!(!output.contains("during"), "{output}");
}

#[test]
fn no_byte_of_a_node_passes_while_its_processes_fork_all_the_time() {
    let nodes = cluster(2);
    // A look at so many threads takes longer than a process of the chain lives.
    order(&nodes, 0, "crowd 2000");
    let link = nodes[1].link().unwrap();
    nodes.isolate(0).unwrap();
    for number in 0..8 {
        order(&nodes, 0, &format!("hide {} hidden {number}", link.addr()));
    }
    eventually("the connections", || {
        link.connections().unwrap().accepted >= 8
    });
    // The test is no node, so the link finds its process elsewhere.
    drop(connect(link.addr(), "the test"));
    let last = connect(link.addr(), "the test goes on");
    nodes[1]
        .wait_for_output("the test goes on", PATIENCE)
        .unwrap();
    drop(last);
    let output = String::from_utf8(nodes[1].output()).unwrap();
    assert!(!output.contains("hidden"), "{output}");
}

#[test]
fn a_start_of_many_separated_nodes_takes_little_longer() {
    let nodes = cluster(40);
    let start = || {
        nodes.kill().unwrap();
        let began = Instant::now();
        nodes.start().unwrap();
        began.elapsed()
    };
    // A busy machine makes single starts longer, by chance.
    let shortest = || (0..3).map(|_| start()).min().unwrap();
    let together = shortest();
    let groups: Vec<[usize; 1]> = (0..40).map(|node| [node]).collect();
    let groups: Vec<&[usize]> = groups.iter().map(<[usize; 1]>::as_slice).collect();
    nodes.partition(&groups).unwrap();
    let separated = shortest();
    // The limit is three times as long. If each launch told all links, it would be 30 times.
    assert!(separated < 10 * together, "{separated:?}, {together:?}");
}

#[test]
fn a_partition_may_come_before_the_start() {
    let node = tcp(["bridge", "127.0.0.1:{port}"], "127.0.0.1");
    let nodes = node.linked(true).nodes(2);
    nodes.isolate(0).unwrap();
    nodes.start().unwrap();
    keeps(&mut path(&nodes, 0, 1), 1);
    nodes.kill().unwrap();
    nodes.start().unwrap();
    keeps(&mut path(&nodes, 1, 0), 1);
}

#[test]
fn everything_arrives_after_random_partitions() {
    let nodes = cluster(3);
    let mut seed = Instant::now().elapsed().subsec_nanos() as usize + 7;
    let mut random = |below: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    let mut paths = [(0, 1), (1, 2), (2, 0)].map(|(from, to)| (path(&nodes, from, to), 0u8, 0u8));
    for _ in 0..60 {
        match random(4) {
            0 => nodes.isolate(random(3)).unwrap(),
            1 => nodes.partition(&[&[random(3)], &[]]).unwrap(),
            _ => nodes.heal().unwrap(),
        }
        for (path, sent, _) in &mut paths {
            path.write_all(&[*sent]).unwrap();
            *sent += 1;
        }
    }
    nodes.heal().unwrap();
    for (path, sent, got) in &mut paths {
        while got < sent {
            let mut byte = [0];
            path.read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], *got);
            *got += 1;
        }
    }
}

/// Kills the process of a link, which must exist.
fn kill_link(name: &str) {
    let is_link = |pid: &u32| {
        let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        title.starts_with(format!("summon-link: {name}").as_bytes())
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = pids.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let pid: u32 = pids.find(is_link).expect("a link");
    let mut kill = std::process::Command::new("kill");
    let killed = kill.args(["-KILL", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}

#[test]
fn a_partition_that_a_killed_link_prevents_changes_nothing() {
    let node = tcp(["bridge", "127.0.0.1:{port}"], "127.0.0.1");
    // Another run of this test may be in progress on the machine.
    let name = format!("fragile{}", std::process::id());
    let nodes = node.named(name.clone()).linked(true).nodes(3);
    nodes.start().unwrap();
    kill_link(&format!("{name}-2"));
    let error = why(nodes.isolate(0));
    let expected = format!("the link to {name}-2 can't be changed: its process has ended");
    assert_eq!(error, expected);
    passes(&mut path(&nodes, 0, 1), 1);
    passes(&mut path(&nodes, 2, 0), 1);
    // No node starts into such a network.
    for node in [0, 2] {
        nodes[node].kill().unwrap();
        let error = why(nodes[node].start());
        let expected = format!(
            "{name}-{node} could not be started: the process of the link to {name}-2 was killed, so other \
             nodes can't reach it; make a new cluster"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_partition_that_can_not_be_is_an_error() {
    let nodes = || SimpleExecutor::new("sleep 1000 {port}").named("node");
    let without = nodes().nodes(3);
    let prefix = "node can't be partitioned: ";
    let links = "its nodes have no links; add `links = true`";
    assert_eq!(why(without.isolate(0)), format!("{prefix}{links}"));
    assert_eq!(why(without.isolated(0, || ())), format!("{prefix}{links}"));
    let linked = nodes().linked(true).nodes(3);
    for (groups, reason) in [
        (&[&[0, 3][..]][..], "there is no node 3; the last one is 2"),
        (
            &[&[0], &[1, 0]],
            "node 0 is named twice; each node is in one group",
        ),
        (
            &[&[2, 2]],
            "node 2 is named twice; each node is in one group",
        ),
    ] {
        assert_eq!(why(linked.partition(groups)), format!("{prefix}{reason}"));
        assert_eq!(
            why(linked.partitioned(groups, || ())),
            format!("{prefix}{reason}")
        );
    }
    let none = nodes().linked(true).nodes(0);
    assert!(why(none.isolate(0)).contains("a cluster needs at least 1 node"));
    // A cluster of processes without a port.
    let portless = SimpleExecutor::new("sleep 1000").linked(true).nodes(2);
    assert!(why(portless.isolate(0)).contains("can't have a link: it has no port"));
    // To heal what was never broken is no error.
    linked.heal().unwrap();
    without.heal().unwrap();
}

#[summon(
    bin = "actor",
    tcp = "say '{link} {link_port} {peers} {node-1.link} {node-1.link_port} {others}' listen {host}:{port}",
    host = "127.0.0.1",
    name = "node",
    nodes = 2,
    links = true
)]
#[test]
fn a_node_knows_the_address_of_its_link(nodes: &Cluster) {
    let [one, two] = [link(nodes, 0), link(nodes, 1)];
    for (node, (own, other)) in nodes.iter().zip([(one, two), (two, one)]) {
        let said = format!(
            "^{own} {} {one},{two} {two} {} {other}$",
            own.port(),
            two.port()
        );
        node.wait_for_output(&said, PATIENCE).unwrap();
        assert_ne!(node.addr(), own);
    }
}
