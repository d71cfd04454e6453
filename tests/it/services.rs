//! Ready-made brokers, stores, and web servers answer in their own protocols, and open no port to other machines.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use summon::servers::{Etcd, Mosquitto, Moto, Nginx, Rabbitmq, Zookeeper};
use summon::{Process, summon};

use crate::support::family;

/// Sends bytes, and returns the answer up to its end, or up to `length` bytes.
fn answer(addr: SocketAddr, question: &[u8], length: u64) -> Vec<u8> {
    let mut connection = TcpStream::connect(addr).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    connection.write_all(question).unwrap();
    let mut answer = Vec::new();
    connection.take(length).read_to_end(&mut answer).unwrap();
    answer
}

/// moto checks no signature. It treats a request without a user as that of a stranger.
const AUTHORIZATION: &str = "Authorization: AWS4-HMAC-SHA256 \
    Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n";

/// Sends a request of HTTP, and returns the head and the body of the answer.
fn http(server: &Process, method: &str, path: &str, body: &str) -> String {
    let headers = if path.starts_with("/letters") {
        AUTHORIZATION
    } else {
        ""
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        server.addr(),
        body.len()
    );
    let answer = answer(server.addr(), request.as_bytes(), 1 << 20);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Checks that the program and its descendants listen on loopback only.
fn is_private(server: &Process) {
    let mut sockets = BTreeSet::new();
    for life in family(server.id().unwrap()) {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", life.pid));
        let links = fds
            .into_iter()
            .flatten()
            .flatten()
            .map(|fd| std::fs::read_link(fd.path()));
        sockets.extend(
            links
                .flatten()
                .map(|link| link.to_string_lossy().into_owned()),
        );
    }
    let mut seen = 0;
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_listening = words.get(3) == Some(&"0A");
            if is_listening && sockets.contains(&format!("socket:[{}]", words[9])) {
                let (ip, _) = words[1].split_once(':').unwrap();
                // 127.0.0.1, the same mapped to IPv6, and ::1, as the kernel writes them.
                let loopback = [
                    "0100007F",
                    "0000000000000000FFFF00000100007F",
                    "00000000000000000000000001000000",
                ];
                assert!(
                    loopback.contains(&ip),
                    "{} listens at {}",
                    server.name(),
                    words[1]
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "{} listens nowhere", server.name());
}

#[summon(executor = Mosquitto::new())]
#[test]
#[cfg_attr(not(has_mosquitto), ignore = "mosquitto is not installed")]
fn mosquitto_lets_a_client_in(broker: &Mosquitto) {
    assert_eq!(
        broker.url("/"),
        format!("mqtt://127.0.0.1:{}/", broker.port())
    );
    // CONNECT of MQTT 3.1.1, as the client `lisa`, and its CONNACK without error.
    let connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04lisa";
    assert_eq!(answer(broker.addr(), connect, 4), [0x20, 2, 0, 0]);
    is_private(broker);
}

#[summon(executor = Etcd::new())]
#[test]
#[cfg_attr(not(has_etcd), ignore = "etcd is not on PATH")]
fn etcd_has_elected_itself(etcd: &Etcd) {
    // `name` and `Lisa` in base 64.
    let put = http(
        etcd,
        "POST",
        "/v3/kv/put",
        r#"{"key":"bmFtZQ==","value":"TGlzYQ=="}"#,
    );
    assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
    is_private(etcd);
    etcd.restart().unwrap();
    let found = http(etcd, "POST", "/v3/kv/range", r#"{"key":"bmFtZQ=="}"#);
    assert!(found.contains("TGlzYQ=="), "{found}");
}

#[summon(
    executor = Nginx::new("location /told { return 200 $uri; }"),
    with_file("www/index.html", "Hello, Lisa.")
)]
#[test]
#[cfg_attr(not(has_nginx), ignore = "nginx is not installed")]
fn nginx_serves_files_and_its_directives(web: &Nginx) {
    assert!(http(web, "GET", "/", "").ends_with("\r\n\r\nHello, Lisa."));
    assert!(http(web, "GET", "/told", "").ends_with("\r\n\r\n/told"));
    is_private(web);
}

#[summon(executor = Rabbitmq::new(), timeout = "5m")]
#[test]
#[cfg_attr(not(has_rabbitmq), ignore = "rabbitmq-server is not installed")]
fn rabbitmq_greets(rabbit: &Rabbitmq) {
    let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", rabbit.port());
    assert_eq!(rabbit.url("/%2f"), url);
    // The header of AMQP 0-9-1, and the frame `connection.start` on channel 0.
    let frame = answer(rabbit.addr(), b"AMQP\x00\x00\x09\x01", 100);
    assert_eq!(frame[..3], [1, 0, 0]);
    is_private(rabbit);
}

#[summon(executor = Zookeeper::new(), timeout = "2m")]
#[test]
#[cfg_attr(not(has_zookeeper), ignore = "zookeeper is not installed")]
fn zookeeper_serves_at_once_and_opens_one_port(zookeeper: &Zookeeper) {
    assert_eq!(
        zookeeper.url("/app"),
        format!("127.0.0.1:{}/app", zookeeper.port())
    );
    assert_eq!(answer(zookeeper.addr(), b"ruok", 4), b"imok");
    is_private(zookeeper);
}

// It may be in the home of the user that has built this binary, which another one can't enter.
#[summon(executor = Moto::new(), timeout = "2m", missing = "skip")]
#[test]
#[cfg_attr(not(has_moto), ignore = "moto_server is not on PATH")]
fn moto_keeps_an_object(aws: &Moto) {
    for (path, body) in [("/letters", ""), ("/letters/lisa", "hello")] {
        let put = http(aws, "PUT", path, body);
        assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
    }
    let found = http(aws, "GET", "/letters/lisa", "");
    assert!(found.ends_with("hello"), "{found}");
    is_private(aws);
}
