//! If a program can't be executed, the error says why, and no shell runs in its place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use summon::{Coordinated, Error, Executor, OutputCoordinatedExecutor, SimpleExecutor, probe};

use crate::needs::{needs, root};
use crate::support::{TempDir, actor, copy_program};

/// Writes a script in a separate process, for the reason that `support::copy_program` gives.
fn script(path: &str, text: &str) {
    let write = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let mut shell = std::process::Command::new("sh");
    let written = shell.args(["-c", write, "sh", path, text]).status();
    assert!(written.unwrap().success());
}

/// Makes a directory with a program that an ordinary user can't enter. Returns a search path that
/// begins with the directory.
fn closed(dir: &TempDir, program: &str) -> String {
    let closed = dir.file("closed");
    fs::create_dir(&closed).unwrap();
    script(&format!("{closed}/{program}"), "#!/bin/sh\nexit 0\n");
    set_mode(&closed, 0);
    format!("{closed}:/usr/bin:/bin")
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program as an ordinary user, because root may enter any directory.
fn as_ordinary_user<P: probe::Probe>(executor: Coordinated<P>) -> Coordinated<P> {
    match root() {
        true => executor.user("nobody"),
        false => executor,
    }
}

fn report(started: Result<(), Error>) -> String {
    started.unwrap_err().to_string()
}

fn assert_has(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "`{part}` is not in:\n{report}");
    }
}

#[test]
fn are_looked_for_behind_a_directory_that_may_not_be_entered() {
    let dir = TempDir::new();
    let path = closed(&dir, "sleep");
    let sleeper = as_ordinary_user(SimpleExecutor::new("sleep 1000")).env("PATH", &path);
    let started = sleeper.start();
    let missing = as_ordinary_user(SimpleExecutor::new("no-such-program-b"))
        .env("PATH", &path)
        .start();
    let asked = Coordinated::with("sleep 1000", probe::exec("no-such-program-b"));
    let asked = as_ordinary_user(asked).env("PATH", &path).start();
    let prepared = SimpleExecutor::new("sleep 1000").before("no-such-program-b");
    let prepared = as_ordinary_user(prepared).env("PATH", &path).start();
    set_mode(dir.file("closed"), 0o700);
    started.unwrap();
    for report in [report(missing), report(asked), report(prepared)] {
        assert_has(&report, &["`no-such-program-b` is not in PATH"]);
    }
}

#[test]
fn have_their_package_told_by_a_probe_too() {
    let server = Coordinated::with("sleep 1000", probe::exec("redis-cli ping"));
    let report = report(server.env("PATH", "/no/such/dir:/bin/true").start());
    // The missing command is the program itself.
    assert_has(&report, &["`sleep` is not in PATH"]);
    let sleep = ["/bin/sleep", "1000"];
    let server = Coordinated::with(sleep, probe::exec("redis-cli ping"));
    let report = self::report(server.env("PATH", "/no/such/dir").start());
    assert_has(
        &report,
        &["`redis-cli` is not in PATH;", "`apt install redis-tools`"],
    );
}

#[test]
fn that_only_root_can_reach_are_named() {
    needs!(root);
    let dir = TempDir::new();
    let path = closed(&dir, "my-server");
    let server = SimpleExecutor::new("my-server").env("PATH", path);
    let report = report(server.user("nobody").start());
    let hint = format!("{}/my-server exists, but the user", dir.file("closed"));
    assert_has(&report, &["`my-server` is not in PATH", &hint]);
}

#[test]
fn that_are_not_executable_are_named_by_their_path() {
    let dir = TempDir::new();
    fs::write(dir.file("my-server"), "#!/bin/sh\n").unwrap();
    fs::create_dir(dir.file("other")).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let server = SimpleExecutor::new("my-server").env("PATH", &path);
    let hint = format!("`chmod +x {}`", dir.file("my-server"));
    assert_has(
        &report(server.start()),
        &["`my-server` is not executable", &hint],
    );
    // A directory is not a program.
    let server = SimpleExecutor::new("other").env("PATH", &path);
    let hint = format!("  hint      {} is a directory", dir.file("other"));
    assert_has(&report(server.start()), &["`other` is not in PATH", &hint]);
    let skips = SimpleExecutor::new("other").env("PATH", &path);
    let skips = skips.missing(summon::Missing::Skip).start().unwrap_err();
    assert!(
        skips.is_skipped() || std::env::var_os("CI").is_some(),
        "{skips}"
    );
}

#[test]
fn without_a_first_line_are_never_run_by_a_shell() {
    let dir = TempDir::new();
    let (text, mark) = (dir.file("text"), dir.file("mark"));
    script(&text, &format!("touch {mark}\n"));
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let named = SimpleExecutor::new("text").env("PATH", path).start();
    let asked = Coordinated::with("sleep 1000", probe::exec([&text])).start();
    let prepared = SimpleExecutor::new("sleep 1000").before([&text]).start();
    for started in [SimpleExecutor::new([&text]).start(), named, asked, prepared] {
        assert_has(
            &report(started),
            &[
                "does not name an interpreter after `#!`",
                "a line such as `#!/bin/sh`",
            ],
        );
    }
    assert!(!Path::new(&mark).exists());
}

#[test]
fn that_are_something_else_are_told_as_what_they_are() {
    let dir = TempDir::new();
    let (sub, link, empty, pipe) = (
        dir.file("sub"),
        dir.file("dangling"),
        dir.file("empty"),
        dir.file("pipe"),
    );
    fs::create_dir(&sub).unwrap();
    std::os::unix::fs::symlink("no/such/target", &link).unwrap();
    std::os::unix::fs::symlink("round", dir.file("round")).unwrap();
    script(&empty, "");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Two executable files. The first is for another machine, and the second lacks its loader.
    for (name, machine, loader) in [
        ("alien", 0xff, "/lib/x"),
        ("loaderless", 0, "/no/such/loader"),
    ] {
        let copy = dir.file(name);
        copy_program("/bin/true", &copy);
        let mut bytes = fs::read(&copy).unwrap();
        let own = bytes[18];
        bytes[18] = if machine == 0 { own } else { machine };
        let at = bytes
            .windows(5)
            .position(|it| it == b"/lib/" || it == b"/lib6")
            .unwrap();
        bytes[at..=at + loader.len()].copy_from_slice(format!("{loader}\0").as_bytes());
        let raw = dir.file("raw");
        fs::write(&raw, bytes).unwrap();
        copy_program(&raw, &copy);
    }
    script(&dir.file("by-none"), "#!/no/such/sh\n");
    fs::write(dir.file("plain-file"), "").unwrap();
    script(
        &dir.file("by-plain"),
        &format!("#!{}\n", dir.file("plain-file")),
    );
    script(&dir.file("by-dir"), "#!/tmp\n");
    script(&dir.file("windows"), "MZ\n");
    for (name, parts) in [
        (
            "sub",
            &["is a directory", "write the path of the program"][..],
        ),
        (
            "dangling",
            &["is a symbolic link to no/such/target, which does not exist"],
        ),
        (
            "round",
            &["is a symbolic link to round, which does not exist"],
        ),
        ("empty", &["the file is empty", "download it again"]),
        ("pipe", &["is not a file"]),
        (
            "alien",
            &["it is a program for another machine, and this machine is"],
        ),
        (
            "loaderless",
            &["needs the dynamic loader `/no/such/loader`, which does not exist"],
        ),
        (
            "by-none",
            &["the interpreter of `./by-none`, `/no/such/sh`, does not exist"],
        ),
        (
            "by-plain",
            &[
                "the interpreter of `./by-plain`",
                "plain-file`, is not executable",
            ],
        ),
        (
            "by-dir",
            &["the interpreter of `./by-dir`, `/tmp`, is not executable"],
        ),
        ("plain-file", &["is not executable", "chmod +x"]),
        ("windows", &["it is a program for Windows"]),
    ] {
        let by_path = format!("./{name}");
        let server = SimpleExecutor::new([by_path.as_str()]).current_dir(dir.path());
        assert_has(&report(server.start()), parts);
        let prepared = SimpleExecutor::new("sleep 1000").before([by_path.as_str()]);
        assert_has(&report(prepared.current_dir(dir.path()).start()), parts);
    }
    // The program is found in PATH.
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    for (name, part) in [
        (
            "dangling",
            "a symbolic link in PATH leads to no/such/target, which does not exist",
        ),
        ("loaderless", "needs the dynamic loader `/no/such/loader`"),
        ("empty", "the file is empty"),
    ] {
        let server = SimpleExecutor::new(name).env("PATH", &path);
        assert_has(&report(server.start()), &[part]);
    }
}

#[test]
fn with_the_line_ends_of_windows_have_a_hint() {
    let dir = TempDir::new();
    let (direct, by_env) = (dir.file("direct"), dir.file("by-env"));
    script(&direct, "#!/bin/sh\r\nexit 0\r\n");
    script(&by_env, "#!/usr/bin/env sh\r\nexit 0\r\n");
    let report_of_direct = report(SimpleExecutor::new([&direct]).start());
    assert_has(
        &report_of_direct,
        &["ends in a carriage return", "sed -i 's/\\r$//'"],
    );
    // The program is found in PATH.
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let server = SimpleExecutor::new("direct").env("PATH", &path);
    assert_has(&report(server.start()), &["ends in a carriage return"]);
    let server = OutputCoordinatedExecutor::new([&by_env], "^up$");
    assert_has(
        &report(server.start()),
        &["exited with code 127", "Windows line endings"],
    );
}

#[test]
fn that_a_shell_would_understand_have_a_hint() {
    for (command, hint) in [
        ("cd /tmp", "set `current_dir = \"..\"`"),
        ("LANG=C sort", "`env(\"LANG\", \"..\")`"),
        ("~/bin/server", "`~` is not expanded"),
        ("$HOME/bin/server", "`$HOME` is not expanded"),
        ("export A=1", "set `shell = true`"),
    ] {
        let report = report(SimpleExecutor::new(command).env("PATH", "/bin").start());
        assert_has(&report, &["\n  hint      ", hint]);
    }
    let script = format!("{} say '$HOME' say $HOME/x exit 3", actor([])[0]);
    let server = OutputCoordinatedExecutor::new(script, "^up$");
    assert_has(&report(server.start()), &["so `$HOME` is not expanded"]);
    // These words may be meant literally, so the hint appears only if the program complains about
    // them.
    for (command, word) in [
        ("sleep 1000;", "1000;"),
        ("cat /no/such/*.txt", "/no/such/*.txt"),
        ("cat no{a,b}such", "no{a,b}such"),
        ("cat /no/such|grep x", "/no/such|grep"),
        ("sleep {port}&", "{port}&"),
    ] {
        let hint = format!("so `{word}` is one word of plain text");
        let server = OutputCoordinatedExecutor::new(command, "^up$");
        assert_has(&report(server.start()), &[&hint]);
        let prepared = SimpleExecutor::new("sleep 1000").before(command);
        assert_has(&report(prepared.start()), &[&hint]);
    }
    let script = format!(
        "{} say --filter=a;b say http://c/?d=e&f complain {{a:1}} exit 3",
        actor([])[0]
    );
    let server = OutputCoordinatedExecutor::new(script, "^up$");
    let report = report(server.start());
    assert!(!report.contains("runs no shell"), "{report}");
}

#[test]
fn get_no_operator_of_a_shell_as_an_argument() {
    let dir = TempDir::new();
    for operator in ["&&", "||", "|", ";", ">", "<", "&", "2>", "2>&1", ">x"] {
        let command = format!("mkdir a {operator} b");
        let in_dir = |command: &str| SimpleExecutor::new(command).current_dir(dir.path());
        let cases = [
            in_dir(&command).start(),
            in_dir("sleep 1000").before(command.as_str()).start(),
            in_dir("sleep 1000").after_stop(command.as_str()).start(),
            in_dir("sleep 1000").stop_command(command.as_str()).start(),
            in_dir("sleep 1000")
                .and(probe::exec(command.as_str()))
                .start(),
        ];
        for started in cases {
            let wanted = format!("so `{operator}` would be plain text");
            assert_has(&report(started), &[&wanted]);
        }
    }
    for (command, word) in [
        ("mkdir;touch b", "mkdir;touch"),
        ("(mkdir a)", "(mkdir"),
        ("mkdir $(echo a)", "$(echo"),
        ("mkdir `echo a`", "`echo"),
        ("mkdir >\"a b\"", ">\"a b\""),
    ] {
        let wanted = format!("so `{word}` would be plain text");
        let server = SimpleExecutor::new(command).current_dir(dir.path());
        assert_has(&report(server.start()), &[&wanted]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    // The command as text, as a list, and for a shell.
    let server = SimpleExecutor::new("sleep '1000' # && b");
    server.start().unwrap();
    SimpleExecutor::new(actor(["say", "&&", "wait"]))
        .start()
        .unwrap();
    let shell = SimpleExecutor::new("true && sleep 1000").shell(true);
    Executor::start(&shell).unwrap();
}

#[test]
fn get_values_from_a_shell_as_they_are() {
    let name = "a  b'c\"d$(e)`f`\\g;h*";
    let show = "printf '%s\\n' {name} \"{name}\" '{name}' \"$(printf %s {name})\"";
    let job = SimpleExecutor::new(format!("{show} {{name}}/x # don't {{name}}"))
        .shell(true)
        .named(name);
    job.start().unwrap();
    assert!(job.wait("20s").unwrap().success());
    let output = String::from_utf8(job.output()).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    let in_path = format!("{name}/x");
    assert_eq!(lines, [name, name, name, name, in_path.as_str()]);
}
