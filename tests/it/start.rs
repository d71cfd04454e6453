//! `start` returns when the program serves, and not earlier.

use std::net::TcpListener;

use summon::{
    Coordinated, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor, probe,
};

use crate::support::{TempDir, actor, ask, error_at_limit, eventually, recorded, tcp};

#[test]
fn waits_until_the_program_has_been_executed() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    assert!(!sleeper.is_running());
    sleeper.start().unwrap();
    assert!(sleeper.is_running());
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", sleeper.id().unwrap())).unwrap();
    assert_eq!(comm, "sleep\n");
}

#[test]
fn waits_until_it_listens_and_makes_no_connection() {
    let server = tcp(["boot", "50", "listen", "127.0.0.1:{port}"], "localhost");
    server.start().unwrap();
    assert_eq!(ask(server.addr()), "1");
}

#[test]
fn waits_until_a_url_answers_with_the_status() {
    let script = actor([
        "listen",
        "127.0.0.1:{port:other}",
        "http",
        "127.0.0.1:{port}",
        "204",
    ]);
    let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port}/health?deep=1");
    server.start().unwrap();
    assert!(
        server
            .wait_for_output(r"^GET /health\?deep=1 HTTP/1\.1$", "5s")
            .is_ok()
    );
}

#[test]
fn asks_over_http_as_it_was_told() {
    let script = actor(["http", "127.0.0.1:{port}", "503"]);
    let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port}")
        .method("HEAD")
        .header("X-Key", "a b")
        .status(500..=503);
    server.start().unwrap();
    server.wait_for_output(r"^HEAD / HTTP/1\.1$", "5s").unwrap();
    server.wait_for_output(r"^X-Key: a b$", "5s").unwrap();
}

#[test]
fn sends_a_body_with_its_length() {
    let script = actor(["http", "127.0.0.1:{port}", "200"]);
    let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port}/q")
        .method("POST")
        .body("1234567");
    server.start().unwrap();
    server.wait_for_output("^Content-Length: 7$", "5s").unwrap();
}

#[test]
fn a_wrong_status_is_not_ready() {
    let expected = "to answer 200 to 299: it answers 404";
    let error = error_at_limit(expected, |limit| {
        let script = actor(["http", "127.0.0.1:{port}", "404"]);
        let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port}/");
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with("actor was not ready within "), "{error}");
}

#[test]
fn a_server_that_never_answers_is_not_ready() {
    for word in ["mute", "drip"] {
        let expected = "it accepts the connection, but does not answer";
        let error = error_at_limit(expected, |limit| {
            let script = actor([word, "127.0.0.1:{port}"]);
            let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port}/");
            server.timeout(limit).start().unwrap_err()
        });
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("actor was not ready within "), "{error}");
    }
}

#[test]
fn localhost_is_also_ipv6() {
    let server = tcp(["listen", "[::1]:{port}"], "localhost");
    server.start().unwrap();
    assert!(server.addr().is_ipv6());
    assert_eq!(ask(server.addr()), "1");
    assert_eq!(server.url("x"), format!("http://[::1]:{}/x", server.port()));
}

#[test]
fn a_server_that_ends_at_the_first_connection_survives_its_own_readiness() {
    let server = tcp(["once", "127.0.0.1:{port}"], "127.0.0.1");
    server.start().unwrap();
    assert!(server.is_running());
    drop(std::net::TcpStream::connect(server.addr()).unwrap());
    assert!(server.wait("10s").unwrap().success());
}

#[test]
#[cfg_attr(not(has_nc), ignore = "nc is not on PATH")]
fn netcat_survives_its_own_readiness() {
    // Debian's two netcats disagree about whether the port needs `-p`. Both accept this form.
    let netcat = TcpCoordinatedExecutor::new("nc -l -p {port}", "localhost", 0);
    netcat.start().unwrap();
    drop(std::net::TcpStream::connect(netcat.addr()).unwrap());
    assert!(netcat.wait("10s").unwrap().success());
}

#[test]
fn a_process_that_exits_first_is_an_error_at_once_whatever_its_code() {
    for code in ["0", "3"] {
        for probe_is_tcp in [true, false] {
            let script = actor(["say", "bye", "exit", code]);
            let limit = "1h";
            let error = if probe_is_tcp {
                TcpCoordinatedExecutor::new(script, "localhost", 0)
                    .timeout(limit)
                    .start()
            } else {
                OutputCoordinatedExecutor::new(script, "never")
                    .timeout(limit)
                    .start()
            };
            let error = error.unwrap_err();
            assert_eq!(
                error.exit_status().unwrap().code().unwrap().to_string(),
                code
            );
            assert!(!error.is_timeout());
            assert_eq!(error.output(), b"bye\n");
            let headline = format!("actor exited with code {code} before it became ready\n");
            assert!(error.to_string().starts_with(&headline), "{error}");
        }
    }
}

#[test]
fn a_process_that_dies_of_a_signal_first_is_an_error_at_once() {
    let server = OutputCoordinatedExecutor::new(actor(["abort"]), "never").timeout("1h");
    let error = server.start().unwrap_err();
    assert!(
        error.to_string().contains("was killed by SIGABRT"),
        "{error}"
    );
}

#[test]
fn a_banner_does_not_save_a_process_that_has_exited() {
    // summon may see the end together with the banner, or a moment later. Both must be an error.
    // Otherwise the test's body would run without its server.
    for _ in 0..20 {
        let script = actor(["prompt", "ready", "exit", "0"]);
        let server = OutputCoordinatedExecutor::new(script, "ready");
        if server.start().is_ok() {
            assert!(server.wait("10s").unwrap().success());
        }
    }
}

#[test]
fn what_is_not_ready_in_time_is_stopped_with_all_its_descendants() {
    let dir = TempDir::new();
    let child = format!("ignore record {} child", dir.file("pids"));
    let server = tcp(["child", &child], "localhost")
        .timeout("1s")
        .stop_timeout("50ms");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    assert!(!server.is_running());
    let pids = std::fs::read_to_string(dir.file("pids")).unwrap();
    let pid = pids.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(!std::path::Path::new("/proc").join(pid).exists());
}

#[test]
fn a_time_out_covers_the_whole_start_and_is_counted_anew() {
    let server = OutputCoordinatedExecutor::new("sleep 1000", "never").timeout("2s");
    for _ in 0..2 {
        let error = server.start().unwrap_err();
        assert!(error.is_timeout());
        assert!(
            error
                .to_string()
                .starts_with("sleep was not ready within 2s\n"),
            "{error}"
        );
    }
}

#[test]
fn a_running_process_is_not_started_again() {
    let sleeper = SimpleExecutor::new("sleep 1000");
    sleeper.start().unwrap();
    let id = sleeper.id();
    assert!(sleeper.start().unwrap_err().is_already_running());
    assert_eq!(sleeper.id(), id);
}

#[test]
fn a_fixed_port_that_somebody_serves_is_an_error_that_names_him() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let server = TcpCoordinatedExecutor::new("sleep 1000", "localhost", port);
    let error = server.start().unwrap_err();
    assert!(error.is_already_running());
    let who = format!(
        "localhost:{port} is served by pid {}, `",
        std::process::id()
    );
    assert!(error.to_string().contains(&who), "{error}");
}

#[test]
fn a_strangers_server_is_never_ours() {
    let dir = TempDir::new();
    let server =
        TcpCoordinatedExecutor::new(actor(["record", &dir.file("up"), "up"]), "localhost", 0);
    // The stranger binds the port of our process after our process has started.
    let port = server.port();
    let stranger = std::thread::spawn({
        let up = dir.file("up");
        move || {
            eventually("the server runs", || !recorded(&up).is_empty());
            TcpListener::bind(("127.0.0.1", port)).unwrap()
        }
    });
    let error = server.start().unwrap_err();
    drop(stranger.join().unwrap());
    let text = error.to_string();
    let who = format!(
        "another process listens there: pid {}, `",
        std::process::id()
    );
    assert!(
        text.starts_with("actor can't become ready\n") && text.contains(&who),
        "{text}"
    );
}

#[test]
fn a_child_may_be_the_one_that_listens() {
    let server = tcp(["stranger", "listen 0.0.0.0:{port}"], "localhost");
    server.start().unwrap();
    assert_eq!(ask(server.addr()), "1");
}

#[test]
fn a_probe_of_ones_own_is_as_good() {
    // The file exists before its content does.
    let sees_line = |target: &probe::Target<'_>| {
        let content = std::fs::read_to_string(target.dir().join("up"));
        let content = content.map_err(|error| error.to_string())?;
        content
            .strip_suffix('\n')
            .map(drop)
            .ok_or("no line yet".to_owned())
    };
    let script = actor(["boot", "30", "record", "{dir}/up", "up"]);
    let server = Coordinated::with(script, sees_line);
    server.start().unwrap();
    assert_eq!(recorded(server.dir().join("up").to_str().unwrap()), ["up"]);
}

#[test]
fn a_probe_of_ones_own_knows_where_it_listens() {
    let greets = |target: &probe::Target<'_>| {
        let addr = target.addr();
        assert!(addr.is_ipv6() && addr.port() == target.port());
        std::net::TcpStream::connect(addr)
    };
    let server = tcp(["listen", "[::1]:{port}"], "localhost").and(greets);
    server.start().unwrap();
    // Without a probe that finds the address, the address is the same as before the start.
    let guessed = |target: &probe::Target<'_>| {
        let expected = std::net::SocketAddr::from(([127, 0, 0, 1], target.port()));
        (target.addr() == expected)
            .then_some(())
            .ok_or("it is another one")
    };
    Coordinated::with(actor(["wait"]), guessed).start().unwrap();
}

#[test]
fn a_program_that_ends_at_once_has_been_executed_all_the_same() {
    for _ in 0..50 {
        let job = SimpleExecutor::new(actor(["exit", "4"]));
        job.start().unwrap();
        assert_eq!(job.wait("20s").unwrap().code(), Some(4));
    }
}

#[test]
fn a_start_that_is_late_leaves_nothing() {
    for limit in ["0s", "50us", "200us", "1ms"] {
        // A duration that no other `sleep` uses.
        let seconds = format!("{}.{}", 40_000 + limit.len(), std::process::id());
        let late = OutputCoordinatedExecutor::new(["sleep", &seconds], "never").timeout(limit);
        assert!(late.start().unwrap_err().is_timeout());
        let sleeps = || {
            let entries = std::fs::read_dir("/proc").unwrap().flatten();
            let commands = entries.flat_map(|entry| std::fs::read(entry.path().join("cmdline")));
            let of_ours = |command: &Vec<u8>| command.ends_with(format!("{seconds}\0").as_bytes());
            commands.filter(of_ours).count()
        };
        assert_eq!(sleeps(), 0, "{limit}");
    }
}

#[test]
fn a_name_that_can_not_be_resolved_is_given_up_in_time() {
    let server = TcpCoordinatedExecutor::new("sleep 1000", "no-such-host.invalid", 0).timeout("2s");
    let error = server.start().unwrap_err();
    assert!(error.is_timeout());
    assert!(
        error
            .to_string()
            .contains("can't resolve `no-such-host.invalid`"),
        "{error}"
    );
}
