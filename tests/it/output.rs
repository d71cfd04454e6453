//! summon keeps the output of a program, searches it as bytes, and never blocks the program.

use summon::{OutputCoordinatedExecutor, Process, SimpleExecutor, summon};

use crate::support::{TempDir, actor, error_at_limit};

#[test]
fn both_streams_are_kept_in_the_order_written() {
    let script = actor([
        "say", "1", "complain", "2", "say", "3", "complain", "4", "say", "5",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "^5$");
    server.start().unwrap();
    assert_eq!(server.output(), b"1\n2\n3\n4\n5\n");
}

#[summon(simple = ["sh", "-c", "cat; cat {dir}/err >&2"], stdin = "out\n", split_output = true, with_file("err", "err\n"))]
#[test]
fn each_stream_is_kept_apart_if_that_is_wanted(job: &Process) {
    job.wait("20s").unwrap();
    assert_eq!(
        (job.stdout(), job.stderr()),
        (b"out\n".to_vec(), b"err\n".to_vec())
    );
    // The order between the two streams is random.
    assert!([&b"out\nerr\n"[..], b"err\nout\n"].contains(&&*job.output()));
    job.start().unwrap();
    job.wait("20s").unwrap();
    assert_eq!(job.stderr(), b"err\nerr\n");
}

#[test]
fn a_banner_is_found_on_either_of_two_streams() {
    for script in [["say", "ready"], ["complain", "ready"]] {
        let server = OutputCoordinatedExecutor::new(actor(script), "^ready$").split_output(true);
        server.start().unwrap();
        assert_eq!([server.stdout(), server.stderr()].concat(), b"ready\n");
    }
}

#[test]
fn streams_that_are_kept_apart_are_bounded_too_and_go_with_the_process() {
    let script = actor(["say", "up", "flood", "20000000", "complain", "done"]);
    let server = OutputCoordinatedExecutor::new(script, "^done$")
        .split_output(true)
        .log_limit("1MB");
    server.start().unwrap();
    let stdout = server.stdout();
    assert!(stdout.starts_with(b"up\n") && stdout.len() < 1_500_000);
    assert_eq!(server.stderr(), b"done\n");
    // The logs are beside the private directory, or in the directory that the user set.
    let error = server
        .wait_for_output("never", "1ms")
        .unwrap_err()
        .to_string();
    let log = error
        .lines()
        .find_map(|line| line.split_once("lines, "))
        .unwrap()
        .1;
    let log = std::path::Path::new(log);
    let name = log.file_stem().unwrap().to_str().unwrap();
    let streams = ["stdout", "stderr"].map(|it| log.with_file_name(format!(".{name}.{it}")));
    assert!(streams.iter().all(|path| path.is_file()));
    drop(server);
    assert!(!streams.iter().any(|path| path.exists()));
}

#[test]
#[should_panic(
    expected = "the stdout of job is not recorded separately: set `split_output = true`"
)]
fn streams_that_are_not_kept_apart_are_not_to_be_had() {
    SimpleExecutor::new("sleep 1000").named("job").stdout();
}

#[test]
fn a_flood_before_and_after_the_banner_stalls_nobody() {
    let script = actor([
        "flood", "5000000", "say", "ready", "flood", "5000000", "say", "done",
    ]);
    let server = OutputCoordinatedExecutor::new(script, "^ready$");
    server.start().unwrap();
    server.wait_for_output("^done$", "60s").unwrap();
    assert_eq!(server.output().len(), 10_000_000 + "ready\ndone\n".len());
}

#[test]
fn a_flood_that_nobody_waits_for_stalls_nobody() {
    let dir = TempDir::new();
    let script = actor(["flood", "5000000", "record", &dir.file("done"), "done"]);
    let server = SimpleExecutor::new(script);
    server.start().unwrap();
    crate::support::eventually("it has written all", || {
        !crate::support::recorded(&dir.file("done")).is_empty()
    });
}

#[test]
fn bytes_that_are_no_text_are_kept_and_searched() {
    let script = actor(["bytes", "ff00fe20", "say", "ready", "bytes", "c3"]);
    let server = OutputCoordinatedExecutor::new(script, r"^\xff\x00\xfe ready$");
    server.start().unwrap();
    server.wait_for_output(r"^\xc3", "20s").unwrap();
    assert_eq!(server.output(), b"\xff\x00\xfe ready\n\xc3");
}

#[test]
fn a_banner_is_found_across_writes_and_on_either_stream() {
    let script = actor([
        "prompt", "re", "boot", "20", "prompt", "ady", "boot", "20", "say", "",
    ]);
    OutputCoordinatedExecutor::new(script, "^ready$")
        .start()
        .unwrap();
    let script = actor(["complain", "ready"]);
    OutputCoordinatedExecutor::new(script, "^ready$")
        .start()
        .unwrap();
}

#[test]
fn a_prompt_is_found_without_a_line_end() {
    let server = OutputCoordinatedExecutor::new(actor(["prompt", "login: "]), "login:");
    server.start().unwrap();
}

#[test]
fn a_banner_with_groups_waits_for_the_end_of_its_line() {
    let script = actor(["prompt", "port 80", "boot", "20", "say", "80, admin 81"]);
    let banner = r"port (?<number>\d+)(, admin (?<admin>\d+))?";
    let server = OutputCoordinatedExecutor::new(script, banner);
    server.start().unwrap();
    assert_eq!(server.value("number").as_deref(), Some("8080"));
    assert_eq!(server.value("admin").as_deref(), Some("81"));
    let prompt = OutputCoordinatedExecutor::new(actor(["prompt", "login: "]), "(?:login|user):");
    prompt.start().unwrap();
}

#[test]
fn the_last_words_of_a_process_are_in_the_error() {
    // The program writes just before its end, so the text is still in the pipe when the program
    // ends.
    for _ in 0..20 {
        let script = actor(["flood", "50000", "say", "last words", "exit", "1"]);
        let error = OutputCoordinatedExecutor::new(script, "never")
            .start()
            .unwrap_err();
        assert!(error.output().ends_with(b"\nlast words\n"));
        let report = error.to_string();
        assert!(report.contains("last 501 of 501 lines"), "{report}");
        // The flood is folded into one line.
        let end = "            | .. 499 lines like this\n            | last words";
        assert!(report.ends_with(end), "{report}");
    }
}

#[test]
fn a_grandchild_that_holds_the_pipe_delays_nothing() {
    let script = actor(["daemon", "ignore wait", "say", "bye", "exit", "3"]);
    let server = OutputCoordinatedExecutor::new(script, "never")
        .timeout("1h")
        .stop_timeout("50ms");
    let error = server.start().unwrap_err();
    assert_eq!(error.exit_status().unwrap().code(), Some(3));
    assert_eq!(error.output(), b"bye\n");
}

#[test]
fn each_start_waits_for_its_own_banner() {
    let script = actor(["await", "{dir}/go", "say", "ready"]);
    let server = OutputCoordinatedExecutor::new(script, "ready").timeout("5s");
    std::fs::write(server.dir().join("go"), "").unwrap();
    server.start().unwrap();
    server.stop().unwrap();
    std::fs::remove_file(server.dir().join("go")).unwrap();
    // The log still contains the old banner.
    assert_eq!(server.output(), b"ready\n");
    assert!(server.start().unwrap_err().is_timeout());
}

#[test]
fn waiting_for_output_ends_when_it_can_not_come_any_more() {
    let script = actor(["say", "one", "await", "{dir}/go", "say", "two", "exit", "0"]);
    let server = OutputCoordinatedExecutor::new(script, "one");
    server.start().unwrap();
    assert!(
        server
            .wait_for_output("two", "20ms")
            .unwrap_err()
            .is_timeout()
    );
    std::fs::write(server.dir().join("go"), "").unwrap();
    assert_eq!(server.wait_for_output("t.o", "20s").unwrap(), "two");
    let error = server.wait_for_output("three", "1h").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`three`: actor exited with code 0"),
        "{error}"
    );
    assert!(server.wait_for_output("(", "1s").is_err());
}

#[test]
fn what_nobody_sees_does_not_hide_a_line() {
    for written in [
        "\u{1b}[32mready\u{1b}[0m\n",
        "\u{1b}]8;;http://localhost/\u{1b}\\ready\u{1b}]8;;\u{1b}\\\r\n",
        "10 %\r55 %\r\u{1b}[2Kready\n",
        "\u{1b}(Bready \t\n",
    ] {
        let hex: String = written.bytes().map(|byte| format!("{byte:02x}")).collect();
        let script = || actor(["bytes", &hex, "wait"]);
        let server = OutputCoordinatedExecutor::new(script(), "^ready$");
        server.start().unwrap();
        server.wait_for_output("^ready$", "20s").unwrap();
        assert_eq!(server.output(), written.as_bytes());
        let server = SimpleExecutor::new(script()).and(summon::probe::file("{dir}/never"));
        let error = server.unless("^ready$").start().unwrap_err().to_string();
        assert!(error.contains("\n  failure   "), "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_line_of_one_stream_is_not_broken_by_the_other() {
    let script = || {
        let half = "printf 'warning: ' >&2; printf 'rea'; printf 'half ' >&2; echo dy";
        let script = format!("{half}; read _; printf .. >&2; echo again; exec sleep 1000");
        ["sh".to_owned(), "-c".to_owned(), script]
    };
    let server = OutputCoordinatedExecutor::new(script(), "^ready$")
        .stdin(summon::Stdin::piped())
        .split_output(true);
    server.start().unwrap();
    let mark = server.mark();
    assert!(mark.wait_for_output("^ready$", "1ms").is_err());
    server.write_stdin("\n").unwrap();
    mark.wait_for_output("^again$", "20s").unwrap();
    server
        .wait_for_output(r"^warning: half \.\.$|^warning: half", "20s")
        .unwrap();
    // The output of an earlier run does not count as a line of the next run.
    server.stop().unwrap();
    server.start().unwrap();
    assert!(
        server
            .wait_for_output("^again$", "1ms")
            .unwrap_err()
            .is_timeout()
    );
    let failing = SimpleExecutor::new(script()).split_output(true);
    let failing = failing.and(summon::probe::file("{dir}/never"));
    let error = failing.unless("^ready$").start().unwrap_err().to_string();
    assert!(error.contains("\n  failure   "), "{error}");
}

#[test]
fn a_banner_may_have_characters_beyond_ascii() {
    for (written, banner) in [
        ("✔ ready", "[✓✔] ready"),
        ("✔ ready", "^. ready$"),
        ("ÄRGER: ready", "(?i)ärger"),
        ("Größe bereit", r"^\w+ bereit$"),
        ("größe", "^gr.ße$"),
        ("größe", r"^\S{5}$"),
    ] {
        let server = OutputCoordinatedExecutor::new(actor(["say", written, "wait"]), banner);
        server.start().unwrap();
        // The macros know the names of the groups.
        let grouped = format!("(?<word>{banner})");
        let server = OutputCoordinatedExecutor::new(actor(["say", written, "wait"]), grouped);
        server.start().unwrap();
        assert!(written.contains(&server.value("word").unwrap()));
    }
    // Bytes that are not UTF-8 become a replacement character.
    let script = actor(["bytes", "c3a420ff207265616479", "say", "", "wait"]);
    OutputCoordinatedExecutor::new(script, "^ä . ready$")
        .start()
        .unwrap();
}

#[test]
fn a_pattern_that_can_match_no_line_is_refused() {
    for pattern in [
        r".*Ready.*\n",
        "ready\r\n",
        r"\x1b\[32mready",
        "ready$!",
        "[a&&b]",
    ] {
        let sleeper = || SimpleExecutor::new("sleep 1000");
        let banner = OutputCoordinatedExecutor::new("sleep 1000", pattern).start();
        let unless = sleeper().unless(pattern).start();
        let running = sleeper();
        running.start().unwrap();
        let waited = running.wait_for_output(pattern, "1h").map(drop);
        for result in [banner, unless, waited] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("matches no line"), "{pattern:?}: {error}");
        }
    }
}

#[test]
fn a_program_that_writes_without_end_does_not_outlast_a_limit() {
    let flood = OutputCoordinatedExecutor::new("yes", "^never$").timeout("1s");
    let error = flood.start().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let flood = SimpleExecutor::new("yes");
    flood.start().unwrap();
    let error = flood.wait_for_output("^never$", "1s").unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn a_banner_that_wants_the_end_of_a_line_without_one_has_a_hint() {
    // With a line feed at its end, each line would match.
    let progress = "310d3530202520200d31303020250a".trim_end_matches("0a");
    for (script, banner, line) in [
        (["prompt", "monitor> "], "^monitor>$", "monitor> "),
        (["prompt", "up on 80"], r"up on \d+$", "up on 80"),
        (["bytes", progress], "^100 %$", "100 %"),
    ] {
        let hint = "leave out `$` to match an unfinished line";
        let error = error_at_limit(hint, |limit| {
            let server = OutputCoordinatedExecutor::new(actor(script), banner);
            server.timeout(limit).start().unwrap_err()
        });
        let seen = format!("no such line; `{line}` matches, but has not ended");
        assert!(error.contains(hint) && error.contains(&seen), "{error}");
        let server = SimpleExecutor::new(actor(script));
        server.start().unwrap();
        let seen = format!("`{line}` matches, but did not end within ");
        let error = error_at_limit(hint, |limit| {
            server.wait_for_output(banner, limit).unwrap_err()
        });
        assert!(error.contains(hint) && error.contains(&seen), "{error}");
    }
    for (banner, hint) in [
        (r"port 80\b", "the rest of the line could change the match"),
        (r"port (?<port>\d+)", "write `(?:..)` instead of `(..)`"),
    ] {
        let error = error_at_limit(hint, |limit| {
            let script = actor(["prompt", "port 80"]);
            let server = OutputCoordinatedExecutor::new(script, banner);
            server.timeout(limit).start().unwrap_err()
        });
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn what_nobody_sees_of_a_character_keeps_no_banner_from_matching() {
    for text in [
        "\u{feff}ready",
        "\u{200b}ready",
        "re\u{ad}ady",
        "ready\u{a0}",
        "ready \u{200e}",
    ] {
        let server = OutputCoordinatedExecutor::new(actor(["say", text]), "^ready$");
        server.start().unwrap();
        // A pattern that names it matches too.
        server.wait_for_output(text, "20s").unwrap();
    }
    let server = OutputCoordinatedExecutor::new(actor(["say", "x"]), r"\p{Greek}");
    let error = server.start().unwrap_err().to_string();
    let expected = "`\\p{Greek}` needs Unicode tables that summon leaves out; write `\\w`";
    assert!(error.contains(expected), "{error}");
}
