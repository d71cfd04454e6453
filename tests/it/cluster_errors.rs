//! A cluster that can't start says why, in one report, and leaves no node.

use std::thread;

use summon::{
    Cluster, Error, Fixture, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process,
    SimpleExecutor, TcpCoordinatedExecutor, orchestrated,
};

use crate::support::{actor, eventually};

/// Returns the error of a start.
fn error(result: Result<(), Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn nodes_that_wait_for_each_other_are_an_error() {
    let cluster = SimpleExecutor::new("sleep 1000")
        .after("sleep-0")
        .after("sleep-1")
        .nodes(2);
    let error = error(cluster.start());
    let circle = "these nodes wait for each other: sleep-0 -> sleep-1 -> sleep-0\n";
    assert!(error.starts_with(circle), "{error}");
}

#[test]
fn a_node_that_is_not_there_has_no_successors() {
    let cluster = SimpleExecutor::new("sleep 1000").after("sleep-2").nodes(2);
    let error = error(cluster.start());
    let why = "in `after`, there is no node `sleep-2`; the cluster has `sleep-0` and `sleep-1`\n";
    assert!(error.contains(why), "{error}");
    assert!(cluster.iter().all(|node| !node.is_running()));
    // The set has this one.
    let cluster = SimpleExecutor::new("sleep 1000").after("db-7").nodes(2);
    let db = SimpleExecutor::new("sleep 1000").named("db-7");
    let _scope = orchestrated((&cluster, &db)).unwrap();
}

#[test]
fn a_list_of_ports_that_no_node_has_is_an_error() {
    let node =
        || TcpCoordinatedExecutor::new("sleep 1000 {port:raft}", "localhost", 0).named("node");
    let misspelt = "lists ports that no node has as `{port:rfat}`; the nodes have `{port:raft}`";
    for list in ["{peers:rfat}", "{others:rfat}"] {
        let error = error(node().arg(list).nodes(2).start());
        assert!(error.contains(&format!("`{list}` {misspelt}")), "{error}");
    }
    let nodes = SimpleExecutor::new("sleep 1000 {port:raft}")
        .named("node")
        .nodes(2);
    let api = SimpleExecutor::new("sleep 1000 {node.peers:rfat}").named("api");
    let error = orchestrated((&nodes, &api)).unwrap_err().to_string();
    assert!(error.starts_with("api could not be started: "), "{error}");
    assert!(
        error.contains(&format!("`{{node.peers:rfat}}` {misspelt}")),
        "{error}"
    );
    // These nodes find their own port in the list.
    let nodes =
        SimpleExecutor::new(["sh", "-c", "exec sleep 1000", "{index}", "{peers:raft}"]).nodes(2);
    nodes.start().unwrap();
}

#[test]
fn if_one_node_fails_all_are_stopped_and_one_report_says_so() {
    // The second node ends. The others never become ready.
    let script = r#"if [ "$0" = 1 ]; then echo no disk; exit 3; fi; exec sleep 1000"#;
    let cluster = OutputCoordinatedExecutor::new(["sh", "-c", script, "{index}"], "never")
        .named("node")
        .timeout("1h")
        .nodes(3);
    let error = error(cluster.start());
    assert!(
        error.starts_with("node-1 exited with code 3 before it became ready"),
        "{error}"
    );
    assert!(
        error.contains("nodes     start cancelled: node-0, node-2\n"),
        "{error}"
    );
    assert!(error.contains("| no disk"), "{error}");
    assert!(cluster.iter().all(|node| !node.is_running()));
}

#[test]
fn the_report_of_a_set_names_the_cluster() {
    let cluster = OutputCoordinatedExecutor::new(["sh", "-c", "exit {index}"], "never");
    let cluster = cluster.named("node").nodes(1);
    let db = SimpleExecutor::new("sleep 1000").named("db");
    let api = SimpleExecutor::new("sleep 1000").named("api").after("node");
    let error = orchestrated((&cluster, &db, &api)).unwrap_err().to_string();
    assert!(error.starts_with("node-0 exited with code 0"), "{error}");
    assert!(error.contains("not started: api"), "{error}");
    assert!(!db.is_running());
}

#[test]
fn a_stop_ends_the_start_of_all_nodes() {
    let cluster = OutputCoordinatedExecutor::new("sleep 1000", "never")
        .timeout("2m")
        .nodes(3);
    thread::scope(|threads| {
        let starting = threads.spawn(|| cluster.start());
        eventually("a node runs", || cluster.iter().any(Process::is_running));
        cluster.stop().unwrap();
        let error = error(starting.join().unwrap());
        assert!(error.contains("stopped before"), "{error}");
    });
    assert!(cluster.iter().all(|node| !node.is_running()));
}

#[test]
fn a_number_of_nodes_that_makes_no_cluster_is_an_error() {
    for (count, why) in [
        (0, "a cluster needs at least 1 node"),
        (101, "a cluster has at most 100 nodes, not 101"),
        (
            usize::MAX,
            "a cluster has at most 100 nodes, not 18446744073709551615",
        ),
    ] {
        let cluster = SimpleExecutor::new("sleep 1000").nodes(count);
        let error = error(cluster.start());
        let expected = format!("sleep could not be started: {why}\n  declared  ");
        assert!(error.starts_with(&expected), "{error}");
        assert!(orchestrated(&cluster).is_err());
    }
}

#[test]
fn nodes_have_no_fixed_port() {
    let url = "http://localhost:8080/";
    let fixed: [Cluster; 2] = [
        TcpCoordinatedExecutor::new("sleep 1000", "localhost", 8080).nodes(2),
        HttpCoordinatedExecutor::new("sleep 1000", url).nodes(1),
    ];
    for cluster in fixed {
        let error = error(cluster.start());
        assert!(
            error.contains("nodes can't share the fixed port 8080; remove it"),
            "{error}"
        );
    }
}

#[test]
fn placeholders_that_have_no_value_are_errors() {
    let cluster = || SimpleExecutor::new("sleep 1000").named("node").nodes(2);
    let refused = |text: &str| {
        let api = SimpleExecutor::new("sleep 1000").named("api").arg(text);
        let error = orchestrated((&cluster(), &api)).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    };
    for (text, why) in [
        (
            "{peers}",
            "`{peers}` is a placeholder of nodes; start several with `nodes = 3`",
        ),
        ("{index}", "`{index}` is a placeholder of nodes"),
        (
            "{node.port}",
            "`{node.port}` names a cluster; write `{node-0.port}` for its first node",
        ),
        (
            "{node.port:a}",
            "`{node.port:a}` names a cluster; write `{node-0.port:a}`",
        ),
        (
            "{node-2.port}",
            "api refers to `node-2`, which is not in the same set; the set has",
        ),
        (
            "{node-0.index:a}",
            "`{node-0.index:a}` is not a placeholder; `node-0` has",
        ),
        (
            "{api.peers}",
            "`{api.peers}` is not a placeholder; `api` has",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(why), "{text}: {error}");
    }
    let node = SimpleExecutor::new("sleep {indexes}").nodes(1);
    let error = error(node.start());
    assert!(
        error.contains("`{index}`, `{peers}`, `{others}`"),
        "{error}"
    );
    let learns = OutputCoordinatedExecutor::new("echo {peers}", r"(?<port>\d+)").nodes(1);
    let error = learns.start().unwrap_err().to_string();
    assert!(
        error.contains("`{peers}` needs its value before the start"),
        "{error}"
    );
}

#[test]
fn two_members_of_one_name_are_an_error() {
    let cluster = || SimpleExecutor::new("sleep 1000").nodes(2);
    for other in ["sleep", "sleep-1"] {
        let other = SimpleExecutor::new("sleep 1000").named(other);
        let error = orchestrated((&other, &cluster())).unwrap_err().to_string();
        assert!(
            error.starts_with("two processes of one set are named `sleep"),
            "{error}"
        );
    }
    assert!(orchestrated((&cluster(), &cluster())).is_err());
}

#[test]
fn a_circle_of_a_cluster_and_a_process_is_an_error() {
    let cluster = SimpleExecutor::new("sleep {db.port}")
        .named("node")
        .nodes(2);
    let db = SimpleExecutor::new("sleep {node-1.port}").named("db");
    let error = orchestrated((&cluster, &db)).unwrap_err().to_string();
    assert!(
        error.starts_with("these processes wait for each other: node -> db -> node"),
        "{error}"
    );
}

#[summon::fixture(executor = SimpleExecutor::new("sleep 1000").nodes(2))]
static NODES: Fixture<Cluster>;

#[test]
fn a_fixture_is_no_cluster() {
    let error = NODES.get().unwrap_err().to_string();
    let why = "NODES can't be a fixture: a cluster has several processes; start it in each test";
    assert_eq!(error, why);
}

#[test]
fn a_node_without_a_link_has_no_address_of_it() {
    for (word, what) in [("{link}", "address"), ("{link_port}", "port")] {
        let nodes = TcpCoordinatedExecutor::new(actor(["say", word]), "127.0.0.1", 0).nodes(2);
        let error = error(nodes.start());
        let expected = format!("`{word}` is the {what} of a node's link; add `links = true`");
        assert!(error.contains(&expected), "{error}");
    }
}
