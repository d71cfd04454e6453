//! What the options of a container say arrives there unchanged.

use summon::{Contents, OutputCoordinatedExecutor, Stdin};

use crate::engine::{containers, shell};
use crate::support::{TempDir, eventually};

fn output(process: &OutputCoordinatedExecutor) -> String {
    String::from_utf8(process.output()).unwrap()
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn variables_have_any_value() {
    let odd = [
        ("QUOTES", "it's \"b\" `c` \\d"),
        ("LINES", "one\ntwo\n"),
        ("EMPTY", ""),
        ("EQUALS", "=a=b="),
        ("DOLLAR", "$HOME ${HOME} {{x}} %s"),
        ("UNICODE", "grün 🦀"),
        ("DASH", "--rm"),
    ];
    let server = shell("env; echo up; exec sleep 1000").envs(odd);
    let server = server.env("DIR", "{dir}/x");
    server.start().unwrap();
    let said = output(&server);
    for (name, value) in odd {
        let line = format!("{name}={}\n", value.replace("{{", "{"));
        assert!(said.contains(&line), "{said}\nlacks {line}");
    }
    let dir = format!("DIR={}/x\n", server.dir().display());
    assert!(said.contains(&dir), "{said}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn files_belong_to_root_and_have_their_modes() {
    let script =
        "cd {dir}; ls -lnR . | cat; ./run; cat secret || echo refused; echo up; exec sleep 1000";
    let server = shell(script)
        .user("nobody")
        .with_file("plain", "a")
        .with_file(
            "run",
            Contents::new("#!/bin/sh\necho ran {dir}\n").mode(0o755),
        )
        .with_file("secret", Contents::new("x").mode(0o640));
    server.start().unwrap();
    // `ls` fills its columns with spaces.
    let said = output(&server).replace("  ", " ");
    for part in [
        "-rw-r--r-- 1 0 0 1 ",
        "-rwxr-xr-x 1 0 0 ",
        "-rw-r----- 1 0 0 1 ",
    ] {
        assert!(said.contains(part), "{said}\nlacks {part}");
    }
    let ran = format!("ran {}\n", server.dir().display());
    assert!(said.contains(&ran), "{said}");
    assert!(said.contains("refused\n"), "{said}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn standard_input_is_a_file() {
    let dir = TempDir::new();
    let path = dir.file("input");
    std::fs::write(&path, "from outside\n").unwrap();
    let outside = shell("cat; echo up; exec sleep 1000").stdin(Stdin::file(&path));
    outside.start().unwrap();
    assert_eq!(output(&outside), "from outside\nup\n");
    let own = shell("cat; echo up; exec sleep 1000")
        .with_file("input", "from {dir}\n")
        .stdin(Stdin::file("{dir}/input"));
    own.start().unwrap();
    let expected = format!("from {}\nup\n", own.dir().display());
    assert_eq!(output(&own), expected);
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_new_container_has_the_declared_files_only() {
    let script =
        "ls {dir} /tmp; echo lost > {dir}/made; echo lost > /tmp/made; echo up; exec sleep 1000";
    let server = shell(script).with_file("kept", "x");
    server.start().unwrap();
    let (dir, pid) = (server.dir().to_owned(), server.id());
    let length = server.output().len();
    server.restart().unwrap();
    assert_eq!(server.dir(), dir);
    assert_ne!(server.id(), pid);
    let said = output(&server).split_off(length);
    assert!(said.contains("kept") && !said.contains("made"), "{said}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_pause_halts_the_container() {
    let script = "echo up; while :; do sleep 0.01; echo tick; done";
    let server = shell(script).named("to-pause");
    server.start().unwrap();
    let listed = || {
        let all = containers("label=summon");
        let mine = all.lines().find(|line| line.contains("to-pause"));
        mine.unwrap_or_default().to_owned()
    };
    let (before, after) = server
        .paused(|| {
            let is_paused = listed().to_lowercase().contains("paused");
            assert!(is_paused, "{}", listed());
            let before = server.output().len();
            let listed_again = listed();
            assert_ne!(listed_again, "");
            (before, server.output().len())
        })
        .unwrap();
    assert_eq!(before, after);
    eventually("it goes on", || server.output().len() > after);
    assert!(!listed().to_lowercase().contains("paused"), "{}", listed());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_stop_ends_a_command_before_it() {
    let server = shell("echo up")
        .named("halted-before")
        .before(["sh", "-c", "echo begun; exec sleep 1000"])
        .timeout("60s");
    let listed = || containers("label=summon").contains("halted-before");
    let error = std::thread::scope(|scope| {
        let start = scope.spawn(|| server.start().unwrap_err());
        eventually("the command runs", listed);
        server.stop().unwrap();
        start.join().unwrap()
    });
    let error = error.to_string();
    assert!(
        error.starts_with("halted-before was stopped before"),
        "{error}"
    );
    assert!(!listed());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_command_before_it_that_hangs_is_named() {
    let server = shell("echo up")
        .named("hung-before")
        .before(["sh", "-c", "echo begun; exec sleep 1000"])
        .timeout("5s");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("which runs before it, did not end in time"),
        "{error}"
    );
    assert!(error.contains("\n  it said   begun"), "{error}");
    assert!(
        error.contains("\n  limit     5s for its start, "),
        "{error}"
    );
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn names_of_processes_and_files_have_any_length() {
    // A path that no header of an archive has room for.
    let file = format!("{}/{}", "d".repeat(150), "ф".repeat(100));
    for name in ["сервер <1>", &"n".repeat(300)] {
        let script = format!("cat {{dir}}/{file}; echo up; exec sleep 1000");
        let server = shell(&script).with_file(&file, "kept\n").named(name);
        server.start().unwrap();
        assert_eq!(output(&server), "kept\nup\n");
        assert_eq!(server.exec(["sh", "-c", "echo x"]).unwrap(), b"x\n");
        let id = server.exec(["cat", "/etc/hostname"]).unwrap();
        let filter = format!("id={}", String::from_utf8_lossy(&id).trim());
        assert_eq!(containers(&filter).lines().count(), 1);
        server.stop().unwrap();
        assert_eq!(containers(&filter), "");
    }
}
