//! The ready-made servers run as images too, with the same URLs and databases.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use postgres::{Client, NoTls};
use summon::servers::{
    Etcd, Mariadb, Memcached, Mosquitto, Nats, Nginx, Postgres, Rabbitmq, Redis, Zookeeper,
};
use summon::{Database, Fixture, Process, Signal, summon};

use crate::engine::{ACTOR, MARIADB, POSTGRES, REDIS, SERVERS};

/// How long a server may take for an answer.
const LIMIT: Duration = Duration::from_secs(30);

fn version(url: &str) -> String {
    let mut client = Client::connect(url, NoTls).unwrap();
    client.query_one("SHOW server_version", &[]).unwrap().get(0)
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(executor = Postgres::new().image(POSTGRES))]
#[test]
fn has_the_url_of_postgres(pg: &Postgres) {
    assert_eq!(
        pg.url("/postgres"),
        format!("postgres://postgres@127.0.0.1:{}/postgres", pg.port())
    );
    let before = version(&pg.url("/postgres"));
    pg.crash(Signal::KILL).unwrap();
    pg.start().unwrap();
    assert_eq!(version(&pg.url("/postgres")), before);
    let setting = |name: &str| -> String {
        let mut client = Client::connect(&pg.url("/postgres"), NoTls).unwrap();
        client
            .query_one(&format!("SHOW {name}"), &[])
            .unwrap()
            .get(0)
    };
    assert_eq!(setting("fsync"), "off");
    assert_eq!(setting("wal_segment_size"), "1MB");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_the_options_of_postgres() {
    let pg = Postgres::new()
        .password("it's s3cret{")
        .image(POSTGRES)
        .init_args(["--data-checksums"])
        .args(["-c", "max_connections=7"]);
    pg.start().unwrap();
    let mut client = Client::connect(&pg.url("/postgres"), NoTls).unwrap();
    let row = client.query_one(
        "SELECT current_setting('data_checksums'), current_setting('max_connections')",
        &[],
    );
    let row = row.unwrap();
    assert_eq!(row.get::<_, String>(0), "on");
    assert_eq!(row.get::<_, String>(1), "7");
    let without = format!("postgres://postgres@127.0.0.1:{}/postgres", pg.port());
    assert!(Client::connect(&without, NoTls).is_err());
}

#[summon::fixture(executor = Postgres::new().image(POSTGRES), template = migrate)]
static PG: Fixture<Postgres>;

fn migrate(db: &Database) -> Result<(), postgres::Error> {
    let mut client = Client::connect(&db.url(), NoTls)?;
    client.batch_execute("CREATE TABLE songs (title TEXT)")
}

fn adds_a_song(db: &Database) {
    let mut client = Client::connect(&db.url(), NoTls).unwrap();
    let added = client.execute("INSERT INTO songs VALUES ('Kalinka')", &[]);
    assert_eq!(added.unwrap(), 1);
    let songs = client.query("SELECT * FROM songs", &[]).unwrap();
    assert_eq!(songs.len(), 1);
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(database = PG)]
#[test]
fn has_a_database_for_one_test(db: &Database) {
    adds_a_song(db);
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(database = PG)]
#[test]
fn has_a_database_for_another_test(db: &Database) {
    adds_a_song(db);
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(executor = Postgres::new().image(POSTGRES))]
#[summon(
    image = POSTGRES,
    entrypoint = "psql",
    simple = "-c 'SELECT 7 AS seven' {pg.url}",
    name = "client"
)]
#[test]
fn has_its_url_inside_another_container(pg: &Postgres, client: &Process) {
    client.wait_for_output("^ +7$", "30s").unwrap();
    assert!(pg.is_running());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_the_databases_of_redis() {
    let redis = Redis::new().image(REDIS).args(["--maxmemory", "64mb"]);
    redis.start().unwrap();
    let db = redis.database().unwrap();
    assert_eq!(db.url(), redis.url(db.name()));
    let client = redis::Client::open(db.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let () = redis::cmd("SET")
        .arg("a")
        .arg(1)
        .query(&mut connection)
        .unwrap();
    let config: Vec<String> = redis::cmd("CONFIG")
        .arg("GET")
        .arg("maxmemory")
        .query(&mut connection)
        .unwrap();
    assert_eq!(config, ["maxmemory", "67108864"]);
    let locked = Redis::new().image(REDIS).password("s3cret");
    locked.start().unwrap();
    let client = redis::Client::open(locked.url("/0")).unwrap();
    client.get_connection().unwrap();
}

/// Returns the answer to a statement.
fn query(url: &str, statement: &str) -> String {
    let rest = url.strip_prefix("mysql://").unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    let (host, database) = rest.split_once('/').unwrap();
    let (ip, port) = host.split_once(':').unwrap();
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut client = Command::new("mariadb");
    client.args([
        "--no-defaults",
        "--host",
        ip,
        "--port",
        port,
        "--user",
        user,
    ]);
    client.args(["--skip-column-names", "--execute", statement, database]);
    let output = client.env("MYSQL_PWD", password).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[cfg_attr(
    not(all(has_images, has_mariadb)),
    ignore = "needs an engine with the images of `tests/run images`, and mariadb"
)]
fn has_the_url_and_the_databases_of_mariadb() {
    let db = Mariadb::new().image(MARIADB).arg("--max-connections=17");
    db.start().unwrap();
    let url = db.url("/test");
    assert_eq!(url, format!("mysql://root@127.0.0.1:{}/test", db.port()));
    assert_eq!(query(&url, "SELECT @@max_connections"), "17");
    let own = db.database().unwrap();
    query(&own.url(), "CREATE TABLE songs (title TEXT)");
    assert_eq!(query(&own.url(), "SHOW TABLES"), "songs");
    let locked = Mariadb::new().password("s3cret");
    let locked = locked.image(MARIADB);
    locked.start().unwrap();
    assert_eq!(query(&locked.url("/test"), "SELECT 7"), "7");
}

/// Sends a request, and returns the beginning of the answer.
fn ask(process: &Process, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(process.addr()).unwrap();
    stream.write_all(request).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

#[test]
#[cfg_attr(
    not(all(has_images, has_nats)),
    ignore = "needs an engine with the images of `tests/run images`, and nats"
)]
fn has_the_url_of_nats() {
    let nats = Nats::new().token("s3cret").image(SERVERS);
    let nats = nats.env("SERVER", "nats-server");
    nats.start().unwrap();
    let url = format!("nats://s3cret@127.0.0.1:{}/", nats.port());
    assert_eq!(nats.url("/"), url);
    let answer = ask(&nats, b"");
    assert!(answer.starts_with(b"INFO {"), "{answer:?}");
    nats.stop().unwrap();
}

#[test]
#[cfg_attr(
    not(all(has_images, has_memcached)),
    ignore = "needs an engine with the images of `tests/run images`, and memcached"
)]
fn has_the_url_of_memcached() {
    let cache = Memcached::new().arg("-vv").image(SERVERS).user("nobody");
    let cache = cache.env("SERVER", "memcached");
    cache.start().unwrap();
    let url = format!("memcache://127.0.0.1:{}/", cache.port());
    assert_eq!(cache.url("/"), url);
    let answer = ask(&cache, b"version\r\n");
    assert!(answer.starts_with(b"VERSION "), "{answer:?}");
    cache.stop().unwrap();
}

#[test]
#[cfg_attr(
    not(all(has_images, has_mosquitto)),
    ignore = "needs an engine with the images of `tests/run images`, and mosquitto"
)]
fn has_the_url_of_mosquitto() {
    let broker = Mosquitto::new().image(SERVERS);
    broker.start().unwrap();
    let url = format!("mqtt://127.0.0.1:{}/", broker.port());
    assert_eq!(broker.url("/"), url);
    // CONNECT of MQTT 3.1.1 with the client `a`, and CONNACK.
    let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
    assert_eq!(ask(&broker, connect), [0x20, 2, 0, 0]);
    broker.stop().unwrap();
}

#[cfg_attr(
    not(all(has_images, has_nginx)),
    ignore = "needs an engine with the images of `tests/run images`, and nginx"
)]
#[summon(executor = summon::TcpCoordinatedExecutor::new("http {host}:{port} 200", "localhost", 80), image = ACTOR, name = "api")]
#[summon(
    executor = Nginx::new("location /api/ { proxy_pass http://{api.host}:{api.port}/; }"),
    image = SERVERS,
    with_file("www/index.html", "Hello, Lisa.")
)]
#[test]
fn has_the_url_of_nginx(api: &Process, web: &Nginx) {
    assert_eq!(web.url("/"), format!("http://127.0.0.1:{}/", web.port()));
    let get = |path: &str| {
        let answer = ask(web, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(get("/").ends_with("Hello, Lisa."), "{}", get("/"));
    // The server of the other container answers with the head of the request.
    assert!(
        get("/api/x").contains("GET /x HTTP/1.0"),
        "{}",
        get("/api/x")
    );
    assert!(api.is_running());
}

#[test]
#[cfg_attr(
    not(all(has_images, has_etcd)),
    ignore = "needs an engine with the images of `tests/run images`, and etcd"
)]
fn has_the_url_of_etcd() {
    let etcd = Etcd::new().image(SERVERS).args(["--name", "own"]);
    let etcd = etcd.args(["--initial-cluster", "own=http://localhost:2380"]);
    etcd.start().unwrap();
    assert_eq!(etcd.url("/"), format!("http://127.0.0.1:{}/", etcd.port()));
    let answer = ask(&etcd, b"GET /health HTTP/1.0\r\n\r\n");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("\"health\":\"true\""), "{answer}");
    etcd.stop().unwrap();
}

#[test]
fn says_what_does_not_run_as_an_image() {
    let error = Rabbitmq::new().image("rabbitmq:3").start().unwrap_err();
    let error = error.to_string();
    assert!(error.contains("does not run as an image"), "{error}");
    assert!(error.contains("\n  hint      run the image by"), "{error}");
    let error = Zookeeper::new().image("zookeeper:3.9").start().unwrap_err();
    let error = error.to_string();
    assert!(error.contains("\n  hint      run the image by"), "{error}");
    let options = Mariadb::new().init_args(["--skip-test-db"]);
    let error = options.image("mariadb:11").start().unwrap_err().to_string();
    assert!(error.contains("remove `init_args`"), "{error}");
}
