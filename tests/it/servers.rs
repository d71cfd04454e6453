//! The ready-made servers answer in their own protocols.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use summon::servers::{Mariadb, Memcached, Nats, Postgres, Redis};
use summon::{Fixture, Process, summon};

use crate::support::{Group, eventually};

/// Sends a question, and returns the answer up to `length` bytes.
fn answer(addr: SocketAddr, question: &str, length: usize) -> String {
    let mut connection = TcpStream::connect(addr).unwrap();
    connection.write_all(question.as_bytes()).unwrap();
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[summon(executor = Redis::new())]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_is_at_its_url(redis: &Redis) -> redis::RedisResult<()> {
    assert_eq!(
        redis.url("/0"),
        format!("redis://127.0.0.1:{}/0", redis.port())
    );
    crate::real::remembers(&redis.url("/0"))
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_is_ready_when_it_has_loaded_what_it_has_saved() {
    let redis = Redis::new().args(["--appendonly", "yes"]);
    redis.start().unwrap();
    let set = "SET name Lisa\r\n";
    assert_eq!(answer(redis.addr(), set, 5), "+OK\r\n");
    redis.restart().unwrap();
    assert_eq!(answer(redis.addr(), "GET name\r\n", 10), "$4\r\nLisa\r\n");
}

#[summon(executor = Postgres::new(), args = ["-c", "max_connections=7"])]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn postgres_is_at_its_url(pg: &Postgres) {
    let connect = || postgres::Client::connect(&pg.url("/postgres"), postgres::NoTls).unwrap();
    let mut client = connect();
    client
        .batch_execute("CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa')")
        .unwrap();
    let mut ask = |question: &str| -> String { client.query_one(question, &[]).unwrap().get(0) };
    assert_eq!(ask("SHOW max_connections"), "7");
    assert_eq!(ask("SHOW server_encoding"), "UTF8");
    // A client is connected, so the stop within the grace is a fast shutdown.
    pg.stop().unwrap();
    assert!(String::from_utf8_lossy(&pg.output()).contains("database system is shut down"));
    // The cluster still exists.
    pg.start().unwrap();
    let row = connect().query_one("SELECT name FROM names", &[]).unwrap();
    assert_eq!(row.get::<_, &str>(0), "Lisa");
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn postgres_says_in_its_log_whose_database_a_line_is_about(pg: &Postgres) {
    let connect = |url: &str| postgres::Client::connect(url, postgres::NoTls).unwrap();
    let mut client = connect(&pg.url("/postgres"));
    client.batch_execute("CREATE DATABASE one").unwrap();
    client.batch_execute("CREATE DATABASE two").unwrap();
    for name in ["one", "two"] {
        let mut client = connect(&pg.url(name));
        let error = client.batch_execute(&format!("SELECT asked_by_{name}"));
        error.unwrap_err();
        let line = format!(r#"\] {name} ERROR:  column "asked_by_{name}" does not exist"#);
        pg.wait_for_output(&line, "10s").unwrap();
    }
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn mariadb_is_at_its_url(db: &Mariadb) {
    assert_eq!(
        db.url("/test"),
        format!("mysql://root@127.0.0.1:{}/test", db.port())
    );
    // The server sends the first packet: the length, the number, the version of the protocol, and
    // the version of the server.
    let greeting = answer(db.addr(), "", 40);
    assert!(greeting.contains("MariaDB"), "{greeting:?}");
    db.restart().unwrap();
    assert!(answer(db.addr(), "", 40).contains("MariaDB"));
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn mariadb_says_in_its_log_which_statement_has_failed_in_whose_database(db: &Mariadb) {
    let port = format!("--port={}", db.port());
    let ask = |statement: &str, database: &str| {
        let mut client = std::process::Command::new("mariadb");
        client.args(["--no-defaults", "-h127.0.0.1", "-uroot", &port]);
        client.args(["-e", statement, database]).output().unwrap()
    };
    for name in ["one", "two"] {
        let made = ask(&format!("CREATE DATABASE {name}"), "test");
        assert!(made.status.success(), "{made:?}");
        ask(&format!("SELECT * FROM asked_by_{name}"), name);
        let line = format!("`{name}` ERROR 1146: .* : SELECT \\* FROM asked_by_{name}");
        db.wait_for_output(&line, "10s").unwrap();
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn postgres_makes_a_cluster_once_for_equal_options() {
    let cluster = |pg: Postgres| -> i64 {
        pg.start().unwrap();
        let mut client = postgres::Client::connect(&pg.url("/postgres"), postgres::NoTls).unwrap();
        let question = "SELECT system_identifier FROM pg_control_system()";
        client.query_one(question, &[]).unwrap().get(0)
    };
    let plain = cluster(Postgres::new());
    assert_eq!(cluster(Postgres::new().arg("--work_mem=5MB")), plain);
    let safe = cluster(Postgres::new().password("s3cret"));
    assert_ne!(safe, plain);
    assert_eq!(cluster(Postgres::new().password("s3cret")), safe);
    assert_ne!(cluster(Postgres::new().password("another")), safe);
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn mariadb_makes_its_tables_once_for_equal_options() {
    let made = |db: Mariadb| {
        db.start().unwrap();
        let table = db.dir().join("data/mysql/global_priv.frm");
        std::fs::metadata(table).unwrap().modified().unwrap()
    };
    let plain = made(Mariadb::new());
    assert_eq!(made(Mariadb::new().arg("--max-connections=20")), plain);
    assert_ne!(made(Mariadb::new().init_args(["--skip-test-db"])), plain);
}

#[summon(executor = Nats::new().arg("--jetstream"))]
#[test]
#[cfg_attr(not(has_nats), ignore = "nats-server is not installed")]
fn nats_is_at_its_url(nats: &Nats) {
    assert_eq!(nats.url("/"), format!("nats://127.0.0.1:{}/", nats.port()));
    assert_eq!(answer(nats.addr(), "PING\r\n", 5), "INFO ");
    assert!(nats.dir().join("jetstream").is_dir());
}

#[summon(executor = Memcached::new())]
#[test]
#[cfg_attr(not(has_memcached), ignore = "memcached is not on PATH")]
fn memcached_is_at_its_url(cache: &Memcached) {
    assert_eq!(
        cache.url("/"),
        format!("memcache://127.0.0.1:{}/", cache.port())
    );
    assert_eq!(answer(cache.addr(), "version\r\n", 8), "VERSION ");
}

#[summon::fixture(executor = Redis::new())]
static REDIS: Fixture;

#[summon(fixture = REDIS)]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_fixture_has_its_scheme(redis: &Process) {
    assert!(REDIS.url("/0").starts_with("redis://127.0.0.1:"));
    assert!(redis::Client::open(redis.url("/1")).is_ok());
}

/// Returns a port that is free for now.
fn free_port() -> u16 {
    Redis::new().port()
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_has_a_fixed_port_and_a_password_if_asked() {
    let port = free_port();
    // The password contains characters that a URL, a placeholder, and a shell would interpret.
    let redis = Redis::new().on_port(port).password("s3 {dir}/@'");
    let url = format!("redis://:s3%20%7Bdir%7D%2F%40%27@127.0.0.1:{port}/0");
    assert_eq!(redis.url("/0"), url);
    redis.start().unwrap();
    let ping = |url: &str| -> redis::RedisResult<String> {
        let mut client = redis::Client::open(url)?.get_connection()?;
        redis::cmd("PING").query(&mut client)
    };
    assert_eq!(ping(&url).unwrap(), "PONG");
    assert!(ping(&format!("redis://127.0.0.1:{port}/0")).is_err());
}

#[summon(executor = Memcached::new(), port = free_port())]
#[test]
#[cfg_attr(not(has_memcached), ignore = "memcached is not on PATH")]
fn the_attribute_has_a_port_for_them(cache: &Memcached) {
    assert_eq!(cache.addr().port(), cache.port());
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn the_server_of_a_developer_is_used_and_left_alone() {
    let port = free_port();
    let words = [
        "--port",
        &port.to_string(),
        "--save",
        "",
        "--bind",
        "127.0.0.1",
    ];
    let mut own = std::process::Command::new("redis-server");
    let mut own = Group::spawn(own.args(words).stdout(std::process::Stdio::null()));
    eventually("it listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let redis = Redis::new().on_port(port).reuse(true).timeout("20s");
    redis.start().unwrap();
    assert_eq!(answer(redis.addr(), "PING\r\n", 5), "+PONG");
    assert_eq!(redis.id(), None);
    redis.stop().unwrap();
    assert!(own.try_wait().unwrap().is_none());
}

#[summon(
    executor = Postgres::new().password("s3 'cret{dir}").encoding("LATIN1").locale("C"),
    port = free_port(),
    init_args = ["--data-checksums"]
)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn postgres_has_a_password_and_is_made_as_asked(pg: &Postgres) {
    let url = pg.url("/postgres");
    assert!(url.starts_with("postgres://postgres:s3%20%27cret%7Bdir%7D@127.0.0.1:"));
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    let mut ask = |question: &str| -> String { client.query_one(question, &[]).unwrap().get(0) };
    assert_eq!(ask("SHOW server_encoding"), "LATIN1");
    assert_eq!(ask("SHOW data_checksums"), "on");
    let stranger = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", pg.port());
    assert!(postgres::Client::connect(&stranger, postgres::NoTls).is_err());
}

#[test]
fn a_version_of_postgres_that_is_not_installed_is_told() {
    let error = Postgres::new()
        .version("1")
        .start()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`/usr/lib/postgresql/1/bin/initdb`") && error.contains("does not exist"),
        "{error}"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_version_of_postgres_that_is_installed_is_run() {
    let installed = std::fs::read_dir("/usr/lib/postgresql");
    let versions = installed.into_iter().flatten().flatten();
    for version in versions.filter(|it| it.path().join("bin/postgres").exists()) {
        let version = version.file_name().into_string().unwrap();
        let pg = Postgres::new().version(&version);
        pg.start().unwrap();
        let output = String::from_utf8_lossy(&pg.output()).into_owned();
        assert!(
            output.contains(&format!("starting PostgreSQL {version}")),
            "{output}"
        );
        pg.stop().unwrap();
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn mariadb_has_a_password_if_asked() {
    let db = Mariadb::new().password(r"s3'cr\et{dir}").timeout("2m");
    let url = format!(
        "mysql://root:s3%27cr%5Cet%7Bdir%7D@127.0.0.1:{}/test",
        db.port()
    );
    assert_eq!(db.url("/test"), url);
    db.start().unwrap();
    let may_enter = |password: Option<&str>| {
        let port = format!("--port={}", db.port());
        let mut client = std::process::Command::new("mariadb");
        client.args([
            "--no-defaults",
            "-h",
            "127.0.0.1",
            "-u",
            "root",
            "-e",
            "SELECT 1",
            &port,
        ]);
        client.env_remove("MYSQL_PWD");
        client.envs(password.map(|it| ("MYSQL_PWD", it)));
        client.output().unwrap().status.success()
    };
    assert!(may_enter(Some(r"s3'cr\et{dir}")));
    assert!(!may_enter(None));
    db.restart().unwrap();
    assert!(may_enter(Some(r"s3'cr\et{dir}")));
}

#[test]
#[cfg_attr(not(has_nats), ignore = "nats-server is not installed")]
fn nats_has_a_token_if_asked() {
    let nats = Nats::new().token("s3cret");
    nats.start().unwrap();
    assert_eq!(
        nats.url("/"),
        format!("nats://s3cret@127.0.0.1:{}/", nats.port())
    );
    let ask = |token: &str| {
        let mut stream = TcpStream::connect(nats.addr()).unwrap();
        let connect = format!("CONNECT {{\"auth_token\":\"{token}\",\"verbose\":true}}\r\n");
        let mut lines = std::io::BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        stream.write_all(connect.as_bytes()).unwrap();
        line.clear();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        line
    };
    assert_eq!(ask("s3cret"), "+OK\r\n");
    assert!(ask("wrong").starts_with("-ERR"));
}

#[test]
fn one_that_is_not_there_is_told() {
    let missing = std::env::temp_dir();
    // PATH here is the PATH of the test. summon looks for the server in the server's PATH.
    let redis = Redis::new().env("PATH", missing);
    let error = redis.start().unwrap_err().to_string();
    assert!(error.contains("` is not in PATH"), "{error}");
    assert!(error.contains("apt install redis-server"), "{error}");
}
