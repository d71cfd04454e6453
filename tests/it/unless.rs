//! `unless`: a line that means failure ends the wait.

use summon::{Coordinated, OutputCoordinatedExecutor, TcpCoordinatedExecutor, probe};

use crate::support::{Life, actor, eventually, tcp};

#[test]
fn a_line_that_means_failure_is_told_if_the_process_ends_at_once() {
    let mut exits = 0;
    for _ in 0..20 {
        let ended = |target: &probe::Target<'_>| {
            let pid = target.id().unwrap();
            eventually("it ends", || Life::of(pid).is_none());
            Err::<(), _>("too late")
        };
        let script = actor(["complain", "FATAL: no disk", "exit", "3"]);
        let server = Coordinated::with(script, ended).unless("^FATAL");
        let error = server.start().unwrap_err().to_string();
        assert!(
            error.contains("\n  failure   `FATAL: no disk` matches `^FATAL`\n"),
            "{error}"
        );
        // Its line may be seen before its end.
        let headline = error.lines().next().unwrap();
        let how = headline.strip_prefix("actor reported that it has failed");
        assert!(
            matches!(how, Some("" | ", and exited with code 3")),
            "{error}"
        );
        exits += usize::from(how != Some(""));
    }
    assert!(exits > 0, "no report says how it ended");
}

#[test]
fn a_last_line_that_means_failure_needs_no_end() {
    let server = OutputCoordinatedExecutor::new("sh -c 'printf \"FATAL: no disk\"; exit 3'", "up");
    let error = server
        .unless("^FATAL: .*$")
        .start()
        .unwrap_err()
        .to_string();
    let said = "\n  failure   `FATAL: no disk` matches `^FATAL: .*$`\n";
    assert!(error.contains(said), "{error}");
}

#[test]
fn a_banner_before_a_line_that_means_failure_is_not_denied() {
    // `printf` of a shell may write each line alone.
    let script = r#"sh -c '/usr/bin/printf "ready\nFATAL\n"; exec sleep 1000'"#;
    let server =
        OutputCoordinatedExecutor::new(script, "^ready$").and(probe::exec("touch {dir}/asked"));
    let error = server.unless("^FATAL").start().unwrap_err().to_string();
    assert!(error.contains("`^ready$`: ready\n"), "{error}");
    let second = "/asked`: not checked, since the program has failed\n";
    assert!(error.contains(second), "{error}");
}

#[test]
fn a_line_that_means_failure_ends_the_wait_at_once() {
    let server = tcp(
        ["say", "starting", "complain", "FATAL: no disk", "wait"],
        "localhost",
    )
    .unless("^FATAL")
    .unless("panicked")
    .timeout("1h");
    let error = server.start().unwrap_err();
    assert!(!error.is_timeout());
    let text = error.to_string();
    assert!(
        text.starts_with("actor reported that it has failed\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  failure   `FATAL: no disk` matches `^FATAL`\n"),
        "{text}"
    );
    let bad = TcpCoordinatedExecutor::new("sleep 1", "localhost", 0)
        .unless("(")
        .start();
    assert!(
        bad.unwrap_err()
            .to_string()
            .contains("`unless` is not a valid regular expression")
    );
    let empty = TcpCoordinatedExecutor::new("sleep 1", "localhost", 0)
        .unless("x*")
        .start();
    assert!(
        empty
            .unwrap_err()
            .to_string()
            .contains("matches the empty line")
    );
}

#[test]
fn a_line_of_a_program_that_is_stopped_is_no_reason() {
    let script = r#"sh -c 'trap "echo FATAL: ended; exit 0" TERM; echo up; sleep 1000 & wait'"#;
    let server = OutputCoordinatedExecutor::new(script, "never").unless("^FATAL");
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start().unwrap_err().to_string());
        eventually("it handles the signal", || server.output() == b"up\n");
        server.stop().unwrap();
        let error = starting.join().unwrap();
        let headline = "sh was stopped before it became ready\n";
        assert!(error.starts_with(headline), "{error}");
        assert!(!error.contains("\n  failure"), "{error}");
    });
}
