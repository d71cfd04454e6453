//! Several kinds of readiness at once, and the values in a banner.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use summon::{
    Coordinated, HttpCoordinatedExecutor, OutputCoordinatedExecutor, Process,
    TcpCoordinatedExecutor, orchestrated, probe, summon,
};

use crate::support::{ACTOR, actor, ask, error_at_limit, eventually, tcp};

#[test]
fn all_must_be_ready_one_after_the_other() {
    let server = tcp(
        [
            "listen",
            "127.0.0.1:{port}",
            "await",
            "{dir}/go",
            "say",
            "up",
            "boot",
            "20",
            "touch",
            "{dir}/up",
        ],
        "localhost",
    )
    .and(probe::output("^up$"))
    .and(probe::file("{dir}/up"));
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| server.start());
        eventually("it listens", || {
            std::net::TcpStream::connect(server.addr()).is_ok()
        });
        assert!(!starting.is_finished());
        std::fs::write(server.dir().join("go"), "").unwrap();
        starting.join().unwrap().unwrap();
    });
    assert!(server.dir().join("up").exists());
}

#[test]
fn each_is_told_in_the_error() {
    let server = tcp(["listen", "127.0.0.1:{port}"], "127.0.0.1")
        .and(probe::any((probe::output("^up$"), probe::file("{dir}/up"))))
        .and(probe::notify())
        .timeout("5s");
    let error = server.start().unwrap_err().to_string();
    let port = server.port();
    assert!(
        error.contains(&format!("\n  waiting   tcp 127.0.0.1:{port}: ready\n")),
        "{error}"
    );
    assert!(
        error.contains("\n            a line that matches `^up$`: no such line ("),
        "{error}"
    );
    assert!(error.contains("\n            or file "), "{error}");
    assert!(error.contains("/up: nothing is there ("), "{error}");
    let last = "\n            notify READY=1: not checked, since an earlier probe is not ready\n";
    assert!(error.contains(last), "{error}");
}

#[test]
fn one_that_was_ready_and_is_not_any_more_does_not_count() {
    // The first probe is ready on the first look, and then not again for a while. The second probe is
    // not ready on its first look.
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&looks);
    let first = move |_: &probe::Target<'_>| match seen.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        looks if looks > 20 => Ok(()),
        _ => Err("gone again"),
    };
    let others = AtomicUsize::new(0);
    let second = move |_: &probe::Target<'_>| match others.fetch_add(1, Ordering::Relaxed) {
        0 => Err("not yet"),
        _ => Ok(()),
    };
    let server = Coordinated::with(actor(["wait"]), first).and(second);
    server.start().unwrap();
    assert!(looks.load(Ordering::Relaxed) > 20);
}

#[test]
fn any_of_several_will_do() {
    for word in ["file", "line"] {
        let script = match word {
            "file" => actor(["boot", "20", "touch", "{dir}/up"]),
            _ => actor(["boot", "20", "say", "up"]),
        };
        let any = probe::any((
            probe::file("{dir}/up"),
            probe::output("^up$"),
            probe::tcp("localhost", 0),
        ));
        Coordinated::with(script, any).start().unwrap();
    }
    let nothing: [probe::File; 0] = [];
    let error = Coordinated::with("sleep 1", probe::any(nothing))
        .start()
        .unwrap_err();
    assert!(error.to_string().contains("`any` of no probes"), "{error}");
}

#[test]
fn any_ends_when_all_have_given_up() {
    let never = |why: &'static str| Never(why);
    let any = probe::any([never("one"), never("two")]);
    let error = Coordinated::with("sleep 1000", any)
        .timeout("1h")
        .start()
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("sleep can't become ready\n"), "{text}");
    assert!(
        text.contains("Never: one (1 check") && text.contains("or Never: two (1 check"),
        "{text}"
    );
}

struct Never(&'static str);

impl probe::Probe for Never {
    fn look(&self, _: &probe::Target<'_>) -> Result<(), probe::NotReady> {
        Err(probe::NotReady::ever(self.0))
    }
}

#[summon(output = [ACTOR, "say", "ready", "boot", "30", "say", "ready", "say", "last"], banner = "^ready$", times = 2)]
#[test]
fn a_banner_may_have_to_come_several_times(server: &Process) {
    assert!(server.output().starts_with(b"ready\nready\n"));
}

#[test]
fn how_often_a_banner_came_is_told() {
    let script = actor(["say", "ready", "say", "ready"]);
    let expected = "3 lines that match `^ready$`: 2 such lines so far (";
    let error = error_at_limit(expected, |limit| {
        let server = OutputCoordinatedExecutor::new(&*script, "^ready$");
        server.times(3).timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
    let zero = OutputCoordinatedExecutor::new("sleep 1", "x")
        .times(0)
        .start()
        .unwrap_err();
    assert!(zero.to_string().contains("`times` is 0"), "{zero}");
}

#[summon(output = [ACTOR, "env", "API"], banner = "^API=", env("API", "{api.port} {api.token} {api.host}"))]
#[summon(
    output = [ACTOR, "listen", "127.0.0.1:{port:hidden}", "prompt", "listening on ", "say", "127.0.0.1:{port:hidden} with t0k-en"],
    banner = r"listening on (?<host>\S+):(?<port>\d+) with (?<token>\S+)$",
)]
#[test]
fn a_program_that_chooses_its_port_tells_it(client: &Process, api: &Process) {
    assert_eq!(api.port(), api.port_named("hidden"));
    assert_eq!(api.host(), "127.0.0.1");
    assert_eq!(ask(api.addr()), "1");
    assert_eq!(api.value("token").as_deref(), Some("t0k-en"));
    assert_eq!(api.value("nothing"), None);
    let expected = format!("API={} t0k-en 127.0.0.1\n", api.port());
    assert_eq!(String::from_utf8_lossy(&client.output()), expected);
}

#[test]
fn what_a_banner_tells_is_of_use_to_the_probes_behind_it() {
    let script = actor([
        "http",
        "127.0.0.1:{port:hidden}",
        "200",
        "boot",
        "20",
        "say",
        "port {port:hidden}",
    ]);
    let server = OutputCoordinatedExecutor::new(script, r"^port (?<port>\d+)$")
        .and(probe::http("http://127.0.0.1:{port}/health"))
        .and(probe::tcp("localhost", 0))
        .and(probe::exec("test {port} -gt 0"));
    server.start().unwrap();
    server
        .wait_for_output("^GET /health HTTP/1.1$", "20s")
        .unwrap();
    assert_eq!(server.addr().port(), server.port_named("hidden"));
}

#[test]
fn what_a_banner_has_not_told_is_not_known() {
    let script = actor(["say", "port 80"]);
    let own = OutputCoordinatedExecutor::new(script, r"^port (?<port>\d+)$").env("PORT", "{port}");
    let error = own.start().unwrap_err().to_string();
    let expected = "`{port}` needs its value before the start, but `(?<port>..)` in the banner sets it \
                    after the start";
    assert!(error.contains(expected), "{error}");
    let script = actor(["say", "key 1 {port:a} {key}"]);
    let own = OutputCoordinatedExecutor::new(script, r"^key (?<key>\d+) (?<port_b>\d+)");
    let error = own.start().unwrap_err().to_string();
    let expected = "`(?<key>..)` in the banner sets it after the start; remove one of them";
    assert!(error.contains(expected), "{error}");
    // The address in the form of a URL.
    let script = actor(["say", "http://[::1]:80/"]);
    let told = OutputCoordinatedExecutor::new(script, r"^http://(?<host>\S+):(?<port>\d+)/");
    told.start().unwrap();
    assert_eq!(told.addr().to_string(), "[::1]:80");
    let wrong =
        OutputCoordinatedExecutor::new(actor(["say", "port 99999"]), r"^port (?<port>\d+)$");
    let error = wrong.start().unwrap_err().to_string();
    assert!(
        error.contains("its banner reports `99999` as `port`, which is not a port"),
        "{error}"
    );
}

#[test]
fn each_start_learns_anew() {
    let script = "echo pid $$; exec sleep 1000";
    let server = OutputCoordinatedExecutor::new(script, r"^pid (?<pid>\d+)$").shell(true);
    server.start().unwrap();
    assert_eq!(server.value("pid"), server.id().map(|pid| pid.to_string()));
    server.restart().unwrap();
    assert_eq!(server.value("pid"), server.id().map(|pid| pid.to_string()));
    server.stop().unwrap();
    assert_eq!(server.value("pid"), None);
}

#[test]
fn two_fixed_ports_are_both_leased() {
    let (one, two) = (crate::turns::free_port(), crate::turns::free_port());
    let script = || {
        let (one, two) = (format!("127.0.0.1:{one}"), format!("127.0.0.1:{two}"));
        actor(["listen", &one, "boot", "20", "listen", &two])
    };
    let server =
        TcpCoordinatedExecutor::new(script(), "localhost", one).and(probe::tcp("127.0.0.1", two));
    server.start().unwrap();
    assert_eq!(server.addr().port(), one);
    std::thread::scope(|threads| {
        let other = || {
            TcpCoordinatedExecutor::new(script(), "localhost", two)
                .turn_timeout("20ms")
                .start()
        };
        let error = threads
            .spawn(other)
            .join()
            .unwrap()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("it did not get its turn on port {two}")),
            "{error}"
        );
    });
}

#[test]
fn an_http_probe_of_another_port_does_not_move_the_address() {
    let script = actor([
        "listen",
        "127.0.0.1:{port}",
        "http",
        "127.0.0.1:{port:admin}",
        "200",
    ]);
    let server = HttpCoordinatedExecutor::new(script, "http://127.0.0.1:{port:admin}/");
    server.start().unwrap();
    assert_eq!(server.addr().port(), server.port());
    assert_eq!(ask(server.addr()), "1");
}

#[test]
fn values_of_a_process_are_placeholders_of_the_whole_set() {
    let told =
        OutputCoordinatedExecutor::new(actor(["say", "key k1"]), "^key (?<key>.+)$").named("told");
    let user =
        OutputCoordinatedExecutor::new(actor(["env", "KEY"]), "^KEY=k1$").env("KEY", "{told.key}");
    drop(orchestrated((&user, &told)).unwrap());
    let wrong =
        OutputCoordinatedExecutor::new(actor(["env", "KEY"]), "^KEY").env("KEY", "{told.kye}");
    let error = orchestrated((&wrong, &told)).unwrap_err().to_string();
    assert!(
        error.contains("`{told.kye}` is not a placeholder"),
        "{error}"
    );
}
