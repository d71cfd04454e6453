//! What a hold keeps up, and when it begins.

use super::{Held, part, reads};

/// Runs one test with a hold of this time, and checks that nothing is left.
fn held(test: &str, time: &str) -> String {
    let held = Held::quiet(&format!("test --test held -- --exact {test}"), time);
    held.says("go on ");
    let lives = held.lives();
    held.ends(&lives)
}

#[test]
fn values_of_the_body_are_up() {
    let said = held("in_the_body", "1s");
    reads("in_the_body", part(&said, "panicked at"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no postgres")]
fn a_database_of_the_body_is_up() {
    let said = held("a_database_in_the_body", "1s");
    reads(
        "database_in_the_body",
        part(&said, "a_database_in_the_body has failed, and"),
    );
}

#[test]
fn a_fixture_that_a_test_only_names_is_up() {
    let said = held("only_a_static", "1s");
    reads("only_a_static", part(&said, "panicked at"));
    let held = Held::quiet("test --test held -- --exact a_static_that_passes", "10m");
    let said = held.ends(&[]);
    assert!(
        said.contains("1 passed") && !said.contains("holds it"),
        "{said}"
    );
}

#[test]
fn one_hold_covers_all_scopes_of_a_test() {
    let said = held("in_several_scopes", "1s");
    assert_eq!(said.matches("holds it for").count(), 1, "{said}");
    for name in ["server", "other", "third"] {
        let report = format!("\n{name} was alive when this test failed\n");
        // Once in the block, and once in the output of the test.
        assert_eq!(said.matches(&report).count(), 2, "{name}: {said}");
        assert_eq!(
            said.matches(&format!("\n  {name:<9} ")).count(),
            1,
            "{name}: {said}"
        );
    }
}

#[test]
fn a_panic_that_passes_the_test_holds_nothing() {
    let held = Held::quiet(
        "test --test held -- --exact should_panic_with_values",
        "10m",
    );
    let said = held.ends(&[]);
    assert!(
        said.contains("1 passed") && !said.contains("holds it"),
        "{said}"
    );
}

#[test]
fn a_test_that_goes_on_keeps_its_programs() {
    let said = held("catches_a_panic", "1s");
    let told = "catches_a_panic is no longer held: the time is over, and the test goes on";
    assert!(said.contains(told) && said.contains("1 passed"), "{said}");
}

#[test]
fn a_thread_without_a_name_holds_only_its_own() {
    let said = held("panics_in_a_thread", "1s");
    reads(
        "thread_without_a_name",
        part(&said, "main has failed, and summon holds it"),
    );
}

#[test]
fn a_program_that_another_thread_has_started_is_up() {
    let said = held("starts_on_a_thread", "1s");
    reads("started_on_a_thread", part(&said, "panicked at"));
}

#[test]
fn a_program_that_is_down_has_no_client() {
    let said = held("one_is_down", "1s");
    reads("one_is_down", part(&said, "one_is_down has failed, and"));
}

#[test]
fn a_test_with_nothing_up_is_not_held() {
    let held = Held::quiet("test --test held -- --exact all_are_down", "10m");
    let said = held.ends(&[]);
    let told = "summon: all_are_down is not held, since nothing of it is up\n";
    assert_eq!(said.matches(told).count(), 1, "{said}");
}

#[test]
fn a_cut_link_and_a_halted_program_are_told() {
    let said = held("cut_and_halted", "1s");
    reads(
        "cut_and_halted",
        part(&said, "cut_and_halted has failed, and"),
    );
}

#[test]
fn an_error_that_a_test_returns_is_told() {
    let said = held("fails_too", "1s");
    reads("returned_error", part(&said, "fails_too has failed, and"));
}

#[test]
fn the_time_of_a_hold_does_not_count() {
    let said = held("a_forbidden_line", "2s");
    // In the block, and in the output of the test.
    let told = said.match_indices(" s before its test ended");
    let time = |(at, _): (usize, &str)| said[..at].rsplit(' ').next();
    let mut times: Vec<f64> = told
        .filter_map(time)
        .map(|it| it.parse().unwrap())
        .collect();
    assert!(times.len() >= 2, "{said}");
    times.sort_unstable_by(f64::total_cmp);
    // If the hold counted, it would add two seconds.
    assert!(times[times.len() - 1] - times[0] < 1.0, "{times:?}: {said}");
}

#[test]
fn a_forbidden_line_holds_the_test_before_its_programs_stop() {
    let said = held("a_forbidden_line", "1s");
    reads("forbidden_line", part(&said, "api wrote a line"));
    let said = held("a_forbidden_line_in_the_body", "1s");
    reads(
        "forbidden_line_in_the_body",
        part(&said, "a_forbidden_line_in_the_body has failed"),
    );
}

#[test]
fn a_failed_start_holds_the_test_before_the_others_stop() {
    let held = Held::quiet("test --test held -- --exact is_never_ready", "1s");
    let said = held.ends(&[]);
    reads(
        "failed_start",
        part(&said, "is_never_ready has failed, and"),
    );
    assert!(said.contains("api was not ready within 1s"), "{said}");
}

#[test]
fn a_stop_that_fails_holds_what_the_program_needs() {
    let said = held("stops_badly", "1s");
    reads("stops_badly", part(&said, "api exited with code 3"));
}

#[test]
fn a_forbidden_line_does_not_pass_a_test_that_should_panic() {
    let held = Held::quiet("test --test held -- --exact should_panic_by_itself", "0");
    let said = held.ends(&[]);
    assert!(said.contains("1 failed"), "{said}");
    assert!(
        said.contains("api wrote a line that `never` forbids"),
        "{said}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_script, has_nextest)),
    ignore = "no script and cargo-nextest"
)]
fn a_limit_of_nextest_that_comes_first_is_told() {
    let run = |profile: &str, told: bool| {
        let args = format!("nextest run --profile {profile} --test held -- --exact fails");
        let mut held = Held::in_terminal(&args, "10m");
        held.says("  go on     ");
        let said = held.said();
        let lives = held.lives();
        held.press("\x03");
        held.ends(&lives);
        let limit = "(`slow-timeout`: 3 min, profile `short` in ";
        assert_eq!(said.contains(limit), told, "{said}");
        assert_eq!(
            said.contains("nextest ends this test 2 min "),
            told,
            "{said}"
        );
    };
    run("short", true);
    run("default", false);
}
