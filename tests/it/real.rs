//! Real servers, spoken to over their own protocols.

use std::path::PathBuf;
use std::process::Command;

use summon::{
    Executor, OutputCoordinatedExecutor, Process, Signal, TcpCoordinatedExecutor, summon,
};

use crate::support::{TempDir, replaced};

#[summon(tcp = "redis-server --port {port} --dir {dir} --save ''")]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn redis_remembers(redis: &Process) -> redis::RedisResult<()> {
    let mut client = redis::Client::open(format!("redis://{}", redis.addr()))?.get_connection()?;
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
        error.starts_with("redis-server exited with code 1 before it was ready\n"),
        "{error}"
    );
    assert!(
        error.contains("| *** FATAL CONFIG FILE ERROR (Redis "),
        "{error}"
    );
}

/// A report without what is different each time and on each machine.
fn plain(report: &str) -> String {
    let rules = [
        (r"declared  \S+:\d+", "declared  .."),
        (r"directory \S+", "directory .."),
        (r"(port |localhost:)\d+", "${1}PORT"),
        (r"\d+ looks in \S+ s", "looks"),
        (r"\S+/redis\.log", "redis.log"),
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

/// Where Debian keeps the programs of PostgreSQL, which are not all on PATH.
fn postgres_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(name));
    let hidden = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let hidden = hidden
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    on_path
        .chain(hidden)
        .find(|program| program.exists())
        .unwrap()
}

/// A PostgreSQL with a database directory of its own. It refuses to run as root, so root runs it
/// as the user that Debian's package made.
struct Postgres {
    server: OutputCoordinatedExecutor,
    data: TempDir,
}

impl Postgres {
    fn new() -> Postgres {
        let data = TempDir::new();
        // It listens for a while before it lets anybody in, so that it listens is not enough.
        let banner = "database system is ready to accept connections";
        let server = OutputCoordinatedExecutor::new(Postgres::command("postgres"), banner)
            .args(["-D".as_ref(), data.path().as_os_str()])
            .args(["-k".as_ref(), data.path().as_os_str()])
            .args(["-h", "127.0.0.1", "-p", "{port}", "-c", "fsync=off"])
            // A fast shutdown, which does not wait for clients.
            .stop_signal(Signal::INT);
        Postgres { server, data }
    }

    fn is_root() -> bool {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
    }

    fn command(program: &str) -> Vec<String> {
        let program = postgres_program(program).to_str().unwrap().to_owned();
        let mut command: Vec<String> = Vec::new();
        if Postgres::is_root() {
            let drop_root = "setpriv --reuid=postgres --regid=postgres --clear-groups";
            command.extend(drop_root.split(' ').map(str::to_owned));
        }
        command.push(program);
        command
    }

    fn init(&self) {
        if Postgres::is_root() {
            let chown = Command::new("chown")
                .arg("postgres")
                .arg(self.data.path())
                .status();
            assert!(chown.unwrap().success());
        }
        let command = Postgres::command("initdb");
        let init = Command::new(&command[0])
            .args(&command[1..])
            .args(["--username=lisa", "--auth=trust", "--no-sync", "-D"])
            .arg(self.data.path())
            .current_dir("/")
            .output()
            .unwrap();
        assert!(
            init.status.success(),
            "{}",
            String::from_utf8_lossy(&init.stderr)
        );
    }

    fn client(&self) -> postgres::Client {
        let addr = self.server.addr();
        let config = format!(
            "host={} port={} user=lisa dbname=postgres",
            addr.ip(),
            addr.port()
        );
        postgres::Client::connect(&config, postgres::NoTls).unwrap()
    }
}

impl Executor for Postgres {
    fn start(&self) -> Result<(), summon::Error> {
        self.init();
        self.server.start()
    }

    fn stop(&self) -> Result<(), summon::Error> {
        self.server.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.server)
    }
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn postgres_remembers(postgres: &Postgres) {
    let mut client = postgres.client();
    client
        .batch_execute("CREATE TABLE names (name TEXT)")
        .unwrap();
    client
        .execute("INSERT INTO names VALUES ($1)", &[&"Lisa"])
        .unwrap();
    let rows = client.query("SELECT name FROM names", &[]).unwrap();
    assert_eq!(rows[0].get::<_, &str>(0), "Lisa");
    // With a client connected, and so within the grace: a fast shutdown.
    postgres.stop().unwrap();
    assert!(
        String::from_utf8_lossy(&postgres.server.output()).contains("database system is shut down")
    );
}
