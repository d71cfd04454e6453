//! Servers that refuse what the databases need: for a while, or for good.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use postgres::Client;
use summon::servers::{Mariadb, Postgres, Redis};
use summon::{Process, summon};

use super::mariadb::try_run;
use super::redis::use_database;
use super::{connect, names};
use crate::memory::signal;
use crate::support::eventually;

fn has_said(server: &Process, words: &str) -> bool {
    String::from_utf8_lossy(&server.output()).contains(words)
}

/// Returns the clones that no test has so far.
fn clones(pg: &Postgres) -> Vec<String> {
    let names = names(pg).into_iter();
    names.filter(|it| it.starts_with("summon_clone_")).collect()
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_clone_that_is_in_use_is_replaced(pg: &Postgres) {
    drop(pg.database().unwrap());
    eventually("clones", || clones(pg).len() == 8);
    // Such as a monitor that reads all databases.
    let clients: Vec<Client> = clones(pg)
        .iter()
        .map(|name| connect(&pg.url(name)))
        .collect();
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| pg.database());
        // The server waits for five seconds before it says so.
        eventually("the refusal", || {
            has_said(pg, "is being accessed by other users")
        });
        drop(clients);
        connect(&waits.join().unwrap().unwrap().url());
    });
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_taken_name_is_an_error(pg: &Postgres) {
    drop(pg.database().unwrap());
    eventually("clones", || clones(pg).len() == 8);
    let mut admin = connect(&pg.url("/postgres"));
    let begin = "databases_refusals_a_taken_name_is_an_error";
    let taken = clones(pg)
        .into_iter()
        .map(|it| it.replace("summon_clone", begin));
    let taken: Vec<String> = taken.collect();
    for name in &taken {
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
    }
    let error = pg.database().unwrap_err().to_string();
    let words =
        "the clone could not be completed: ERROR: database \"databases_refusals_a_taken_name";
    assert!(error.contains(words), "{error}");
    assert!(error.contains("\" already exists"), "{error}");
    // The clone is dropped, and would be dropped after that name.
    let number = error.split("_error_").nth(1).unwrap();
    let number = number.split('"').next().unwrap();
    let clone = format!("summon_clone_{number}");
    eventually("the drop of the clone", || !names(pg).contains(&clone));
    let names = names(pg);
    assert!(taken.iter().all(|it| names.contains(it)), "{names:?}");
}

#[summon(
    executor = Postgres::new(),
    args = ["-c", "wal_level=logical", "-c", "max_prepared_transactions=10"]
)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_drop_that_the_server_refuses_has_its_words_and_hinders_no_other(pg: &Postgres) {
    let slot = "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')";
    let open = "BEGIN; CREATE TABLE mine (x INT); PREPARE TRANSACTION 'open'";
    let [with_slot, prepared] = [slot, open].map(|statement| {
        let db = pg.database().unwrap();
        connect(&db.url()).batch_execute(statement).unwrap();
        db.name().to_owned()
    });
    let line = format!(
        "[summon: the database `{prepared}` stays until the server stops, since it can't be dropped: ERROR: \
         database \"{prepared}\" is being used by prepared transactions; DETAIL: There is 1 prepared \
         transaction using the database."
    );
    eventually("the refusal", || has_said(pg, &line));
    // Its slot goes with it.
    eventually("the other drop", || !names(pg).contains(&with_slot));
    let slots = connect(&pg.url("/postgres")).query("SELECT FROM pg_replication_slots", &[]);
    assert!(slots.unwrap().is_empty());
    connect(&pg.database().unwrap().url());
    assert!(names(pg).contains(&prepared));
}

// A backend that waits for longer than `deadlock_timeout` takes the locks of the lock table for a moment.
#[summon(
    executor = Postgres::new(),
    args = ["-c", "wal_level=logical", "-c", "deadlock_timeout=1h"]
)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_database_with_an_active_slot_stays_and_hinders_no_other(pg: &Postgres) {
    let db = pg.database().unwrap();
    // The server makes the slot when this transaction has ended. Until then, the slot is active.
    let mut other = connect(&pg.url("/postgres"));
    let mut open = other.transaction().unwrap();
    open.query("SELECT txid_current()", &[]).unwrap();
    let mut client = connect(&db.url());
    let row = client.query_one("SELECT pg_backend_pid()", &[]).unwrap();
    let pid: i32 = row.get(0);
    let slot = "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')";
    let waits = std::thread::spawn(move || client.batch_execute(slot));
    // The slot is active before it is written. A backend that is halted during the write holds a lock that
    // checkpoints need, and each clone needs a checkpoint. This one waits for the transaction.
    let is_active = "SELECT FROM pg_replication_slots JOIN pg_stat_activity ON pid = active_pid \
                     WHERE wait_event = 'transactionid'";
    eventually("the slot", || {
        let found = connect(&pg.url("/postgres")).query(is_active, &[]);
        found.unwrap().len() == 1
    });
    // The end of its connections does not reach it.
    signal(pid.unsigned_abs(), libc::SIGSTOP);
    let name = db.name().to_owned();
    drop(db);
    let line = format!(
        "[summon: the database `{name}` stays until the server stops, since it can't be dropped: ERROR: \
         database \"{name}\" is used by an active logical replication slot; DETAIL: There is 1 active slot."
    );
    eventually("the refusal", || has_said(pg, &line));
    connect(&pg.database().unwrap().url());
    assert!(names(pg).contains(&name));
    signal(pid.unsigned_abs(), libc::SIGCONT);
    waits.join().unwrap().unwrap_err();
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_client_of_the_server_s_own_template_hinders_no_test(pg: &Postgres) {
    let mut client = connect(&pg.url("/template1"));
    let began = Instant::now();
    connect(&pg.database().unwrap().url());
    // The server would wait for 5 s, and then refuse.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    client.batch_execute("SELECT 1").unwrap_err();
    let line = "[summon: the server does not copy its own template while clients are connected to it; summon has \
                ended pid ";
    assert!(has_said(pg, line));
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn connections_that_end_during_clones_fail_no_test(pg: &Postgres) {
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    std::thread::scope(|threads| {
        let ends = threads.spawn(|| {
            let mut admin = connect(&pg.url("/postgres"));
            for _ in 0..20 {
                admin.batch_execute(others).unwrap();
                // Between two rounds, the guard makes some progress.
                drop(connect(&pg.url("/postgres")).query_one("SELECT pg_sleep(0.05)", &[]));
            }
        });
        while !ends.is_finished() {
            drop(pg.database().unwrap());
        }
        ends.join().unwrap();
    });
    connect(&pg.database().unwrap().url());
    assert!(has_said(
        pg,
        "terminating connection due to administrator command"
    ));
}

#[summon(executor = Mariadb::new(), arg = "--max-connections=10")]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_test_waits_until_mariadb_has_a_free_connection(maria: &Mariadb) {
    let port = maria.port().to_string();
    let sleep = || {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--host=127.0.0.1", "--port", &port])
            .args(["--user=root", "--execute=SELECT SLEEP(1000)"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        client.spawn().unwrap()
    };
    let mut clients = vec![sleep()];
    while try_run(maria, "root", "mysql", "SELECT 1").is_ok() {
        clients.push(sleep());
        assert!(clients.len() < 1000);
    }
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| maria.database());
        // The server counts the refused connections, but logs none of them.
        let refused = || {
            let mut greeting = Vec::new();
            let stream = TcpStream::connect(maria.addr()).unwrap();
            let _ = BufReader::new(stream).read_until(b'\n', &mut greeting);
            String::from_utf8_lossy(&greeting).contains("Too many connections")
        };
        eventually("the refusal", refused);
        assert!(!waits.is_finished());
        for client in &mut clients {
            client.kill().unwrap();
            client.wait().unwrap();
        }
        let db = waits.join().unwrap().unwrap();
        // The server may still have connections of killed clients.
        let create = "CREATE TABLE mine (x INT)";
        eventually("a connection", || {
            try_run(maria, "root", db.name(), create).is_ok()
        });
    });
}

/// Returns the first line that Redis answers. A client would ask the server for more than that.
fn answer(redis: &Redis, command: &str) -> String {
    let mut stream = TcpStream::connect(redis.addr()).unwrap();
    // The server may have refused the connection by now.
    let _ = stream.write_all(format!("{command}\r\n").as_bytes());
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

/// Runs this test in a separate process with live progress, and returns its output.
fn said_by(test: &str) -> String {
    let test = format!("databases::refusals::{test}");
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}");
    said
}

#[summon(executor = Redis::new(), args = ["--lua-time-limit", "10"])]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_waits_for_a_script(redis: &Redis) {
    let mut script = TcpStream::connect(redis.addr()).unwrap();
    script.write_all(b"EVAL 'while true do end' 0\r\n").unwrap();
    eventually("the script is long", || {
        answer(redis, "DBSIZE").starts_with("-BUSY ")
    });
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| redis.database());
        // Until the message, which says what the test waits for.
        std::thread::park_timeout(std::time::Duration::from_secs(3));
        assert!(!waits.is_finished());
        answer(redis, "SCRIPT KILL");
        use_database(&waits.join().unwrap().unwrap());
    });
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_test_waits_until_a_script_of_redis_has_ended() {
    let said = said_by("run_by_another_and_waits_for_a_script");
    let words = "summon: waiting for a database of redis: the server refuses for now: BUSY Redis is busy \
                 running a script.";
    assert!(said.contains(words), "{said}");
}

#[summon(
    executor = Redis::new(),
    args = ["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"]
)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_waits_for_the_data(redis: &Redis) {
    assert_eq!(answer(redis, "DEBUG POPULATE 4000"), "+OK\r\n");
    // In microseconds.
    assert_eq!(answer(redis, "CONFIG SET key-load-delay 1000"), "+OK\r\n");
    let mut load = TcpStream::connect(redis.addr()).unwrap();
    load.write_all(b"DEBUG RELOAD\r\n").unwrap();
    eventually("the server loads", || {
        answer(redis, "DBSIZE").starts_with("-LOADING ")
    });
    use_database(&redis.database().unwrap());
}

#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_test_waits_until_redis_has_loaded_its_data() {
    let said = said_by("run_by_another_and_waits_for_the_data");
    let words = "summon: waiting for a database of redis: the server refuses for now: LOADING Redis is \
                 loading the dataset in memory";
    assert!(said.contains(words), "{said}");
}

#[summon(executor = Redis::new(), args = ["--maxclients", "4"])]
#[test]
#[cfg_attr(not(has_redis), ignore = "redis-server is not on PATH")]
fn a_test_waits_until_redis_has_a_free_connection(redis: &Redis) {
    // Each stays open: the server could count one that has just been closed.
    let connect = || {
        let mut client = TcpStream::connect(redis.addr()).unwrap();
        // The server may have refused the connection by now.
        let _ = client.write_all(b"PING\r\n");
        let mut first = [0];
        let is_served = client.read_exact(&mut first).is_ok() && first == *b"+";
        is_served.then_some(client)
    };
    let all: Vec<TcpStream> = std::iter::from_fn(connect).collect();
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| redis.database());
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        assert!(!waits.is_finished());
        drop(all);
        use_database(&waits.join().unwrap().unwrap());
    });
}
