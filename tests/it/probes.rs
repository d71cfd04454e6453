//! Readiness by a Unix socket, a file, or a command.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Instant;

use summon::{Coordinated, Process, SimpleExecutor, probe, summon};

use crate::support::{ACTOR, Life, TempDir, actor, error_at_limit, eventually, recorded};

fn ask(path: &std::path::Path) -> String {
    let mut answer = String::new();
    let mut stream = UnixStream::connect(path).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    answer.trim().to_owned()
}

#[summon(unix = [ACTOR, "boot", "30", "unix", "{dir}/s"], socket = "{dir}/s")]
#[test]
fn a_unix_socket_accepts_and_has_seen_no_connection(server: &Process) {
    assert_eq!(ask(&server.dir().join("s")), "1");
}

#[test]
fn a_unix_socket_for_datagrams_counts_when_it_is_bound() {
    let script = actor(["datagrams", "{dir}/s"]);
    let server = Coordinated::with(script, probe::unix("{dir}/s"));
    server.start().unwrap();
}

#[test]
fn a_socket_that_is_bound_does_not_count_until_it_listens() {
    let script = actor([
        "bound",
        "{dir}/s",
        "say",
        "bound",
        "await",
        "{dir}/go",
        "listening",
    ]);
    let server = Coordinated::with(script, probe::unix("{dir}/s"));
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start());
        eventually("it is bound", || server.output() == b"bound\n");
        assert!(!starting.is_finished());
        std::fs::write(server.dir().join("go"), "").unwrap();
        starting.join().unwrap().unwrap();
    });
    assert_eq!(ask(&server.dir().join("s")), "1");
}

#[test]
fn a_socket_file_without_a_server_is_not_ready() {
    let server = Coordinated::with(actor(["wait"]), probe::unix("{dir}/s")).timeout("5s");
    // A killed server leaves a socket file like this one.
    drop(UnixListener::bind(server.dir().join("s")).unwrap());
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    let expected = format!("unix {}/s: nothing listens there (", server.dir().display());
    assert!(error.to_string().contains(&expected), "{error}");
}

#[test]
fn a_strangers_unix_socket_is_never_ours() {
    let server = Coordinated::with(actor(["wait"]), probe::unix("{dir}/s"));
    let _stranger = UnixListener::bind(server.dir().join("s")).unwrap();
    let error = server.start().unwrap_err().to_string();
    let who = format!(
        "another process listens there: pid {}, `",
        std::process::id()
    );
    assert!(error.contains(&who), "{error}");
    let any =
        Coordinated::with(actor(["wait"]), probe::unix("{dir}/s")).listener(probe::Listener::Any);
    let _engine = UnixListener::bind(any.dir().join("s")).unwrap();
    any.start().unwrap();
}

#[summon(unix = [ACTOR, "boot", "30", "abstract", "of-{port}"], socket = "@of-{port}")]
#[test]
fn an_abstract_socket_accepts_and_has_seen_no_connection(server: &Process) {
    let name = SocketAddr::from_abstract_name(format!("of-{}", server.port())).unwrap();
    let mut answer = String::new();
    let mut stream = UnixStream::connect_addr(&name).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert_eq!(answer.trim(), "1");
}

#[test]
fn a_strangers_abstract_socket_is_never_ours() {
    let server = Coordinated::with(actor(["wait"]), probe::unix("@{dir}/s"));
    let name = format!("{}/s", server.dir().display());
    let name = SocketAddr::from_abstract_name(name).unwrap();
    let _stranger = UnixListener::bind_addr(&name).unwrap();
    let error = server.start().unwrap_err().to_string();
    let who = format!(
        "/s: another process listens there: pid {}, `",
        std::process::id()
    );
    assert!(error.contains(&who), "{error}");
    assert!(error.contains("unix @/"), "{error}");
}

#[test]
fn an_abstract_name_that_nobody_has_is_not_ready() {
    let expected = "/s: nothing listens there (";
    let error = error_at_limit(expected, |limit| {
        let server = Coordinated::with(actor(["wait"]), probe::unix("@{dir}/s"));
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with("actor was not ready within "), "{error}");
    for (name, why) in [
        ("@", "the abstract name of the socket is empty"),
        (
            &*format!("@{}", "x".repeat(108)),
            "and may have at most 107",
        ),
    ] {
        let error = Coordinated::with(actor(["wait"]), probe::unix(name)).start();
        let error = error.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told() {
    let path = format!("{{dir}}/{}", "x".repeat(100));
    let error = Coordinated::with(actor(["wait"]), probe::unix(path)).start();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("a Unix socket allows at most 107"),
        "{error}"
    );
}

#[test]
fn relative_paths_are_the_programs() {
    let script = actor(["unix", "s", "boot", "20", "touch", "up"]);
    let server = Coordinated::with(script, probe::unix("s"))
        .and(probe::file("./up"))
        .current_dir("{dir}");
    server.start().unwrap();
    assert!(server.dir().join("up").exists());
}

#[summon(file = [ACTOR, "boot", "30", "touch", "{dir}/up"], path = "{dir}/up")]
#[test]
fn a_file_is_there(server: &Process) {
    assert!(server.dir().join("up").exists());
}

#[test]
fn a_file_in_directories_that_come_later_is_seen() {
    let script = "sleep 0.02; mkdir a; sleep 0.02; mkdir a/b; echo up >a/b/up; exec sleep 1000";
    let server = Coordinated::with(script, probe::file("{dir}/a/b/up"))
        .shell(true)
        .current_dir("{dir}");
    server.start().unwrap();
}

#[summon(file = [ACTOR, "touch", "{dir}/up", "boot", "50", "record", "{dir}/up", "up"], path = "{dir}/up", not_empty = true)]
#[test]
fn a_file_has_something_in_it_if_asked(server: &Process) {
    assert_eq!(recorded(server.dir().join("up").to_str().unwrap()), ["up"]);
}

#[test]
fn a_file_that_stays_empty_is_told() {
    let script = || actor(["touch", "{dir}/up"]);
    Coordinated::with(script(), probe::file("{dir}/up"))
        .start()
        .unwrap();
    let expected = "/up: it is empty (";
    let error = error_at_limit(expected, |limit| {
        let empty = Coordinated::with(script(), probe::file("{dir}/up").not_empty(true));
        empty.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_file_from_before_counts_once_it_has_changed() {
    let script = actor(["await", "{dir}/go", "touch", "{dir}/up"]);
    let server = Coordinated::with(script, probe::file("{dir}/up")).timeout("5s");
    std::fs::write(server.dir().join("up"), "").unwrap();
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    assert!(
        error
            .to_string()
            .contains("/up: it existed before the start, and has not changed (")
    );
    std::fs::write(server.dir().join("go"), "").unwrap();
    server.start().unwrap();
    // After a restart, the file of the earlier run does not count.
    std::fs::remove_file(server.dir().join("go")).unwrap();
    assert!(server.restart().unwrap_err().is_timeout());
}

#[test]
fn a_link_that_points_nowhere_yet_is_no_file() {
    let script = "ln -s later up; sleep 0.05; echo >later; exec sleep 1000";
    let server = Coordinated::with(script, probe::file("up"))
        .shell(true)
        .current_dir("{dir}");
    server.start().unwrap();
    assert!(server.dir().join("later").exists());
}

#[summon(exec = [ACTOR, "boot", "30", "touch", "{dir}/up"], probe = "test -e {dir}/up")]
#[test]
fn a_command_succeeds(server: &Process) {
    assert!(server.dir().join("up").exists());
}

#[test]
fn a_command_has_the_directory_and_the_environment_of_the_process() {
    let check = [
        "sh",
        "-c",
        "test \"$WHO\" = lisa && test -e here && test \"$0\" = {port}",
        "{port}",
    ];
    let server = Coordinated::with(actor(["touch", "here"]), probe::exec(check))
        .env("WHO", "{name}")
        .named("lisa")
        .current_dir("{dir}");
    server.start().unwrap();
}

#[test]
fn a_command_that_fails_is_told_with_what_it_said() {
    let check = ["sh", "-c", "echo no response >&2; exit 2"];
    let expected = "`: it exited with code 2: no response (";
    let error = error_at_limit(expected, |limit| {
        let server = Coordinated::with(actor(["wait"]), probe::exec(check));
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with("actor was not ready within "), "{error}");
}

#[test]
fn a_command_that_the_end_of_the_process_cuts_short_does_not_hide_what_it_said_before() {
    // The second run of the command ends the process, and does not end itself.
    let check = "if mkdir {dir}/once; then echo no response; exit 2; fi
        touch {dir}/go; exec sleep 1000";
    let server = Coordinated::with(
        actor(["await", "{dir}/go", "exit", "5"]),
        probe::exec(["sh", "-c", check]),
    );
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("`: it exited with code 2: no response ("),
        "{error}"
    );
}

#[test]
fn a_command_that_is_missing_or_wrong_is_told_at_once() {
    let start = |check: &str| {
        let server = Coordinated::with(actor(["wait"]), probe::exec(check)).timeout("1h");
        server.start().unwrap_err().to_string()
    };
    let missing = start("no-such-program --ready");
    assert!(
        missing.contains("`no-such-program` is not in PATH"),
        "{missing}"
    );
    let quote = start("sh -c 'a");
    assert!(
        quote.contains("the probe: the command `sh -c 'a` has a quote"),
        "{quote}"
    );
    let word = start("echo {prot}");
    assert!(word.contains("`{prot}` is not a placeholder"), "{word}");
}

#[test]
fn a_command_that_hangs_is_killed_with_all_it_started_and_run_again() {
    let dir = TempDir::new();
    // The first run of the command hangs, with a child in a separate session. Later runs succeed.
    let hang = format!(
        "if mkdir {{dir}}/once; then exec {ACTOR} stranger 'record {0} child' record {0} hangs; fi",
        dir.file("record")
    );
    let server = Coordinated::with(actor(["wait"]), probe::exec(["sh", "-c", &hang]));
    let began = Instant::now();
    server.start().unwrap();
    assert!(began.elapsed().as_millis() >= 1000);
    let text = std::fs::read_to_string(dir.file("record")).unwrap();
    let pids = text.lines().map(|line| line.rsplit(' ').next().unwrap());
    let lives: Vec<Life> = pids
        .filter_map(|pid| Life::of(pid.parse().unwrap()))
        .collect();
    let ours = |life: &Life| life.what.contains(&dir.file("record"));
    assert_eq!(recorded(&dir.file("record")).len(), 2);
    assert!(!lives.iter().any(ours), "{lives:?}");
}

#[test]
fn a_command_that_hangs_does_not_hide_the_end_of_the_process() {
    let server = Coordinated::with(
        actor(["await", "{dir}/go", "exit", "5"]),
        probe::exec("sleep 1000"),
    )
    .timeout("2m");
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start().unwrap_err());
        eventually("it runs", || server.is_running());
        let began = Instant::now();
        std::fs::write(server.dir().join("go"), "").unwrap();
        let error = starting.join().unwrap();
        assert_eq!(error.exit_status().unwrap().code(), Some(5));
        // The command alone has a limit of one second.
        assert!(began.elapsed().as_millis() < 900, "{:?}", began.elapsed());
    });
}

#[test]
fn a_server_that_is_reused_is_asked_by_command_too() {
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = Coordinated::with("no-such-program", probe::tcp("127.0.0.1", port))
        .and(probe::exec("true"))
        .reuse(true);
    server.start().unwrap();
}

#[test]
fn nothing_of_a_service_manager_is_passed_on() {
    // These variables are for the test process, and would mislead its services.
    let names = ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"];
    let mut script = vec![ACTOR.to_owned()];
    names
        .iter()
        .for_each(|name| script.extend(["env".to_owned(), (*name).to_owned()]));
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "probes::run_by_another_under_a_service_manager",
            "--ignored",
        ])
        .envs(names.map(|name| (name, "1")))
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
}

#[test]
#[ignore = "another test runs it, with variables of a service manager's"]
fn run_by_another_under_a_service_manager() {
    assert_eq!(std::env::var("LISTEN_FDS").as_deref(), Ok("1"));
    let script = actor([
        "env",
        "NOTIFY_SOCKET",
        "env",
        "LISTEN_FDS",
        "env",
        "LISTEN_PID",
        "say",
        "up",
    ]);
    let server = Coordinated::with(script, probe::output("^up$"));
    server.start().unwrap();
    let expected = "NOTIFY_SOCKET=(unset)\nLISTEN_FDS=(unset)\nLISTEN_PID=(unset)\nup\n";
    assert_eq!(String::from_utf8_lossy(&server.output()), expected);
    let given = SimpleExecutor::new("sleep 1000").env("LISTEN_FDS", "7");
    given.start().unwrap();
}
