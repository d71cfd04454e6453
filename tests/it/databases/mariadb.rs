//! Each test has its own database on MariaDB.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use summon::servers::Mariadb;
use summon::{Database, Fixture, Process, summon};

use crate::support::eventually;

/// Returns a client of a server that runs these statements in a database.
fn client(server: &Process, user: &str, database: &str, statements: &str) -> Command {
    let port = server.port().to_string();
    let mut client = Command::new("mariadb");
    client
        .args(["--no-defaults", "--host=127.0.0.1", "--port", &port])
        .args(["--user", user, "--skip-column-names", "--batch", "--raw"])
        .args([
            "--default-character-set=utf8mb4",
            "--delimiter=//",
            "--execute",
        ])
        .args([statements, database]);
    client
}

/// Returns the rows of these statements. `//` ends each of them.
pub(super) fn try_run(
    server: &Process,
    user: &str,
    database: &str,
    statements: &str,
) -> Result<String, String> {
    let ran = client(server, user, database, statements).output().unwrap();
    match ran.status.success() {
        true => Ok(String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

fn run(db: &Database, statements: &str) -> String {
    try_run(db.server(), "root", db.name(), statements).unwrap()
}

/// Returns the names of all databases on the server.
fn names(server: &Process) -> BTreeSet<String> {
    let names = try_run(server, "root", "mysql", "SHOW DATABASES").unwrap();
    names.lines().map(str::to_owned).collect()
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn no_two_tests_get_the_same_database(maria: &Mariadb) {
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..2 {
                    let db = maria.database().unwrap();
                    assert!(seen.lock().unwrap().insert(db.name().to_owned()));
                    // Fails in a database that another test has had.
                    run(&db, "CREATE TABLE mine (x INT)");
                }
            });
        }
    });
    assert_eq!(seen.into_inner().unwrap().len(), 32);
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_test_that_kills_all_connections_fails_no_other(maria: &Mariadb) {
    let others = "BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; \
                  FOR it IN (SELECT ID FROM information_schema.PROCESSLIST \
                  WHERE USER = 'root' AND ID <> CONNECTION_ID()) DO KILL it.ID; END FOR; END//";
    std::thread::scope(|threads| {
        let kills = threads.spawn(|| {
            for _ in 0..20 {
                try_run(maria, "root", "mysql", others).unwrap();
            }
        });
        while !kills.is_finished() {
            drop(maria.database().unwrap());
        }
    });
    run(&maria.database().unwrap(), "SELECT 1");
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_database_has_the_name_of_its_test(maria: &Mariadb) {
    let db = maria.database().unwrap();
    let begin = "databases_mariadb_a_database_has_the_name_of_its_test_";
    assert!(db.name().starts_with(begin), "{}", db.name());
    let url = format!("mysql://root@127.0.0.1:{}/{}", maria.port(), db.name());
    assert_eq!(db.url(), url);
    assert!(names(maria).contains(db.name()));
}

#[summon(executor = Mariadb::new())]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_database_that_was_given_up_loses_its_connections_and_is_dropped(maria: &Mariadb) {
    let db = maria.database().unwrap();
    let name = db.name().to_owned();
    let mut client = client(
        maria,
        "root",
        &name,
        "SELECT 'connected' // SELECT SLEEP(100)",
    );
    let mut client = client
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the connection", || {
        let connected =
            "SELECT DB FROM information_schema.PROCESSLIST WHERE INFO LIKE '%SLEEP(100)'";
        try_run(maria, "root", "mysql", connected).unwrap() == name
    });
    drop(db);
    // It would end by itself after 100 s, with success.
    assert!(!client.wait().unwrap().success());
    eventually("the drop of the database", || !names(maria).contains(&name));
}

#[summon(executor = Mariadb::new().password("s3cret"))]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_server_with_a_password_says_why_it_has_no_databases(maria: &Mariadb) {
    let error = maria.database().unwrap_err().to_string();
    for words in [
        "the template could not be made: ERROR 1045 (28000): Access denied for user 'root'@",
        "; summon makes databases only on a MariaDB whose `root` has no password at 127.0.0.1\n",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_server_that_was_killed_says_so() {
    let maria = Mariadb::new();
    maria.start().unwrap();
    let _db = maria.database().unwrap();
    maria.kill().unwrap();
    let error = maria.database().unwrap_err().to_string();
    assert!(error.contains("the server has ended\n"), "{error}");
}

#[summon::fixture(executor = Mariadb::new(), template = fill)]
static MARIA: Fixture<Mariadb>;

/// Fills the template with everything that refers to something else, in an order that a copy can't
/// have, and stays connected.
#[expect(clippy::zombie_processes, reason = "summon ends its connection")]
fn fill(db: &Database) -> Result<(), String> {
    let words = "
        ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german1_ci //
        CREATE SEQUENCE numbers START WITH 40 INCREMENT BY 2 NOCACHE //
        SELECT NEXTVAL(numbers) //
        CREATE TABLE b_parents (id INT AUTO_INCREMENT PRIMARY KEY) //
        CREATE TABLE a_children (
          id INT DEFAULT NEXTVAL(numbers) PRIMARY KEY, parent INT NOT NULL,
          twice INT AS (id * 2) STORED, hidden INT INVISIBLE DEFAULT 3,
          data BLOB, name VARCHAR(20) CHARACTER SET utf8mb4, old VARCHAR(20), place POINT, doc JSON,
          FOREIGN KEY (parent) REFERENCES b_parents (id) ON DELETE CASCADE) //
        CREATE TABLE c_grandchildren (parent INT, FOREIGN KEY (parent) REFERENCES b_parents (id)) //
        SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO' //
        INSERT INTO b_parents VALUES (0), (1) //
        INSERT INTO c_grandchildren VALUES (1) //
        INSERT INTO a_children (id, parent, hidden, data, name, old, place, doc) VALUES
          (7, 0, 9, X'00FF2711275C0A', '\u{1F600} it''s; \\\\', '\u{fc}', POINT(1, 2), '{\"a\": 1}') //
        CREATE FUNCTION half(x INT) RETURNS INT DETERMINISTIC RETURN x DIV 2 //
        CREATE VIEW y_base AS SELECT id, half(twice) AS same FROM a_children //
        CREATE VIEW x_above AS SELECT id FROM y_base WHERE id > 3 WITH CHECK OPTION //
        CREATE TABLE log (what TEXT) //
        SET sql_mode = 'ANSI_QUOTES' //
        CREATE TRIGGER note AFTER INSERT ON b_parents FOR EACH ROW BEGIN
          INSERT INTO \"log\" VALUES ('a parent; -- \u{fc}'); END -- a comment
        //
        CREATE PROCEDURE all_of_them() BEGIN SELECT COUNT(*) FROM b_parents; SELECT 'x;y'; END //
        CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DO DELETE FROM log //
        CREATE USER app //
        CREATE ROLE reader //
        GRANT SELECT, INSERT ON DATABASE.* TO app WITH GRANT OPTION //
        GRANT UPDATE (name) ON a_children TO app //
        GRANT EXECUTE ON PROCEDURE all_of_them TO app //
        GRANT DELETE ON DATABASE.* TO reader //
        SELECT SLEEP(1000)";
    let words = words.replace(
        "DATABASE.",
        &format!("`{}`.", db.name().replace('_', "\\_")),
    );
    let mut filling = client(db.server(), "root", db.name(), &words);
    filling.stdout(Stdio::null()).spawn().unwrap();
    // All is done when the client sleeps.
    eventually("the end of the statements", || {
        let asleep =
            "SELECT INFO FROM information_schema.PROCESSLIST WHERE INFO = 'SELECT SLEEP(1000)'";
        try_run(db.server(), "root", "mysql", asleep).unwrap() != ""
    });
    Ok(())
}

#[summon(database = MARIA)]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_database_has_the_rows_of_the_template(db: &Database) {
    let row = run(
        db,
        "SELECT id, parent, twice, hidden, HEX(data), name, old, HEX(old), ST_ASTEXT(place), doc \
         FROM a_children",
    );
    let expected =
        "7\t0\t14\t9\t00FF2711275C0A\t\u{1F600} it's; \\\t\u{fc}\tFC\tPOINT(1 2)\t{\"a\": 1}";
    assert_eq!(row, expected);
    assert_eq!(run(db, "SELECT id FROM b_parents ORDER BY id"), "0\n1");
    // The trigger has not recorded these rows: they come from the template.
    assert_eq!(run(db, "SELECT COUNT(*) FROM log"), "0");
    let collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE \
                     SCHEMA_NAME = DATABASE()";
    assert_eq!(run(db, collation), "latin1_german1_ci");
}

#[summon(database = MARIA)]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_database_has_what_belongs_to_the_tables_of_the_template(db: &Database) {
    // The sequence goes on, and the view sees the new row.
    run(db, "INSERT INTO a_children (parent) VALUES (1)");
    assert_eq!(run(db, "SELECT id FROM x_above ORDER BY id"), "7\n42");
    assert_eq!(run(db, "SELECT same FROM y_base WHERE id = 42"), "42");
    // The next number, and the trigger with its comment and its quotes.
    run(db, "INSERT INTO b_parents VALUES ()");
    assert_eq!(run(db, "SELECT MAX(id) FROM b_parents"), "2");
    assert_eq!(run(db, "SELECT what FROM log"), "a parent; -- \u{fc}");
    assert_eq!(run(db, "CALL all_of_them()"), "3\nx;y");
    // Foreign keys refer to tables of the same database.
    run(
        db,
        "DELETE FROM c_grandchildren // DELETE FROM b_parents WHERE id = 0",
    );
    assert_eq!(run(db, "SELECT id FROM a_children"), "42");
    let refused = try_run(
        db.server(),
        "root",
        db.name(),
        "INSERT INTO c_grandchildren VALUES (99)",
    );
    assert!(refused.unwrap_err().contains("ERROR 1452"));
    let events = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()";
    assert_eq!(run(db, events), "daily");
}

#[summon(database = MARIA)]
#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_database_has_the_grants_on_the_template(db: &Database) {
    let as_app = |statement: &str| try_run(db.server(), "app", db.name(), statement);
    as_app("INSERT INTO b_parents VALUES (70)").unwrap();
    as_app("UPDATE a_children SET name = 'x'").unwrap();
    as_app("CALL all_of_them()").unwrap();
    assert!(
        as_app("DELETE FROM b_parents")
            .unwrap_err()
            .contains("denied")
    );
    let own = db.name();
    for (user, grant) in [
        (
            "app",
            format!("GRANT SELECT, INSERT ON `{own}`.* TO `app`@`%` WITH GRANT OPTION"),
        ),
        ("reader", format!("GRANT DELETE ON `{own}`.* TO `reader`")),
    ] {
        let grants = run(db, &format!("SHOW GRANTS FOR {user}"));
        assert!(grants.lines().any(|line| line == grant), "{grants}");
    }
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn the_grants_of_a_database_end_with_it() {
    let db = MARIA.database().unwrap();
    let own = db.name().to_owned();
    run(&db, &format!("GRANT SELECT ON {own}.b_parents TO app"));
    drop(db);
    let other = MARIA.database().unwrap();
    let granted = "SELECT Db FROM mysql.db UNION SELECT Db FROM mysql.tables_priv UNION \
                   SELECT Db FROM mysql.columns_priv UNION SELECT Db FROM mysql.procs_priv";
    let of = |name: &str| {
        let granted = run(&other, granted).replace('\\', "");
        granted.lines().any(|line| line == name)
    };
    assert!(of(other.name()));
    eventually("the end of the grants", || !of(&own));
    // The server has forgotten them, too.
    let grants = run(&other, "SHOW GRANTS FOR app");
    assert!(!grants.contains(&format!("`{own}`")), "{grants}");
    assert!(grants.contains(&format!("`{}`", other.name())), "{grants}");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "mariadbd is not installed")]
fn a_view_that_the_server_refuses_has_its_words() {
    #[summon::fixture(executor = Mariadb::new(), template = break_a_view)]
    static BROKEN: Fixture<Mariadb>;

    fn break_a_view(db: &Database) -> Result<(), String> {
        let words = "CREATE TABLE a (x INT) // CREATE VIEW v AS SELECT x FROM a // DROP TABLE a";
        try_run(db.server(), "root", db.name(), words).map(drop)
    }

    for error in [BROKEN.database(), BROKEN.database()] {
        let error = error.unwrap_err().to_string();
        let words = "the clone could not be completed: ERROR 1146 (42S02): Table '";
        assert!(error.contains(words), "{error}");
        assert!(error.contains(".a' doesn't exist\n"), "{error}");
    }
}
