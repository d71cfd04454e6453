//! The report of a container that fails has all that a user needs to know.

use std::process::Command;

use summon::{OutputCoordinatedExecutor, Signal, SimpleExecutor, TcpCoordinatedExecutor};

use crate::engine::{ACTOR, engine, is_podman, shell, stem};

/// Returns a fact of a report.
fn fact<'a>(report: &'a str, name: &str) -> &'a str {
    let mut lines = report.lines();
    let found = lines.find_map(|line| line.strip_prefix(&format!("  {name:9} ")));
    found.unwrap_or_else(|| panic!("no `{name}`: {report}"))
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_a_command_that_runs_the_same_container() {
    let odd = "it's $HOME \"x\" \\ `y`";
    let failing = TcpCoordinatedExecutor::new(["-c", "env; id -un; exit 7"], "localhost", 80)
        .image(ACTOR)
        .entrypoint("sh")
        .user("nobody")
        .current_dir("/tmp")
        .env("ODD", odd)
        .mount("/etc", "/mnt/etc")
        .engine_args(["--hostname", "pasted"]);
    let error = failing.start().unwrap_err().to_string();
    let run = fact(&error, "command");
    assert!(error.contains("exited with code 7"), "{error}");
    // The report names the engine as a user would type it.
    let stem = format!("{} ", stem());
    let pasted = run.replacen(&stem, &format!("{} ", engine()), 1);
    let pasted = Command::new("sh").args(["-c", &pasted]).output().unwrap();
    assert_eq!(pasted.status.code(), Some(7), "{run}: {pasted:?}");
    let said = String::from_utf8_lossy(&pasted.stdout).into_owned();
    for line in [&format!("ODD={odd}\n"), "nobody\n", "HOSTNAME=pasted\n"] {
        assert!(said.contains(line), "{run}: {said}\nlacks {line}");
        assert!(error.contains(line.trim_end()), "{error}\nlacks {line}");
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn says_that_the_memory_was_used_up() {
    // Podman 4.3 does not know it where cgroups are of version 1.
    if is_podman() {
        return;
    }
    let script = "x=aaaaaaaa; while :; do x=$x$x; done";
    let state = || {
        let greedy = OutputCoordinatedExecutor::new(["-c", script], "^up$")
            .image(ACTOR)
            .entrypoint("sh")
            .engine_args(["--memory", "16m", "--memory-swap", "16m"]);
        let error = greedy.start().unwrap_err().to_string();
        let state = fact(&error, "container").to_owned();
        assert!(state.contains("exited with code 137"), "{error}");
        state
    };
    // On a busy machine Docker misses about one of a hundred, and never learns of it.
    let states: Vec<String> = std::iter::repeat_with(state).take(3).collect();
    assert!(
        states.iter().any(|it| it.contains("out of memory")),
        "{states:?}"
    );
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_the_words_of_the_engine() {
    let absent = SimpleExecutor::new("x")
        .image(ACTOR)
        .entrypoint("/no/such/program");
    let error = absent.start().unwrap_err();
    // Its exit code would be that of the engine's client.
    assert_eq!(error.exit_status(), None);
    let error = error.to_string();
    let headline = "actor could not be started: the engine did not start its container\n";
    assert!(error.starts_with(headline), "{error}");
    // What the engine says is no line of the program.
    let watched = OutputCoordinatedExecutor::new("x", "up")
        .image(ACTOR)
        .entrypoint("/no/such/program")
        .unless("no such file");
    let said = watched.start().unwrap_err().to_string();
    assert!(said.starts_with(headline), "{said}");
    assert!(!said.contains("\n  failure"), "{said}");
    assert!(error.contains("\n  container created"), "{error}");
    assert!(
        error.contains("stat /no/such/program: no such file"),
        "{error}"
    );
    let option = SimpleExecutor::new("x")
        .image(ACTOR)
        .engine_args(["--no-such-option"]);
    let error = option.start().unwrap_err().to_string();
    assert!(error.contains("the engine made no container"), "{error}");
    assert!(error.contains("unknown flag: --no-such-option"), "{error}");
    let user = SimpleExecutor::new("x").image(ACTOR).user("no-such-user");
    let error = user.start().unwrap_err().to_string();
    assert!(error.contains("no-such-user"), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_program_that_has_ended_was_started() {
    for (script, code) in [("exit 0", 0), ("exit 127", 127)] {
        let job = SimpleExecutor::new(["-c", script])
            .image(ACTOR)
            .entrypoint("sh");
        job.start().unwrap();
        let status = job.wait("30s").unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn says_what_is_different_about_process_1() {
    let daemon = OutputCoordinatedExecutor::new(["-c", "sleep 1000 & exit 0"], "^up$")
        .image(ACTOR)
        .entrypoint("sh");
    let error = daemon.start().unwrap_err().to_string();
    assert!(
        error.contains("hint      a container ends with its main process"),
        "{error}"
    );
    let server = || shell("echo up; exec sleep 1000");
    let deaf = server().stop_timeout("1s");
    deaf.start().unwrap();
    let error = deaf.crash(Signal::HUP).unwrap_err().to_string();
    assert!(error.contains("`crash(Signal::KILL)` ends it"), "{error}");
    let killed = server();
    killed.start().unwrap();
    killed.crash(Signal::KILL).unwrap();
}
