//! A hint comes only where it can name the cause. `tests/it/reports` has the wording of most hints.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use summon::{OutputCoordinatedExecutor, TcpCoordinatedExecutor};

use crate::support::{TempDir, error_at_limit};

fn tcp(command: &str) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(command, "127.0.0.1", 0)
}

fn fails(server: &TcpCoordinatedExecutor) -> String {
    server.start().unwrap_err().to_string()
}

#[test]
fn an_empty_input_is_the_cause_only_for_programs_that_can_read_it() {
    let hint = "hint      its standard input is empty: if it ends for that reason, set";
    for reads in [
        "cat",
        "sh",
        "sh -c cat",
        "sh -c 'echo up; read line; exit 0'",
    ] {
        let report = fails(&tcp(reads));
        assert!(report.contains(hint), "{reads}: {report}");
    }
    let report = fails(&tcp("echo up | cat").shell(true));
    assert!(report.contains(hint), "{report}");
    for reads_nothing in ["echo up", "true", "sleep 0.01", "sh -c 'echo up; exit 0'"] {
        let report = fails(&tcp(reads_nothing));
        assert!(report.contains("exited with code 0"), "{report}");
        assert!(!report.contains("  hint "), "{reads_nothing}: {report}");
    }
    let report = fails(&tcp("echo up; exit 0").shell(true));
    assert!(!report.contains("  hint "), "{report}");
}

#[test]
fn a_question_for_the_version_is_the_cause_if_the_program_ends() {
    for (asks, word) in [
        ("sh -c 'exit 0' --version", "--version"),
        ("true -v", "-v"),
        ("cat --help", "--help"),
    ] {
        let report = fails(&tcp(asks));
        let hint =
            format!("hint      with `{word}`, most programs print a text and exit: remove it");
        assert!(report.contains(&hint), "{asks}: {report}");
    }
    for asks_nothing in ["true -v -d", "sh -c 'exit 3' --version", "echo version 5"] {
        let report = fails(&tcp(asks_nothing));
        assert!(
            !report.contains("most programs print"),
            "{asks_nothing}: {report}"
        );
    }
}

#[test]
fn words_for_a_shell_are_the_cause_only_if_the_program_may_not_take_them() {
    let dir = TempDir::new();
    let program = dir.file("program");
    fs::write(&program, "#!/bin/sh\nshift\necho \"$SAY $1\"\nexit 3\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let report = |said: &str, word: &str| {
        let report = fails(&tcp(&format!("{program} -x {word}")).env("SAY", said));
        assert!(report.contains("exited with code 3"), "{report}");
        report
    };
    let shell = "hint      summon runs no shell, so `";
    // The program has this syntax itself, also if it prints its arguments.
    for word in ["$host", "\"${scheme}\"", "^/api/.*", "a|b", "''"] {
        let report = report("starting with", word);
        assert!(!report.contains(shell), "{report}");
    }
    for (said, word) in [
        ("no such file:", "conf/*.toml"),
        ("Invalid port", "$port"),
        ("starting with", "$PORT"),
    ] {
        let report = report(said, word);
        assert!(report.contains(&format!("{shell}{word}`")), "{report}");
    }
}

#[test]
fn a_shell_that_waits_is_the_cause_only_if_commands_follow() {
    let hint = "hint      the program is a shell that waits for `sleep 1000`, and runs the rest";
    let start = |command: &str, limit: &str| {
        let server = tcp(command).shell(true).timeout(limit);
        server.start().unwrap_err()
    };
    let report = error_at_limit(hint, |limit| start("sleep 1000; echo never", limit));
    assert!(report.contains(hint), "{report}");
    // Some shells replace themselves with the last command.
    for last in ["sleep 1000", "exec sleep 1000"] {
        let report = start(last, "300ms").to_string();
        assert!(!report.contains("  hint "), "{report}");
    }
}

#[test]
fn a_carriage_return_in_a_script_is_named_wherever_it_is() {
    let dir = TempDir::new();
    let script = |text: &str| {
        let path = dir.file("script");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let hint = "has Windows line endings; remove them with `sed";
    for text in [
        "#!/bin/sh\r\nsleep 9\r\n",
        "#!/bin/sh -e\r\nsleep 9\r\n",
        "#!/usr/bin/env sh\r\nsleep 9\r\n",
        "#!/bin/sh\nset -e\r\nsleep 9\r\n",
    ] {
        let report = fails(&tcp(&script(text)));
        assert!(report.contains(hint), "{text:?}: {report}");
    }
    let by_shell = format!("sh {}", script("sleep 9\r\n"));
    let report = fails(&tcp(&by_shell));
    assert!(report.contains(hint), "{report}");
    let report = fails(&tcp(&script("#!/bin/sh\nexit 3\n")));
    assert!(!report.contains("  hint "), "{report}");
    let report = fails(&tcp(&script("\u{feff}#!/bin/sh\nexit 3\n")));
    assert!(
        report.contains("it begins with a byte order mark, which hides its `#!`"),
        "{report}"
    );
}

#[test]
fn python_may_keep_its_lines_although_it_has_written_to_stderr() {
    let dir = TempDir::new();
    let python = dir.file("python3");
    fs::write(
        &python,
        "#!/bin/sh\necho 'INFO: starting' >&2\nexec sleep 1000\n",
    )
    .unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let start = |variable: &str, limit: &str| {
        let server = OutputCoordinatedExecutor::new([python.as_str()], "up");
        let server = server.env("PYTHONUNBUFFERED", variable).timeout(limit);
        server.start().unwrap_err()
    };
    let hint = "hint      Python keeps what it prints to stdout in a buffer if that is a pipe: if the line \
                may be there, set `env(\"PYTHONUNBUFFERED\", \"1\")`";
    let report = error_at_limit(hint, |limit| start("", limit));
    assert!(report.contains(hint), "{report}");
    let report = start("1", "300ms").to_string();
    assert!(!report.contains("  hint "), "{report}");
}

#[test]
fn python_is_found_behind_other_programs_and_its_options_are_its_own() {
    let dir = TempDir::new();
    let python = dir.file("python3");
    fs::write(&python, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let start = |command: &str, limit: &str| {
        let command = command.replace("python3", &python);
        let server = OutputCoordinatedExecutor::new(command, "up").timeout(limit);
        let server = server.env("PYTHONUNBUFFERED", "");
        server.start().unwrap_err()
    };
    let hint =
        "hint      it has written nothing: Python keeps its output in a buffer if it is a pipe";
    for kept in [
        "python3 app.py -u admin",
        "env A=1 python3 app.py",
        "nice -n 5 python3 app.py",
        "sh -c 'exec python3 app.py'",
        "stdbuf -oL python3 app.py",
    ] {
        let report = error_at_limit(hint, |limit| start(kept, limit));
        assert!(report.contains(hint), "{kept}: {report}");
    }
    for written in [
        "python3 -Eu app.py",
        "env PYTHONUNBUFFERED=1 python3 app.py",
        "stdbuf -oL sleep 1000",
    ] {
        let report = start(written, "300ms").to_string();
        assert!(!report.contains("  hint "), "{written}: {report}");
    }
}
