//! The tests of a run share one server, and each has a database of its own.

use std::collections::BTreeSet;

use crate::project::Project;
use crate::support::{TempDir, eventually};

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

#[test]
#[cfg_attr(
    not(has_postgres),
    ignore = "no postgres, neither on PATH nor in /usr/lib/postgresql"
)]
fn two_files_with_template_functions_of_one_name_share_no_template() {
    // Both have a fixture `PG` of the run with a function `fill`, which makes other tables.
    let files = "test --test databases --test many_databases";
    let ran = Project::new()
        .run(&format!("{files} -- --exact use_a m00::t0"))
        .succeeded();
    assert_eq!(ran.count("fill"), 2, "{}", ran.said());
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
fn the_database_of_a_killed_test_is_in_the_report_about_it() {
    let (project, logs) = (Project::new(), TempDir::new());
    let args = "nextest run --no-fail-fast --test databases -- --exact is_killed use_a";
    let ran = project.run_with(args, &[("SUMMON_LOG_DIR", logs.path().to_str().unwrap())]);
    let name = databases(&ran.record)
        .into_iter()
        .find(|it| it.starts_with("is_killed"));
    let report = || {
        let sessions = std::fs::read_dir(logs.path()).unwrap().flatten();
        let reports = sessions.map(|it| it.path().join("report.txt"));
        reports
            .filter_map(|it| std::fs::read_to_string(it).ok())
            .collect::<String>()
    };
    eventually("the report", || !report().is_empty());
    let report = report();
    let url = format!("/{}\n", name.unwrap());
    let start = "PG was alive when its test was killed\n  test      is_killed\n  database  \
                 postgres://postgres@127.0.0.1:";
    assert!(
        report.starts_with(start) && report.contains(&url),
        "{report}"
    );
    assert!(!report.contains("/use_a"), "{report}");
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
    not(all(has_redis, has_nextest)),
    ignore = "no redis-server or no cargo-nextest"
)]
fn the_number_of_a_failed_test_is_in_its_report_and_is_used_by_no_other() {
    let args = "nextest run --no-fail-fast -j 4 --retries 2 --test redis_databases";
    let ran = Project::new().run(args);
    assert_eq!(ran.count("fill"), 1, "{}", ran.said());
    // Of the ten tests, two were run three times.
    assert_eq!(databases(&ran.record).len(), 14, "{}", ran.said());
    let said = ran.said();
    let lines = said.lines().map(str::trim);
    let reported = lines.filter(|line| line.starts_with("database  redis://127.0.0.1:"));
    assert!(reported.count() >= 3, "{said}");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_nextest)),
    ignore = "no mariadbd or no cargo-nextest"
)]
fn the_databases_of_killed_tests_stay_and_are_used_by_no_other() {
    let args = "nextest run --no-fail-fast -j 1 --retries 2 --test maria_databases";
    let ran = Project::new().run(args);
    assert_eq!(ran.count("fill"), 1, "{}", ran.said());
    // Of the ten tests, two were run three times.
    assert_eq!(databases(&ran.record).len(), 14, "{}", ran.said());
    assert_eq!(ran.count("killed-3"), 1, "{:?}", ran.record);
    let said = ran.said();
    let lines = said.lines().map(str::trim);
    let reported = lines.filter(|line| line.starts_with("database  mysql://root@127.0.0.1:"));
    assert!(reported.count() >= 3, "{said}");
}
