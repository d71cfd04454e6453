//! However much a program writes, `never` delays the end of its test by a moment.

use std::process::Command;
use std::time::Duration;

use summon::{OutputCoordinatedExecutor, summon};

/// The longest end of a test: the search, the report, and the stop. It is processor time of the thread that
/// searches, since real time says nothing on a busy machine. Without a bound, the search takes twice as long in
/// a debug build.
const LONGEST: Duration = Duration::from_secs(9);

/// Returns the result of this call, which takes a moment of processor time.
#[track_caller]
fn in_a_moment<T>(end: impl FnOnce() -> T) -> T {
    let before = processor_time();
    let result = end();
    let took = processor_time() - before;
    assert!(took < LONGEST, "{took:?}");
    result
}

/// Returns the processor time of this thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place.
    #[expect(unsafe_code, reason = "std can't read this clock")]
    let read = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(read, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Returns the report of a program that writes this before `all of it`.
fn report(script: &str) -> String {
    let script = format!("{script}; exec sleep 1000");
    let server = OutputCoordinatedExecutor::new(["sh", "-c", &script], "^all of it$")
        .never("ERROR")
        .timeout("10min");
    server.start().unwrap();
    let stopped = in_a_moment(|| server.stop());
    stopped.err().map_or(String::new(), |it| it.to_string())
}

#[test]
fn a_flood_of_forbidden_lines_is_not_counted_to_its_end() {
    let report = report("yes ERROR | head -c 90000000; echo all of it");
    let fact = "\n            at least 1000 more such lines came later\n";
    assert!(report.contains(fact), "{report}");
}

#[test]
fn the_end_of_a_flood_is_searched_too() {
    let report = report("yes fine | head -c 90000000; echo ERROR at last; echo all of it");
    assert!(
        report.contains("`ERROR at last` matches `ERROR`"),
        "{report}"
    );
    let around = "\n            | fine\n            > ERROR at last\n            | all of it";
    assert!(report.contains(around), "{report}");
    let fact = " MB of its output were not searched for lines that `never` forbids\n";
    assert!(report.contains(fact), "{report}");
}

#[test]
fn a_flood_of_allowed_lines_does_not_hold_up_the_test() {
    let script = "read go; yes ERROR | head -c 60000000; echo all of it; exec sleep 1000";
    let server =
        OutputCoordinatedExecutor::new(["sh", "-c", &format!("echo up; {script}")], "^up$")
            .stdin(summon::Stdin::piped())
            .never("ERROR");
    server.start().unwrap();
    server.allows("ERROR", || {
        server.write_stdin("go\n").unwrap();
        server.wait_for_output("^all of it$", "10min").unwrap();
    });
    in_a_moment(|| server.stop()).unwrap();
}

/// The log has a hole in the place of a flood, and a search reads long lines in pieces.
#[test]
fn floods_and_long_lines_are_allowed_like_other_lines() {
    let flood = |text: &str| format!("yes {text} | head -n 1300000");
    let long = |text: &str| format!("printf {text}; head -c 3000000 /dev/zero | tr '\\0' x; echo");
    let of = |write: &dyn Fn(&str) -> String| [write("ERROR"), write("fine")];
    for [forbidden, fine] in [of(&flood), of(&long)] {
        let run = |last: &str| {
            let script = format!(
                "echo up; read go; {forbidden}; echo done 1; read go; {fine}; echo {last}; \
                 echo done 2; exec sleep 1000"
            );
            let server = OutputCoordinatedExecutor::new(["sh", "-c", &script], "^up$");
            let server = server
                .stdin(summon::Stdin::piped())
                .log_limit("1MB")
                .never("ERROR");
            server.start().unwrap();
            server.allows("ERROR", || {
                server.write_stdin("go\n").unwrap();
                server.wait_for_output("^done 1$", "10min").unwrap();
            });
            server.write_stdin("go\n").unwrap();
            server.wait_for_output("^done 2$", "10min").unwrap();
            server.stop().err().map(|error| error.to_string())
        };
        assert_eq!(run("fine"), None, "{forbidden}");
        let report = run("ERROR at last").expect(&forbidden);
        let found = "`ERROR at last` matches `ERROR`";
        assert!(
            report.contains(found) && !report.contains("more such line"),
            "{report}"
        );
    }
}

#[test]
fn a_line_of_many_megabytes_does_not_hold_up_the_test() {
    let long = "head -c 90000000 /dev/zero | tr '\\0' x";
    assert_eq!(report(&format!("{long}; echo; echo all of it")), "");
    let found = report(&format!("printf ERROR; {long}; echo; echo all of it"));
    assert!(found.contains("` matches `ERROR`"), "{found}");
}

#[test]
fn a_program_that_never_stops_to_write_does_not_hold_up_the_test() {
    for line in ["fine", "ERROR"] {
        let found = report(&format!("echo all of it; exec yes {line}"));
        assert_eq!(found.is_empty(), line == "fine", "{found}");
    }
}

#[summon(output = ["sh", "-c", "yes fine | head -c 90000000; echo up; exec sleep 1000"], banner = "^up$", timeout = "10min", never = "ERROR")]
#[test]
#[ignore = "another test runs it, and reads what it says"]
fn run_by_another_and_floods() {}

#[test]
fn a_test_that_passes_says_what_was_not_searched() {
    let run = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "never::floods::run_by_another_and_floods",
        ])
        // nextest has named this test.
        .env_remove("NEXTEST_TEST_NAME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let told = "summon: never::floods::run_by_another_and_floods/sh wrote much: ";
    assert!(said.contains(told), "{said}");
    let rest = " MB of its output were not searched for lines that `never` forbids\n";
    assert!(said.contains(rest), "{said}");
}
