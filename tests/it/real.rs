//! Real servers that answer in their own protocols.

use summon::{Error, Process, TcpCoordinatedExecutor, summon};

use crate::support::replaced;

#[summon(tcp = "redis-server --port {port} --dir {dir} --save ''")]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_remembers(redis: &Process) -> redis::RedisResult<()> {
    remembers(&format!("redis://{}", redis.addr()))
}

/// Checks that a Redis stores a value.
pub(crate) fn remembers(url: &str) -> redis::RedisResult<()> {
    let mut client = redis::Client::open(url)?.get_connection()?;
    redis::cmd("SET")
        .arg("name")
        .arg("Lisa")
        .exec(&mut client)?;
    let name: String = redis::cmd("GET").arg("name").query(&mut client)?;
    assert_eq!(name, "Lisa");
    Ok(())
}

#[summon(
    tcp = "redis-server --port {port} --dir {dir} --replicaof 127.0.0.1 {primary.port}",
    name = "replica"
)]
#[summon(tcp = "redis-server --port {port} --dir {dir}", name = "primary")]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_redis_replica_starts_after_its_primary(replica: &Process, primary: &Process) {
    let line = replica.wait_for_output("MASTER <-> REPLICA sync: Finished", "20s");
    line.unwrap();
    assert!(primary.is_running());
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_redis_with_a_bad_option_says_what_redis_said() {
    let redis =
        TcpCoordinatedExecutor::new("redis-server --port {port} --no-such x", "localhost", 0);
    let error = redis.start().unwrap_err().to_string();
    assert!(
        error.starts_with("redis-server exited with code 1 before it became ready\n"),
        "{error}"
    );
    assert!(
        error.contains("| *** FATAL CONFIG FILE ERROR (Redis "),
        "{error}"
    );
}

/// Returns a report without the parts that differ between runs and machines.
fn plain(report: &str) -> String {
    let rules = [
        (r"declared  \S+:\d+", "declared  .."),
        (r"directory \S+", "directory .."),
        (r"(port |localhost:)\d+", "${1}PORT"),
        (r"\d+ checks? in \S+ s", "checks"),
        // If another test uses the same log name at the same time, this log's name has a number.
        (r"\S+/[\w-]+\.redis(-\d+)?\.log", "redis.log"),
        (r"Redis [0-9.]+", "Redis"),
    ];
    replaced(report, &rules)
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn the_readme_shows_a_report_as_it_is() {
    let server = "redis-server --port {port} --no-such-option x";
    let redis = TcpCoordinatedExecutor::new(server, "localhost", 0).named("redis");
    let report = redis.start().unwrap_err().to_string();
    let readme = include_str!("../../README.md");
    let shown = readme.split("```text\nredis exited").nth(1).unwrap();
    let shown = "redis exited".to_owned() + shown.split("\n```").next().unwrap();
    assert_eq!(plain(&shown), plain(&report));
}

/// Checks that each run fails, at the start or at the stop, because the server has forked away.
#[track_caller]
fn assert_forks_away(server: impl Fn() -> TcpCoordinatedExecutor, flag: &str) {
    for _ in 0..10 {
        let server = server();
        let begun = server.start();
        let error: Error = begun.and_then(|()| server.stop()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(" exited with code 0 "), "{text}");
        let hint = format!("keep it in the foreground (`{flag}`), or set `daemon = true`");
        assert!(text.contains(&hint), "{text}");
    }
}

/// Returns a dnsmasq that uses no configuration of the machine.
fn dnsmasq() -> TcpCoordinatedExecutor {
    let command = "/usr/sbin/dnsmasq -p {port} -C /dev/null -x {dir}/pid -h -R -z -a 127.0.0.1";
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0)
}

#[test]
#[cfg_attr(not(has_dnsmasq), ignore = "no /usr/sbin/dnsmasq")]
fn dnsmasq_forks_away_unless_it_is_told_not_to() {
    assert_forks_away(dnsmasq, "-k");
    let server = dnsmasq().arg("-k");
    server.start().unwrap();
    server.stop().unwrap();
    let server = dnsmasq().daemon(true);
    server.start().unwrap();
    assert!(server.is_running());
    server.stop().unwrap();
}

/// Returns a slapd with an empty directory.
fn slapd() -> TcpCoordinatedExecutor {
    let config = "modulepath /usr/lib/ldap\nmoduleload back_null\npidfile pid\nargsfile args\n\
                  database null\nsuffix \"\"\n";
    let command = "/usr/sbin/slapd -h ldap://127.0.0.1:{port} -f {dir}/slapd.conf";
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0)
        .with_file("slapd.conf", config)
        .current_dir("{dir}")
}

#[test]
#[cfg_attr(not(has_slapd), ignore = "no /usr/sbin/slapd")]
fn slapd_forks_away_unless_it_is_told_not_to() {
    assert_forks_away(slapd, "-d stats");
    let server = slapd().args(["-d", "stats"]);
    server.start().unwrap();
    server.stop().unwrap();
}

/// Returns a lighttpd that uses no configuration of the machine.
fn lighttpd() -> TcpCoordinatedExecutor {
    let config =
        "server.port = {port}\nserver.bind = \"127.0.0.1\"\nserver.document-root = \"{dir}\"\n";
    let command = "/usr/sbin/lighttpd -D -f {dir}/lighttpd.conf";
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0).with_file("lighttpd.conf", config)
}

#[test]
#[cfg_attr(not(has_lighttpd), ignore = "no /usr/sbin/lighttpd")]
fn lighttpd_ends_with_1_if_a_client_stays_and_says_why() {
    use std::io::{Read, Write};
    let keep = |server: &TcpCoordinatedExecutor| {
        let mut client = std::net::TcpStream::connect(server.addr()).unwrap();
        let request = b"GET /lighttpd.conf HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.write_all(request).unwrap();
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 4);
        client
    };
    let server = lighttpd();
    server.start().unwrap();
    let _client = keep(&server);
    let error = server.stop().unwrap_err().to_string();
    assert!(
        error.contains("exited with code 1 when it was stopped"),
        "{error}"
    );
    assert!(
        error.contains("hint      a client was still connected"),
        "{error}"
    );
    assert!(
        error.contains("`stop_signal = summon::Signal::INT`"),
        "{error}"
    );
    let server = lighttpd().stop_signal(summon::Signal::INT);
    server.start().unwrap();
    let _client = keep(&server);
    server.stop().unwrap();
}
