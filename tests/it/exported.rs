//! `export` sets an environment variable to the URL of a fixture, in each process that uses it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use postgres::{Client, NoTls};
use summon::servers::Postgres;
use summon::{Database, Fixture, Process, summon};

use crate::project::Project;
use crate::support::ACTOR;

const ELSEWHERE: (&str, &str) = ("SERVER_URL", "http://lisa:s3cret@elsewhere/");

#[test]
fn each_process_of_a_run_has_it_whatever_it_was_before() {
    for runner in ["test", "nextest run"] {
        if runner == "nextest run" && cfg!(not(has_nextest)) {
            continue;
        }
        let ran = Project::new()
            .run_with(&format!("{runner} --test exports reads_"), &[ELSEWHERE])
            .succeeded();
        let urls = ran.record.iter().filter(|line| line.starts_with("url-"));
        let urls: Vec<_> = urls.collect();
        let different: BTreeSet<_> = urls.iter().collect();
        assert_eq!((urls.len(), different.len()), (3, 1), "{urls:?}");
        assert!(urls[0].starts_with("url-http://127.0.0.1:"), "{urls:?}");
    }
}

#[test]
fn the_report_of_a_failed_test_names_it_once_and_says_if_it_was_set_before() {
    for (env, replaces) in [(&[ELSEWHERE][..], true), (&[], false)] {
        let ran = Project::new().run_with("test --test exports fails", env);
        assert!(!ran.output.status.success());
        let said = ran.said();
        let lines: Vec<_> = said.lines().collect();
        let begin = "  exported  SERVER_URL=http://127.0.0.1:";
        let at = lines.iter().position(|line| line.starts_with(begin));
        let at = at.unwrap_or_else(|| panic!("{said}"));
        let next =
            "            in place of another value, which the environment or a `.env` file had set";
        assert_eq!(lines[at + 1] == next, replaces, "{said}");
        for once in [begin, "RUN was alive", "sleep was alive"] {
            assert_eq!(said.matches(once).count(), 1, "{once}: {said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// Runs one test of the project, and checks how often its output has each text.
#[track_caller]
fn says(test: &str, env: &[(&str, &str)], counts: &[(&str, usize)]) -> String {
    let args = format!("test --test exports -- --exact {test}");
    let said = Project::new().run_with(&args, env).said();
    for (text, count) in counts {
        assert_eq!(said.matches(text).count(), *count, "{text}: {said}");
    }
    said
}

#[test]
fn a_failure_has_one_annotation() {
    for test in ["fails", "does_not_start"] {
        says(test, &[("GITHUB_ACTIONS", "true")], &[("::error ", 1)]);
    }
}

#[test]
fn a_failed_test_is_held_once_and_after_all_its_reports() {
    let hold = [("SUMMON_HOLD", "10ms")];
    for test in ["fails", "returns_in_vain"] {
        let held = format!("{test} has failed, and summon holds it");
        says(test, &hold, &[(&held, 1), ("is no longer held", 1)]);
    }
    let said = says(
        "fails",
        &hold,
        &[("RUN was alive", 2), ("sleep was alive", 2)],
    );
    // The hold shows the reports itself, since libtest captures them until the test has ended.
    let (_, shown) = said.split_once("Running tests/exports.rs").unwrap();
    let (before, held) = shown.split_once("fails has failed, and summon").unwrap();
    for name in ["RUN", "sleep"] {
        assert_eq!(
            before.matches(&format!("{name} was alive")).count(),
            1,
            "{said}"
        );
        assert!(held.contains(&format!("\n  {name} ")), "{said}");
    }
}

#[test]
fn a_test_that_passes_is_held_once() {
    let hold = [("SUMMON_HOLD", "always,10ms")];
    let counts = [("has passed, and summon holds it", 1)];
    says("reads_three", &hold, &counts);
}

#[test]
fn a_test_whose_program_does_not_start_is_held_once_and_has_one_report() {
    let held = "does_not_start has failed, and summon holds it";
    let counts = [(held, 1), ("was alive", 0), ("1 failed", 1)];
    let said = says("does_not_start", &[("SUMMON_HOLD", "10ms")], &counts);
    // The fixture is up, so the hold names it.
    let (_, block) = said.split_once(held).unwrap();
    assert!(block.contains("\n  RUN "), "{said}");
}

/// Returns the report of a function that fails.
fn report(test: fn()) -> String {
    let panic = std::panic::catch_unwind(test).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[summon::fixture(tcp = [ACTOR, "listen", "127.0.0.1:{port}"])]
static ONE: Fixture;

#[summon::fixture(tcp = [ACTOR, "listen", "127.0.0.1:{port}"])]
static OTHER: Fixture;

#[test]
fn a_second_value_in_one_process_is_an_error_that_names_both() {
    #[summon(fixture = ONE, export = "SUMMON_TEST_TWICE")]
    fn one() {
        assert_eq!(std::env::var("SUMMON_TEST_TWICE"), Ok(ONE.url("/")));
    }

    #[summon(fixture = OTHER, export = "SUMMON_TEST_TWICE")]
    fn other() {
        unreachable!();
    }

    one();
    one();
    let report = report(other);
    let why = "OTHER can't be exported as SUMMON_TEST_TWICE: the tests of one process share their environment \
               variables, and this one has the URL of ONE\n";
    assert!(report.starts_with(why), "{report}");
    for fact in [
        format!("\n  exported  SUMMON_TEST_TWICE={} by ONE\n", ONE.url("/")),
        format!(
            "\n  wanted    SUMMON_TEST_TWICE={} by OTHER\n",
            OTHER.url("/")
        ),
    ] {
        assert!(report.contains(&fact), "{fact}{report}");
    }
    one();
}

#[test]
fn two_variables_may_have_the_url_of_one_fixture() {
    #[summon(fixture = ONE, export = "SUMMON_TEST_FIRST")]
    #[summon(fixture = ONE, export = String::from("SUMMON_TEST_SECOND"))]
    fn both(one: &Process, _: &Process) {
        for name in ["SUMMON_TEST_FIRST", "SUMMON_TEST_SECOND"] {
            assert_eq!(std::env::var(name), Ok(one.url("/")));
        }
    }

    both();
}

#[test]
fn a_fixture_without_a_port_has_no_url() {
    #[summon::fixture(output = [ACTOR, "say", "up", "wait"], banner = "up")]
    static SILENT: Fixture;

    #[summon(fixture = SILENT, export = "SUMMON_TEST_SILENT")]
    fn uses() {
        unreachable!();
    }

    let report = report(uses);
    let why = "SILENT can't be exported as SUMMON_TEST_SILENT: it has no port, and so no URL\n";
    assert!(report.starts_with(why), "{report}");
}

#[test]
fn a_name_that_no_variable_can_have_is_an_error() {
    #[summon(fixture = ONE, export = format!("A{}B", '='))]
    fn uses() {
        unreachable!();
    }

    let report = report(uses);
    let why = "ONE can't be exported as \"A=B\": no environment variable can have this name\n";
    assert!(report.starts_with(why), "{report}");
}

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

/// Creates a database as other test tools do, and returns its URL.
fn create(pg: &Postgres, name: &str) -> String {
    let create = format!("CREATE DATABASE {name}");
    connect(&pg.url("/postgres"))
        .batch_execute(&create)
        .unwrap();
    pg.url(name)
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_database_that_others_create_is_migrated_once() {
    static FILLED: AtomicUsize = AtomicUsize::new(0);

    #[summon::fixture(executor = Postgres::new(), setup = set_up, template = fill)]
    static PG: Fixture<Postgres>;

    fn set_up(pg: &Postgres) -> Result<(), postgres::Error> {
        let mut client = Client::connect(&pg.url("/template1"), NoTls)?;
        client.batch_execute("CREATE TABLE by_setup (x INT)")
    }

    fn fill(db: &Database) -> Result<(), postgres::Error> {
        FILLED.fetch_add(1, Ordering::Relaxed);
        // A server drops no database with a connection, unless by force.
        std::mem::forget(Client::connect(&db.server().url("/template1"), NoTls)?);
        let mut client = Client::connect(&db.url(), NoTls)?;
        let name = db.name();
        client.batch_execute(&format!(
            "CREATE TABLE names (name TEXT); ALTER DATABASE {name} SET search_path TO other"
        ))
    }

    #[summon(fixture = PG, export = "SUMMON_TEST_MIGRATED")]
    fn uses(pg: &Postgres) -> String {
        assert_eq!(
            std::env::var("SUMMON_TEST_MIGRATED"),
            Ok(pg.url("/postgres"))
        );
        static MADE: AtomicUsize = AtomicUsize::new(0);
        create(
            pg,
            &format!("made_{}", MADE.fetch_add(1, Ordering::Relaxed)),
        )
    }

    let urls: BTreeSet<String> = std::thread::scope(|threads| {
        let threads: Vec<_> = (0..8).map(|_| threads.spawn(uses)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!((urls.len(), FILLED.load(Ordering::Relaxed)), (8, 1));
    let own = PG.database().unwrap();
    for url in urls.into_iter().chain([own.url()]) {
        let mut client = connect(&url);
        for table in ["names", "by_setup"] {
            let rows = client.query(&format!("SELECT FROM public.{table}"), &[]);
            assert!(rows.unwrap().is_empty());
        }
    }
    assert_eq!(FILLED.load(Ordering::Relaxed), 1);
    // The server takes it for a template again.
    let is_template =
        "SELECT datistemplate AND datallowconn FROM pg_database WHERE datname = 'template1'";
    let row = connect(&PG.url("/postgres")).query_one(is_template, &[]);
    assert!(row.unwrap().get::<_, bool>(0));
}

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn a_template_that_fails_is_the_report_of_each_test_and_sets_nothing() {
    #[summon::fixture(executor = Postgres::new(), template = fail)]
    static BROKEN: Fixture<Postgres>;

    fn fail(_: &Database) -> Result<(), String> {
        Err("no such song".into())
    }

    #[summon(fixture = BROKEN, export = "SUMMON_TEST_BROKEN")]
    fn uses() {
        unreachable!();
    }

    let (one, other) = (report(uses), report(uses));
    assert_eq!(one, other);
    let why = "the template function of BROKEN failed: no such song\n";
    assert!(one.starts_with(why), "{one}");
    assert!(std::env::var_os("SUMMON_TEST_BROKEN").is_none());
}
