//! HAProxy in front of two servers of this package, with the crate `ureq`.
//!
//! The configuration names the ports of the two servers, so HAProxy starts when they are ready.
//! `-db` keeps it in the foreground. It ends at once on SIGTERM. On SIGUSR1, it would wait for
//! clients that keep their connections.

use std::collections::BTreeSet;

use summon::{Process, summon};

const CONFIG: &str = "
global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    option redispatch
frontend front
    bind 127.0.0.1:{port}
    default_backend greeters
backend greeters
    balance roundrobin
    option httpchk GET /
    default-server check inter 50ms fall 1 rise 1
    server lisa 127.0.0.1:{lisa.port}
    server bart 127.0.0.1:{bart.port}
";

#[summon(
    http = "haproxy -db -f {dir}/haproxy.cfg",
    path = "/",
    with_file("haproxy.cfg", CONFIG)
)]
#[summon(bin = "greeter", tcp = "{port} Lisa")]
#[summon(bin = "greeter", tcp = "{port} Bart")]
#[test]
#[cfg_attr(not(has_haproxy), ignore = "haproxy is not on PATH")]
fn asks_who_is_there(haproxy: &Process, lisa: &Process, bart: &Process) {
    let answers: BTreeSet<String> = (0..4).map(|_| ask(haproxy)).collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    let mark = haproxy.mark();
    lisa.stopped(|| {
        mark.wait_for_output("greeters/lisa is DOWN", "5s").unwrap();
        (0..4).for_each(|_| assert_eq!(ask(haproxy), "I am Bart."));
    })
    .unwrap();
    mark.wait_for_output("greeters/lisa is UP", "5s").unwrap();
    bart.stopped(|| assert_eq!(ask(haproxy), "I am Lisa."))
        .unwrap();
}

fn ask(haproxy: &Process) -> String {
    let answer = ureq::get(haproxy.url("/")).call().unwrap();
    answer.into_body().read_to_string().unwrap()
}
