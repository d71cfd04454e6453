//! Options and kinds of a process have the same meaning in a container.

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use summon::{Coordinated, Process, Signal, Stdin, probe, summon};

use crate::engine::{ACTOR, POSTGRES, containers, shell};
use crate::support::eventually;

fn first_byte(mut stream: impl Read) -> u8 {
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).unwrap();
    answer[0]
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    unix = "boot 300 unix {dir}/s",
    socket = "{dir}/s"
)]
#[test]
fn a_unix_socket_is_in_the_shared_directory(actor: &Process) {
    let stream = UnixStream::connect(actor.dir().join("s")).unwrap();
    assert_eq!(first_byte(stream), b'1');
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    file = "-c 'cat {dir}/conf/a && ls -ld {dir}/spool && : > {dir}/up; exec sleep 1000'",
    path = "{dir}/up",
    entrypoint = "sh",
    user = "nobody",
    with_file("conf/a", "port {port}\n"),
    with_dir("spool", 0o770)
)]
#[test]
fn a_file_is_in_the_shared_directory(actor: &Process) {
    assert!(actor.dir().join("up").exists());
    let expected = format!("port {}\ndrwxrwx---", actor.port());
    actor.wait_for_output("^drwxrwx---", "30s").unwrap();
    let output = String::from_utf8(actor.output()).unwrap();
    assert!(output.contains(&expected), "{output}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_path_that_is_not_shared_is_an_error() {
    let server = Coordinated::with("unix /tmp/s", probe::unix("/tmp/s")).image(ACTOR);
    let error = server.start().unwrap_err().to_string();
    assert!(error.contains("the path `/tmp/s` of a probe"), "{error}");
    assert!(error.contains("write a path below `{dir}`"), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_mount_of_the_private_directory_keeps_its_data() {
    let server = shell("cat /data/x; echo one >> /data/x; echo up; exec sleep 1000")
        .with_file("data/x", "zero\n")
        .mount("{dir}/data", "/data");
    server.start().unwrap();
    server.restart().unwrap();
    let data = std::fs::read_to_string(server.dir().join("data/x")).unwrap();
    assert_eq!(data, "zero\none\none\n");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn a_udp_service_has_other_ports_too() {
    let script = "listen 0.0.0.0:{port:admin} udp 0.0.0.0:53";
    let udp = Coordinated::with(script, probe::udp("localhost", 53)).image(ACTOR);
    udp.start().unwrap();
    let admin: u16 = udp.port_named("admin");
    let stream = TcpStream::connect(("127.0.0.1", admin)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    assert_eq!(first_byte(stream), b'1');
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn the_stop_signal_is_the_one_that_is_asked_for() {
    let script = "trap 'echo got INT; exit 0' INT; trap 'echo got TERM; exit 0' TERM; \
        echo up; while :; do sleep 0.1; done";
    for (signal, said) in [(None, "got TERM"), (Some(Signal::INT), "got INT")] {
        let server = shell(script);
        let server = match signal {
            Some(signal) => server.stop_signal(signal),
            None => server,
        };
        server.start().unwrap();
        server.stop().unwrap();
        let output = String::from_utf8(server.output()).unwrap();
        assert!(output.ends_with(&format!("{said}\n")), "{output}");
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn the_stop_signal_of_the_image_is_the_default() {
    // PostgreSQL waits for its clients after TERM, and its image stops it by INT.
    let script = "trap 'echo got INT; exit 0' INT; echo up; while :; do sleep 0.1; done";
    let server = shell(script).image(POSTGRES);
    server.start().unwrap();
    server.stop().unwrap();
    assert!(server.output().ends_with(b"got INT\n"));
}

/// Runs commands before the service, each in a container of the same image.
#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn commands_before_it_run_in_the_image() {
    let server = shell("cat {dir}/made; echo up; exec sleep 1000")
        .user("nobody")
        .env("COLOUR", "green")
        .before([
            "sh",
            "-c",
            "echo $COLOUR > {dir}/made; id -un >> {dir}/made",
        ])
        .before(["sh", "-c", "echo again >> {dir}/made"]);
    server.start().unwrap();
    server.restart().unwrap();
    let made = std::fs::read_to_string(server.dir().join("made")).unwrap();
    assert_eq!(made, "green\nnobody\nagain\n");
    let failing = shell("echo up").before("sh -c 'echo no >&2; exit 3'");
    let error = failing.start().unwrap_err().to_string();
    assert!(
        error.contains("`sh -c 'echo no >&2; exit 3'`, which runs before it, exited with code 3"),
        "{error}"
    );
    assert!(error.contains("\n  it said   no"), "{error}");
    let hanging = shell("echo up")
        .named("hanging")
        .before("sleep 1000")
        .timeout("2s");
    let error = hanging.start().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let labelled = format!("label=summon.session={}", session_of(&hanging));
    eventually("the container of the command is removed", || {
        !containers(&labelled).contains("hanging")
    });
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    tcp = "listen 0.0.0.0:{port:81} listen 0.0.0.0:82 http 0.0.0.0:83 200 listen 0.0.0.0:80",
    port = 80,
    and(probe::http("http://localhost:{port:83}/")),
    env("ADMIN", "{host}:{port:82}")
)]
#[test]
fn a_label_that_is_a_number_is_a_port_inside(actor: &Process) {
    for label in ["81", "82"] {
        let port = actor.port_named(label);
        assert_ne!(port.to_string(), label);
        assert_eq!(
            first_byte(TcpStream::connect(("127.0.0.1", port)).unwrap()),
            b'1'
        );
    }
    let admin = actor.exec(["sh", "-c", "echo $ADMIN"]).unwrap();
    assert_eq!(admin, b"0.0.0.0:82\n");
}

fn session_of(process: &Process) -> String {
    let name = process.dir().parent().unwrap();
    name.display().to_string()
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn its_standard_input_is_the_one_that_is_asked_for() {
    let text = shell("cat; echo up; exec sleep 1000").stdin("one\ntwo\n");
    text.start().unwrap();
    assert_eq!(text.output(), b"one\ntwo\nup\n");
    let piped =
        shell("echo up; while read line; do echo got $line; done; echo end; exec sleep 1000")
            .stdin(Stdin::piped());
    piped.start().unwrap();
    piped.write_stdin("hello\n").unwrap();
    piped.wait_for_output("^got hello$", "30s").unwrap();
    piped.close_stdin().unwrap();
    piped.wait_for_output("^end$", "30s").unwrap();
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    notify = "boot 300 notify READY=1",
    user = "nobody"
)]
#[test]
fn it_says_itself_that_it_is_ready(actor: &Process) {
    assert!(actor.is_running());
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    simple = "boot 500 touch /tmp/healthy",
    engine_args = ["--health-cmd", "cat /tmp/healthy"],
    and(probe::healthy())
)]
#[test]
fn its_health_check_says_that_it_is_ready(actor: &Process) {
    actor.exec("cat /tmp/healthy").unwrap();
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn the_end_of_the_container_does_not_hide_what_a_command_said_before() {
    let expected = "`: it exited with code 2: no such database (";
    let mut error = String::new();
    // On a busy machine, the engine may need longer for the first run.
    for boot in ["900", "5000", "20000"] {
        let check = probe::exec(["sh", "-c", "echo no such database; exit 2"]);
        let server = Coordinated::with(format!("boot {boot} exit 3"), check).image(ACTOR);
        error = server.start().unwrap_err().to_string();
        if error.contains(expected) {
            break;
        }
    }
    assert!(error.contains(expected), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn without_a_health_check_the_error_says_so() {
    let error = Coordinated::with("say x", probe::healthy())
        .image(ACTOR)
        .start();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the image has no health check"), "{error}");
    let plain = Coordinated::with("sleep 100", probe::healthy()).start();
    let error = plain.unwrap_err().to_string();
    assert!(error.contains("`healthy` needs an `image`"), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn its_log_has_a_limit() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx $i; \
        i=$((i+1)); done; echo up; exec sleep 1000";
    let server = shell(script).log_limit("100kB");
    server.start().unwrap();
    let output = server.output();
    assert!(output.len() < 400_000, "{}", output.len());
    assert!(output.ends_with(b" 19999\nup\n"));
}
