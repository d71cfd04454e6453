//! The builder of a process: what its options do, and when a test may call them.

use summon::{OutputCoordinatedExecutor, SimpleExecutor};

use crate::support::{ACTOR, Life, TempDir, actor, eventually, tcp};

#[test]
fn passes_on_arguments_environment_and_directory() {
    let dir = TempDir::new();
    let script = [
        "env", "GIVEN", "env", "ALSO", "env", "PATH", "cwd", "args", "a b", "{name}", "{{name}",
    ];
    let server = OutputCoordinatedExecutor::new([ACTOR], r"^\[\{name\}\]$")
        .named("lisa")
        .args(script)
        .env("GIVEN", "{name} on {host}")
        .envs([("ALSO", "1"), ("ALSO", "2")])
        .env_remove("PATH")
        .current_dir(dir.path());
    server.start().unwrap();
    let expected = format!(
        "GIVEN=lisa on localhost\nALSO=2\nPATH=(unset)\n{}\n[a b]\n[lisa]\n[{{name}}]\n",
        dir.path().canonicalize().unwrap().display()
    );
    assert_eq!(String::from_utf8_lossy(&server.output()), expected);
}

#[test]
fn runs_a_shell_only_if_asked() {
    let line = "echo $((1 + 1)) '{name}'; exec sleep 1000";
    let shell = OutputCoordinatedExecutor::new(line, "^2 calc$")
        .named("calc")
        .shell(true);
    shell.start().unwrap();
    let no_shell = OutputCoordinatedExecutor::new([ACTOR, "args", "$HOME", "*"], r"^\[\*\]$");
    no_shell.start().unwrap();
    assert_eq!(no_shell.output(), b"[$HOME]\n[*]\n");
}

#[test]
fn ports_are_known_before_the_start_and_stay() {
    let server = tcp(
        [
            "listen",
            "127.0.0.1:{port}",
            "listen",
            "127.0.0.1:{port:admin}",
        ],
        "localhost",
    );
    let (port, dir) = (server.port(), server.dir().to_owned());
    server.start().unwrap();
    server.restart().unwrap();
    assert_eq!((server.port(), server.dir()), (port, &*dir));
    assert_eq!(server.addr().port(), port);
}

#[test]
fn a_relative_directory_is_one_from_the_tests_own() {
    let here = std::env::current_dir().unwrap();
    for (dir, expected) in [(".", here.clone()), ("it", here.join("it"))] {
        let server = OutputCoordinatedExecutor::new(actor(["cwd"]), "/").current_dir(dir);
        server.start().unwrap();
        let expected = expected.canonicalize().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&server.output()).trim(),
            expected.to_str().unwrap()
        );
    }
}

#[test]
fn a_builder_call_after_the_first_use_keeps_ports_and_directory() {
    let server = SimpleExecutor::new("sleep 1000");
    let (port, dir) = (server.port(), server.dir().to_owned());
    let server = server.env("SELF", format!("http://localhost:{port}"));
    assert_eq!((server.port(), server.dir()), (port, &*dir));
    server.start().unwrap();
    server.stop().unwrap();
    let server = server.env("MORE", "1");
    server.start().unwrap();
    assert_eq!((server.port(), server.dir()), (port, &*dir));
}

#[test]
fn a_builder_call_while_it_runs_panics_and_stops_it() {
    let server = SimpleExecutor::new("sleep 1000").named("db");
    server.start().unwrap();
    let life = Life::of(server.id().unwrap()).unwrap();
    let late = std::panic::catch_unwind(|| server.timeout("5s")).unwrap_err();
    let text = late.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("db runs, so its options can't change"),
        "{text}"
    );
    assert!(text.contains("tests/it/builder.rs:"), "{text}");
    eventually("it is stopped", || !life.goes_on());
}

#[test]
fn a_builder_call_after_it_has_ended_by_itself_is_fine() {
    let job = SimpleExecutor::new("true");
    job.start().unwrap();
    job.wait("20s").unwrap();
    job.env("MORE", "1").start().unwrap();
}
