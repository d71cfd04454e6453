//! Each test has a database of its own.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Mutex;
use std::time::Instant;

use postgres::{Client, NoTls};
use summon::servers::Postgres;
use summon::{Database, Fixture, Process, Signal, summon};

use crate::project::Project;
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

#[summon::fixture(executor = Postgres::new(), template = fill)]
static PG: Fixture<Postgres>;

/// Fills the template with everything that `CREATE DATABASE` does not clone, and stays connected.
fn fill(db: &Database) -> Result<(), postgres::Error> {
    let mut client = Client::connect(&db.url(), NoTls)?;
    let name = db.name();
    client.batch_execute(&format!(
        "CREATE TABLE names (name TEXT); INSERT INTO names VALUES ('Lisa');
         CREATE ROLE app; CREATE ROLE \"Other App\" CONNECTION LIMIT 7;
         ALTER DATABASE {name} OWNER TO \"Other App\";
         ALTER DATABASE {name} CONNECTION LIMIT 9;
         ALTER DATABASE {name} SET search_path = app, \"Weird, 'schema'\";
         ALTER ROLE app IN DATABASE {name} SET work_mem = '7MB';
         REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;
         GRANT CONNECT ON DATABASE {name} TO app WITH GRANT OPTION"
    ))?;
    std::mem::forget(client);
    Ok(())
}

#[summon(database = PG)]
#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_database_is_like_the_template(db: &Database) {
    let mut client = connect(&db.url());
    let row = client.query_one("SELECT name FROM public.names", &[]);
    assert_eq!(row.unwrap().get::<_, &str>(0), "Lisa");
    let like = |what: &str| {
        format!(
            "SELECT DISTINCT {what} FROM pg_database d LEFT JOIN pg_db_role_setting \
             ON setdatabase = d.oid WHERE datname = '{}' OR datname LIKE 'summon_template_%'",
            db.name()
        )
    };
    for (what, count) in [
        ("datdba", 1),
        ("datconnlimit", 1),
        ("datacl::text", 1),
        // One for the database, and one for a role in it.
        ("setrole, setconfig", 2),
    ] {
        let rows = client.query(&like(what), &[]).unwrap();
        assert_eq!(rows.len(), count, "{what}");
    }
    let path: String = client.query_one("SHOW search_path", &[]).unwrap().get(0);
    assert_eq!(path, "app, \"Weird, 'schema'\"");
}

/// Returns the reports of two tests that fail to get a database.
fn reports(test: fn()) -> [String; 2] {
    [test, test].map(|test| {
        let panic = std::panic::catch_unwind(test).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    })
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_that_fails_is_one_report_to_all() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;

    fn fail(db: &Database) -> Result<(), postgres::Error> {
        connect(&db.url()).batch_execute("SELECT no_such_column")
    }

    #[summon(database = BROKEN)]
    fn uses(_db: &Database) {
        unreachable!();
    }

    let [one, other] = reports(uses);
    assert_eq!(one, other);
    let why = "the template function of BROKEN failed: db error\n";
    assert!(one.starts_with(why), "{one}");
    // The client does not show the server's words. The log does.
    let words = "ERROR:  column \"no_such_column\" does not exist";
    assert!(one.contains(words), "{one}");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_that_panics_is_one_report_to_all() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;

    fn fail(_db: &Database) -> Result<(), String> {
        panic!("on purpose")
    }

    #[summon(database = BROKEN)]
    fn uses(_db: &Database) {
        unreachable!();
    }

    let [one, other] = reports(uses);
    assert_eq!(one, other);
    assert!(
        one.starts_with("the template function of BROKEN panicked\n"),
        "{one}"
    );
    assert!(one.contains("on purpose"), "{one}");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_that_fails_with_many_words_is_a_short_report_to_all() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;

    fn fail(_db: &Database) -> Result<(), String> {
        Err("\u{fc}".repeat(40_000_000))
    }

    let report = || BROKEN.database().unwrap_err().to_string();
    let reports: BTreeSet<String> = std::thread::scope(|threads| {
        let threads: Vec<_> = (0..60).map(|_| threads.spawn(report)).collect();
        let reports = threads.into_iter().map(|it| it.join().unwrap());
        reports.collect()
    });
    let [report] = &Vec::from_iter(reports)[..] else {
        panic!("one report");
    };
    assert!(report.len() < 100_000, "{}", report.len());
    let why = "the template function of BROKEN failed: \u{fc}\u{fc}";
    assert!(report.starts_with(why), "{report}");
    assert!(report.contains("\n  declared  "), "{report}");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_may_leave_a_lock() {
    #[summon::fixture(executor = Postgres::new(), template = lock)]
    static LOCKED: Fixture<Postgres>;

    fn lock(db: &Database) -> Result<(), postgres::Error> {
        let mut client = Client::connect(&db.url(), NoTls)?;
        client.batch_execute("CREATE TABLE names (name TEXT)")?;
        client.batch_execute("BEGIN; LOCK TABLE names")?;
        std::mem::forget(client);
        Ok(())
    }

    let db = LOCKED.database().unwrap();
    let names = connect(&db.url()).query("SELECT FROM names", &[]);
    assert!(names.unwrap().is_empty());
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_clone_that_fails_has_the_words_of_the_server() {
    #[summon::fixture(executor = Postgres::new(), args = ["-c", "max_prepared_transactions=1"], template = prepare)]
    static BROKEN: Fixture<Postgres>;

    fn prepare(db: &Database) -> Result<(), postgres::Error> {
        connect(&db.url())
            .batch_execute("BEGIN; CREATE TABLE names (name TEXT); PREPARE TRANSACTION 'open'")
    }

    #[summon(database = BROKEN)]
    fn uses(_db: &Database) {
        unreachable!();
    }

    let [one, other] = reports(uses);
    for report in [one, other] {
        assert!(
            report.contains("the template could not be cloned: ERROR: source database"),
            "{report}"
        );
        assert!(report.contains("1 prepared transaction"), "{report}");
    }
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn each_test_of_a_run_has_one_and_the_template_is_filled_once() {
    for runner in ["test", "nextest run"] {
        if runner == "nextest run" && cfg!(not(has_nextest)) {
            continue;
        }
        let ran = Project::new()
            .run(&format!("{runner} --test databases use_"))
            .succeeded();
        assert_eq!(ran.count("fill"), 1, "{}", ran.said());
        assert_eq!(databases(&ran.record).len(), 8, "{}", ran.said());
    }
}

/// Returns the names in a record. Each is of one test.
fn databases(record: &[String]) -> BTreeSet<&str> {
    let names = record
        .iter()
        .filter_map(|line| line.strip_prefix("database-"));
    let names: Vec<_> = names.collect();
    let different: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(names.len(), different.len(), "{names:?}");
    different
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_nextest)),
    ignore = "no postgres or no cargo-nextest"
)]
fn a_template_that_dies_with_its_process_is_made_anew() {
    let args = "nextest run --no-fail-fast -j 4 --test databases use_";
    let ran = Project::new().run_with(args, &[("DIE", "fill")]);
    assert_eq!(ran.count("fill"), 2, "{}", ran.said());
    assert_eq!(databases(&ran.record).len(), 7, "{}", ran.said());
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_nextest)),
    ignore = "no postgres or no cargo-nextest"
)]
fn the_database_of_a_failed_test_is_in_its_report_and_is_used_by_no_other() {
    let args = "nextest run --no-fail-fast -j 2 --retries 2 --test databases";
    let ran = Project::new().run(args);
    // Of the ten tests, two were run three times.
    assert_eq!(databases(&ran.record).len(), 14, "{}", ran.said());
    let said = ran.said();
    let reported = said.lines().filter(|line| {
        let url = line
            .trim()
            .strip_prefix("database  postgres://postgres@127.0.0.1:");
        url.is_some_and(|url| url.contains("/fails_"))
    });
    assert!(reported.count() >= 3, "{said}");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_fixture_gives_a_database_as_a_value_too() {
    let db = PG.database().unwrap();
    let row = connect(&db.url()).query_one("SELECT name FROM public.names", &[]);
    assert_eq!(row.unwrap().get::<_, &str>(0), "Lisa");
}

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
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_that_wants_a_database_of_its_server_fails_at_once() {
    #[summon::fixture(executor = Postgres::new(), template = want)]
    static BROKEN: Fixture<Postgres>;

    fn want(_db: &Database) -> Result<(), summon::Error> {
        BROKEN.database().map(drop)
    }

    let error = BROKEN.database().unwrap_err().to_string();
    assert!(error.contains("would wait for itself"), "{error}");
}
