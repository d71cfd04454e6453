//! Three members of etcd, with links between them, and the crate `ureq`.
//!
//! The members advertise the addresses of their links to each other, and listen on their real ports. The
//! clients of the test use a second port, and so no link. `/health` answers 200 when there is a leader.
//! A leader steps down if a majority has not answered for the time of an election. Values and keys are
//! in Base64, since they travel in JSON.

use std::thread;
use std::time::{Duration, Instant};

use summon::{Cluster, Process, probe, summon};
use ureq::Agent;

const ETCD: &str = "etcd --name {name} --data-dir {dir}/data
    --listen-peer-urls http://127.0.0.1:{port}
    --initial-advertise-peer-urls http://{link}
    --initial-cluster etcd-0=http://{etcd-0.link},etcd-1=http://{etcd-1.link},etcd-2=http://{etcd-2.link}
    --listen-client-urls http://127.0.0.1:{port:client}
    --advertise-client-urls http://127.0.0.1:{port:client}
    --heartbeat-interval 200 --election-timeout 2000 --pre-vote";

#[summon(
    tcp = ETCD,
    host = "127.0.0.1",
    and = probe::http("http://127.0.0.1:{port:client}/health"),
    nodes = 3,
    links = true
)]
#[test]
#[cfg_attr(not(has_etcd), ignore = "etcd is not on PATH")]
fn elects_another_leader_when_the_leader_is_isolated(etcd: &Cluster) {
    let old = until("a leader", || etcd.iter().position(leads));
    let ask = |node: &Process| range(node).ok();
    put(&etcd[old], "TGlzYQ==").unwrap();
    let isolated = etcd.isolated(old, || {
        let is_new = |node: &&Process| !std::ptr::eq(*node, &etcd[old]) && leads(node);
        let new = until("another leader", || etcd.iter().find(is_new));
        put(new, "QmFydA==").unwrap();
        // The old leader steps down, and refuses to answer with the old value.
        etcd[old]
            .wait_for_output("stepped down to follower since quorum is not active", "60s")
            .unwrap();
        assert_eq!(ask(&etcd[old]), None);
    });
    isolated.unwrap();
    let found = until("an answer of the old leader", || ask(&etcd[old]));
    assert!(found.contains("QmFydA=="), "{found}");
}

/// Whether the member is the leader, as far as it knows.
fn leads(node: &Process) -> bool {
    let status = call(node, "maintenance/status", "{}").unwrap_or_default();
    let number = |name: &str| {
        let (_, rest) = status.split_once(&format!("\"{name}\":\""))?;
        Some(rest.split_once('"')?.0)
    };
    number("leader").is_some() && number("leader") == number("member_id")
}

fn put(node: &Process, value: &str) -> Result<String, ureq::Error> {
    let body = format!(r#"{{"key": "bmFtZQ==", "value": "{value}"}}"#);
    call(node, "kv/put", &body)
}

/// A linearizable read, for which the member asks a majority.
fn range(node: &Process) -> Result<String, ureq::Error> {
    call(node, "kv/range", r#"{"key": "bmFtZQ=="}"#)
}

fn call(node: &Process, path: &str, body: &str) -> Result<String, ureq::Error> {
    let limit = Some(Duration::from_secs(10));
    let agent: Agent = Agent::config_builder().timeout_global(limit).build().into();
    let url = format!("http://127.0.0.1:{}/v3/{path}", node.port_named("client"));
    agent.post(url).send(body)?.into_body().read_to_string()
}

fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < limit, "in vain: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
