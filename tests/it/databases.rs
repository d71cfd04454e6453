//! Each test has its own database.

mod dead_servers;
mod deaths;
mod guards;
mod last_stop;
mod mariadb;
mod redis;
mod refusals;
mod runs;
mod templates;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Mutex;
use std::time::Instant;

use postgres::{Client, NoTls};
use summon::servers::Postgres;
use summon::{Database, Fixture, Process, Signal, summon};

use crate::support::eventually;

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

/// Returns the names of all databases on the server.
fn names(pg: &Postgres) -> BTreeSet<String> {
    let rows = connect(&pg.url("/postgres")).query("SELECT datname FROM pg_database", &[]);
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn no_two_tests_get_the_same_database(pg: &Postgres) {
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..3 {
                    let db = pg.database().unwrap();
                    assert!(seen.lock().unwrap().insert(db.name().to_owned()));
                    // Fails in a database that another test has had.
                    let mut client = connect(&db.url());
                    client.batch_execute("CREATE TABLE mine (x INT)").unwrap();
                }
            });
        }
    });
    assert_eq!(seen.into_inner().unwrap().len(), 48);
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn databases_that_were_given_up_have_bounds(pg: &Postgres) {
    const THREADS: usize = 4;
    let most = Mutex::new(0);
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            // The next test always waits, so the server has no time to drop databases unasked.
            threads.spawn(|| {
                for number in 0..50 {
                    drop(pg.database().unwrap());
                    if number % 10 == 9 {
                        let count = names(pg).len();
                        let mut most = most.lock().unwrap();
                        *most = count.max(*most);
                    }
                }
            });
        }
    });
    let most = most.into_inner().unwrap();
    assert!(most <= deaths::MOST + THREADS, "{most}");
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_database_has_the_name_of_its_test(pg: &Postgres) {
    let db = pg.database().unwrap();
    let name = db.name();
    assert!(
        name.starts_with("databases_a_database_has_the_name_of_its_test_"),
        "{name}"
    );
    assert_eq!(db.url(), pg.url(name));
    assert_eq!(db.server().port(), pg.port());
    assert!(names(pg).contains(name));
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_database_that_was_given_up_loses_its_connections_and_is_dropped(pg: &Postgres) {
    let db = pg.database().unwrap();
    let name = db.name().to_owned();
    let mut client = connect(&db.url());
    client.batch_execute("SELECT 1").unwrap();
    drop(db);
    eventually("the end of the connection", || {
        let connected = format!("SELECT FROM pg_stat_activity WHERE datname = '{name}'");
        let rows = connect(&pg.url("/postgres")).query(&connected, &[]);
        rows.unwrap().is_empty()
    });
    client.batch_execute("SELECT 1").unwrap_err();
    eventually("the drop of the database", || !names(pg).contains(&name));
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_test_that_ends_all_connections_fails_no_other(pg: &Postgres) {
    let mut admin = connect(&pg.url("/postgres"));
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    for _ in 0..40 {
        // Each test leaves the guard with clones to make.
        drop(pg.database().unwrap());
        admin.batch_execute(others).unwrap();
    }
    connect(&pg.database().unwrap().url());
}

#[summon(executor = Postgres::new(), args = ["-c", "max_connections=5"])]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_test_waits_until_the_server_has_a_free_connection(pg: &Postgres) {
    let all: Vec<Client> = (0..5).map(|_| connect(&pg.url("/postgres"))).collect();
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| pg.database());
        eventually("the refusal", || {
            String::from_utf8_lossy(&pg.output())
                .contains("FATAL:  sorry, too many clients already")
        });
        drop(all);
        connect(&waits.join().unwrap().unwrap().url());
    });
}

#[summon(executor = Postgres::new(), args = ["-c", "max_prepared_transactions=1"])]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_database_that_the_server_does_not_drop_is_in_the_log(pg: &Postgres) {
    let db = pg.database().unwrap();
    let open = "BEGIN; CREATE TABLE mine (x INT); PREPARE TRANSACTION 'open'";
    connect(&db.url()).batch_execute(open).unwrap();
    let name = db.name().to_owned();
    drop(db);
    let refused = format!(
        "[summon: the database `{name}` stays until the server stops, since it can't be dropped: \
         ERROR: database \"{name}\" is being used by prepared transactions; DETAIL: There is 1 \
         prepared transaction using the database."
    );
    eventually("the refusal", || {
        String::from_utf8_lossy(&pg.output()).contains(&refused)
    });
}

#[summon(executor = Postgres::new())]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_server_that_was_started_again_has_databases_again(pg: &Postgres) {
    let before = pg.database().unwrap();
    let mut client = connect(&before.url());
    client.batch_execute("CREATE TABLE mine (x INT)").unwrap();
    pg.restart().unwrap();
    let after = pg.database().unwrap();
    assert_ne!(before.name(), after.name());
    for (db, has_table) in [(&before, true), (&after, false)] {
        let found = connect(&db.url()).query_one("SELECT FROM mine", &[]);
        let is_missing = found.is_err_and(|error| error.source().is_some());
        assert_eq!(!is_missing, has_table, "{}", db.name());
    }
}

#[summon(executor = Postgres::new(), stop_signal = Signal::TERM)]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_server_that_waits_for_its_clients_does_not_wait_for_the_guard(pg: &Postgres) {
    drop(pg.database().unwrap());
    let began = Instant::now();
    pg.stop().unwrap();
    // It would be killed after 10 s.
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    assert!(String::from_utf8_lossy(&pg.output()).contains("database system is shut down"));
}

#[summon(executor = Postgres::new().password("s3cret"))]
#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_server_with_a_password_has_no_databases_and_says_why(pg: &Postgres) {
    let error = pg.database().unwrap_err().to_string();
    let why = "databases::a_server_with_a_password_has_no_databases_and_says_why: the template could \
               not be made: the server asks for a password; summon makes databases only on a server \
               that trusts connections from 127.0.0.1 (`trust` in `pg_hba.conf`)\n";
    assert!(
        error.starts_with(&format!("pg has no database for {why}")),
        "{error}"
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn a_server_that_does_not_run_has_no_databases() {
    let error = Postgres::new().database().unwrap_err().to_string();
    assert!(error.contains("call `start` first"), "{error}");
    let pg = Postgres::new();
    pg.start().unwrap();
    let _db = pg.database().unwrap();
    pg.kill().unwrap();
    let error = pg.database().unwrap_err().to_string();
    assert!(error.contains("the server has ended\n"), "{error}");
    assert!(
        error.contains("ended     it was killed by SIGKILL\n"),
        "{error}"
    );
}

#[summon::fixture(executor = Postgres::new())]
static PG: Fixture<Postgres>;

#[summon(database = PG, name = "db")]
#[summon(
    output = "sh -c 'echo db {db.url}; echo port {db.port}; exec sleep 100'",
    banner = "^port",
    name = "shop"
)]
#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_program_of_the_set_gets_the_database_of_its_test(own: &Database, shop: &Process) {
    let said = String::from_utf8_lossy(&shop.output()).into_owned();
    assert_eq!(
        said,
        format!("db {}\nport {}\n", own.url(), own.server().port())
    );
}

#[summon(executor = Postgres::new())]
#[summon(output = "sh -c 'echo {pg.url}; exec sleep 100'", banner = "postgres")]
#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_program_of_the_set_gets_the_url_of_a_server(pg: &Postgres, shop: &Process) {
    let said = String::from_utf8_lossy(&shop.output()).into_owned();
    assert_eq!(said, pg.url("/postgres") + "\n");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "postgres is not installed")]
fn the_database_of_a_test_that_fails_by_its_server_stays_and_is_in_the_report() {
    #[summon::fixture(executor = Postgres::new(), never = "no_cheese")]
    static WATCHED: Fixture<Postgres>;

    static USED: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[summon(database = WATCHED)]
    fn uses(statement: &str, db: &Database) {
        USED.lock().unwrap().push(db.url());
        let mut client = connect(&db.url());
        client.batch_execute(statement).unwrap_err();
        db.server().wait_for_output(statement, "20s").unwrap();
    }

    let failed = std::panic::catch_unwind(|| uses("SELECT no_cheese")).unwrap_err();
    uses("SELECT no_wine");
    let report = failed.downcast::<String>().unwrap();
    let used = USED.lock().unwrap().clone();
    assert!(
        report.contains(&format!("\n  database  {}\n", used[0])),
        "{report}"
    );
    let is_there = |url: &String| names(&WATCHED).contains(url.rsplit('/').next().unwrap());
    eventually("the drop of the other test's database", || {
        !is_there(&used[1])
    });
    assert!(is_there(&used[0]));
}
