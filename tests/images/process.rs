//! A container is a process like others: ready means that the program inside serves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use summon::{
    Coordinated, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process, Signal,
    SimpleExecutor, TcpCoordinatedExecutor, probe, summon,
};

use crate::apart;
use crate::engine::{ACTOR, containers, engine, script, shell, stem};
use crate::support::TempDir;

/// An image that is missing everywhere.
const ABSENT: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/actor:no-such");

fn connect(process: &Process) -> String {
    let mut stream = TcpStream::connect(process.addr()).unwrap();
    let limit = Some(Duration::from_secs(30));
    stream.set_read_timeout(limit).unwrap();
    stream.write_all(b"x\n").unwrap();
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
#[summon(
    image = ACTOR,
    tcp = "listen {host}:{port} say {name}",
    port = 80
)]
#[test]
fn is_summoned(actor: &Process) {
    assert_eq!(connect(actor), "1");
    assert_ne!(actor.port(), 80);
    assert_eq!(
        actor.addr().to_string(),
        format!("127.0.0.1:{}", actor.port())
    );
    actor.wait_for_output("^actor$", "30s").unwrap();
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn an_init_program_passes_the_stop_signal_on() {
    let script = "trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.1; done";
    let server = OutputCoordinatedExecutor::new(["-c", script], "^up$")
        .image(ACTOR)
        .entrypoint("/bin/sh")
        .init(true);
    server.start().unwrap();
    server.stop().unwrap();
    assert_eq!(String::from_utf8_lossy(&server.output()), "up\nbye\n");
}

/// Returns an actor in a container. It is ready when it serves port 80 in there.
fn actor(script: &str) -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(script, "localhost", 80).image(ACTOR)
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_ready_when_the_program_inside_listens() {
    // The proxy of the engine listens outside from the start.
    let late = actor("boot 2000 listen 0.0.0.0:80");
    let began = Instant::now();
    late.start().unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(connect(&late), "1");
    let local = actor("listen 127.0.0.1:80").timeout("10s");
    let error = local.start().unwrap_err().to_string();
    assert!(
        error.contains("it listens on 127.0.0.1:80 in the container"),
        "{error}"
    );
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_the_probes_of_a_process() {
    let http = HttpCoordinatedExecutor::new("http 0.0.0.0:80 200", "http://localhost:80/");
    let http = http.image(ACTOR);
    http.start().unwrap();
    assert_ne!(http.port(), 80);
    let same = TcpCoordinatedExecutor::new("listen 0.0.0.0:{port}", "localhost", 0).image(ACTOR);
    same.start().unwrap();
    assert_eq!(connect(&same), "1");
    let udp = Coordinated::with("udp 0.0.0.0:53", probe::udp("localhost", 53)).image(ACTOR);
    udp.start().unwrap();
    let script = "boot 100 touch /tmp/up";
    let exec = Coordinated::with(script, probe::exec("cat /tmp/up")).image(ACTOR);
    exec.start().unwrap();
    let error = SimpleExecutor::new("").image(ABSENT).start();
    let error = error.unwrap_err().to_string();
    assert!(error.contains(ABSENT), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn leaves_nothing_after_its_stop() {
    let actor = actor("listen 0.0.0.0:80");
    for _ in 0..2 {
        actor.start().unwrap();
        let mut dir = actor.dir().iter().rev();
        let [name, session] = [(); 2].map(|()| dir.next().unwrap().to_str().unwrap());
        let name = format!("name=^/?summon-{session}-{name}-[0-9a-f]+$");
        assert_ne!(containers(&name), "");
        actor.stop().unwrap();
        assert_eq!(containers(&name), "");
        // The engine has given the port back.
        TcpListener::bind(actor.addr()).unwrap();
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_an_error_with_its_command_state_and_output() {
    let failing = actor("say cheese exit 3")
        .env("PASSWORD", "x")
        .env("A", "b c");
    let error = failing.start().unwrap_err();
    assert_eq!(error.exit_status().unwrap().code(), Some(3));
    let error = error.to_string();
    let options = format!(
        "-p 127.0.0.1:{}:80 -e 'PASSWORD=***' -e 'A=b c'",
        failing.port()
    );
    for part in [
        "actor exited with code 3 before it became ready\n".to_owned(),
        format!("run --rm {options} {ACTOR} say cheese exit 3\n"),
        format!("\n  image     {ACTOR} ("),
        "\n  engine    ".to_owned(),
        "\n  container exited with code 3\n".to_owned(),
        "\n            | cheese".to_owned(),
    ] {
        assert!(error.contains(&part), "{error}\nlacks {part:?}");
    }
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_the_verbs_of_a_process() {
    let script =
        "trap 'echo reloaded' HUP; trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done";
    let server = shell(script);
    server.start().unwrap();
    let of_container = std::fs::read_link(format!("/proc/{}/ns/pid", server.id().unwrap()));
    assert_ne!(
        of_container.ok(),
        std::fs::read_link("/proc/self/ns/pid").ok()
    );
    server.signal(Signal::HUP).unwrap();
    server.wait_for_output("^reloaded$", "30s").unwrap();
    let sees_nothing = || {
        let length = server.output().len();
        server.signal(Signal::HUP).unwrap();
        length
    };
    server.paused(sees_nothing).unwrap();
    server.restart().unwrap();
    let status = server.crash(Signal::KILL).unwrap();
    assert_eq!(status.code(), Some(137));
    server.start().unwrap();
    server.kill().unwrap();
    assert!(!server.is_running());
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn ends_by_its_stop_signal_or_at_once() {
    let handles = shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done");
    handles.start().unwrap();
    handles.stop().unwrap();
    assert!(String::from_utf8_lossy(&handles.output()).ends_with("bye\n"));
    // Process 1 of a container never gets a signal that it does not handle.
    let deaf = shell("echo up; sleep 1000; true").stop_timeout("60s");
    deaf.start().unwrap();
    let began = Instant::now();
    deaf.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
    let ignores = shell("trap '' TERM; echo up; sleep 1000; true").stop_timeout("100ms");
    ignores.start().unwrap();
    ignores.stop().unwrap();
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn has_its_files_and_runs_commands() {
    let script = "cat {dir}/conf/a; ls -ld {dir}/spool; echo up; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(["-c", script], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
        .user("nobody")
        .with_dir("spool", 0o770)
        .with_file("conf/a", "port {port}, dir {dir}\n")
        .with_file("large", "x".repeat(100_000))
        .current_dir("/tmp")
        .env("COLOUR", "green");
    for _ in 0..2 {
        server.start().unwrap();
        let dir = server.dir().display();
        let expected = format!("port {}, dir {dir}\ndrwxrwx---", server.port());
        let output = String::from_utf8(server.output()).unwrap();
        assert!(output.contains(&expected), "{output}");
        server.stop().unwrap();
    }
    server.start().unwrap();
    let said = server
        .exec(["sh", "-c", "echo $COLOUR; id -un; ls -l {dir}/large"])
        .unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.starts_with("green\nnobody\n-rw-r--r--") && said.contains(" 100000 "),
        "{said}"
    );
    let error = server
        .exec(["sh", "-c", "echo no >&2; exit 3"])
        .unwrap_err();
    assert_eq!(error.exit_status().unwrap().code(), Some(3));
    assert!(error.to_string().contains("\n  it said   no"), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn refuses_the_name_of_a_process_that_is_not_there() {
    let server = SimpleExecutor::new("").image(ACTOR).arg("{db.port}");
    let error = server.start().unwrap_err().to_string();
    let words = "`{db.port}` names a process that is not in the same set";
    assert!(error.contains(words), "{error}");
}

#[test]
fn refuses_options_that_do_not_work_with_it() {
    let refused = |executor: SimpleExecutor, words: &str| {
        let error = executor.start().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let image = || SimpleExecutor::new("").image(ACTOR);
    refused(image().shell(true), "`shell` does not work with an image");
    refused(
        image().arg("{db.peers}"),
        "`{db.peers}` does not work with an image",
    );
    let plain = SimpleExecutor::new("sleep 100").init(true);
    refused(plain, "`init` needs an `image`");
    let file = Coordinated::with("", probe::file("/x")).image(ACTOR);
    let error = file.start().unwrap_err().to_string();
    assert!(error.contains("the path `/x` of a probe"), "{error}");
}

#[test]
#[cfg_attr(
    not(has_images),
    ignore = "needs an engine with the images of `tests/run images`"
)]
fn is_crashed_however_long_its_engine_takes() {
    if apart::is_here() {
        let server = shell("echo up; exec sleep 1000").stop_timeout("1s");
        server.start().unwrap();
        server.crash(Signal::KILL).unwrap();
        return;
    }
    let dir = TempDir::new();
    let slow = "[ $1 != kill ] || sleep 2";
    let engine = script(&dir, stem(), &format!("{slow}\nexec {} \"$@\"", engine()));
    let test = "process::is_crashed_however_long_its_engine_takes";
    let ran = apart::run(test, &[("SUMMON_ENGINE", &engine)]);
    assert!(ran.status.success(), "{}", apart::said(&ran));
}
