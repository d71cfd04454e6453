//! The databases of a fixture are clones of a template, which a function fills once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use postgres::{Client, NoTls};
use summon::servers::Postgres;
use summon::{Database, Fixture, Link, summon};

use super::connect;

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
    // The error of the client has the server's words as its cause. The log has them, too.
    let words = "ERROR: column \"no_such_column\" does not exist";
    let why = format!("the template function of BROKEN failed: db error: {words}\n");
    assert!(one.starts_with(&why), "{one}");
    assert!(one.contains(&words.replace("ERROR: ", "ERROR:  ")), "{one}");
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
    // A report shows this, if the function did not expect the end of its connection.
    let said = String::from_utf8_lossy(&LOCKED.output()).into_owned();
    let ended = "[summon: the template function left connections to `summon_template_1` open, or had just \
                 closed them; summon has ended pid ";
    assert!(said.contains(ended), "{said}");
    let query = ", user `postgres`, query `BEGIN; LOCK TABLE names`, idle in transaction]\n";
    assert!(said.contains(query), "{said}");
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
fn a_template_function_that_wants_a_database_of_its_server_fails_at_once() {
    #[summon::fixture(executor = Postgres::new(), template = want)]
    static BROKEN: Fixture<Postgres>;

    fn want(_db: &Database) -> Result<(), summon::Error> {
        BROKEN.database().map(drop)
    }

    let error = BROKEN.database().unwrap_err().to_string();
    assert!(error.contains("would wait for itself"), "{error}");
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

#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_waits_for_itself() {
    #[summon::fixture(executor = Postgres::new(), template = wait)]
    static SLOW: Fixture<Postgres>;

    fn wait(_db: &Database) -> Result<(), summon::Error> {
        // A function that joined this thread would never return.
        std::thread::spawn(|| SLOW.database().map(drop));
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        Ok(())
    }

    SLOW.database().unwrap();
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_function_that_waits_for_itself_on_another_thread_says_so() {
    let test = "databases::templates::run_by_another_and_waits_for_itself";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    let expected = "summon: waiting for a database of SLOW, whose template function still runs in this \
                    process; if that function itself waits for this thread, it waits for itself, and \
                    should use the database that it gets";
    let found = said.map(Result::unwrap).any(|line| line == expected);
    drop(child.stdin.take());
    assert!(found && child.wait().unwrap().success());
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn an_error_of_a_template_function_has_its_causes_as_anyhow_shows_them() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;

    struct Error;

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let cause = if f.alternate() { ": no such table" } else { "" };
            write!(f, "migration 7{cause}")
        }
    }

    fn fail(_db: &Database) -> Result<(), Error> {
        Err(Error)
    }

    let error = BROKEN.database().unwrap_err().to_string();
    let why = "the template function of BROKEN failed: migration 7: no such table\n";
    assert!(error.starts_with(why), "{error}");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn an_error_of_a_template_function_has_the_words_of_the_server() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;
    #[summon::fixture(executor = Postgres::new(), template = fail_in_a_box)]
    static BOXED: Fixture<Postgres>;

    fn fail(db: &Database) -> Result<(), postgres::Error> {
        connect(&db.url()).batch_execute("SELECT * FROM songs")
    }

    fn fail_in_a_box(db: &Database) -> Result<(), Box<dyn std::error::Error>> {
        Ok(fail(db)?)
    }

    for broken in [&BROKEN, &BOXED] {
        let error = broken.database().unwrap_err().to_string();
        let why = "relation \"songs\" does not exist";
        let line = error.lines().next().unwrap();
        assert!(line.contains(why), "{error}");
    }
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn an_error_of_a_full_memory_names_the_remedy() {
    #[summon::fixture(executor = Postgres::new(), template = fill)]
    static FULL: Fixture<Postgres>;

    fn fill(_db: &Database) -> Result<(), String> {
        Err("could not extend file \"base/7/8\": No space left on device".into())
    }

    let error = FULL.database().unwrap_err().to_string();
    let hint = "is in memory (/dev/shm), which is full; to keep it on disk, set `SUMMON_MEMORY=0`";
    assert_eq!(
        error.contains(hint),
        FULL.dir().starts_with("/dev/shm"),
        "{error}"
    );
}

#[summon::fixture(executor = Postgres::new(), template = fill, never = "no_such_column")]
static STRICT: Fixture<Postgres>;

fn break_the_rule(db: &Database) {
    connect(&db.url())
        .batch_execute("SELECT no_such_column")
        .unwrap_err();
}

#[summon(database = STRICT)]
#[summon(link = STRICT)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_breaks_a_rule(db: &Database, _link: &Link) {
    break_the_rule(db);
}

#[summon(database = STRICT)]
#[summon(link = STRICT)]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_breaks_a_rule_and_fails(db: &Database, _link: &Link) {
    break_the_rule(db);
    panic!("on purpose");
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_fixture_with_a_database_and_a_link_is_reported_once() {
    for test in ["breaks_a_rule", "breaks_a_rule_and_fails"] {
        let test = format!("databases::templates::run_by_another_and_{test}");
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert_eq!(said.matches("\n  declared ").count(), 1, "{said}");
        assert_eq!(said.matches("\n  never ").count(), 1, "{said}");
        let fails = test.ends_with("fails");
        assert!(!fails || said.contains("\n  database "), "{said}");
    }
}
