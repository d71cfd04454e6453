//! Measures the cost of summon: processor time during a wait, time of a start and of a stop,
//! memory.
//!
//! Run it with `cargo bench --bench cost`. `-- quick` runs fewer rounds, and measures no waits.

mod common;

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{ACTOR, Figures, asked, milliseconds, row};
use summon::{
    Coordinated, Executor, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor, orchestrated, probe,
};

fn main() {
    let Some(quick) = asked() else { return };
    row(&["figure", "summon", "beside it, in the same run", "ratio"]);
    row(&["---"; 4]);
    start_and_stop(if quick { 50 } else { 300 });
    stop(if quick { 50 } else { 300 });
    many(if quick { 2 } else { 10 });
    memory();
    if !quick {
        println!();
        processor(5);
        requests();
    }
}

fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / other.as_secs_f64())
}

/// Compares the start of a server that is ready at once with a loop that spins, and a stop with a
/// kill.
fn start_and_stop(rounds: usize) {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        let began = Instant::now();
        let server =
            TcpCoordinatedExecutor::new([ACTOR, "listen", "127.0.0.1:{port}"], "127.0.0.1", 0);
        server.start().expect("it starts");
        server.stop().expect("it stops");
        ours.add(began.elapsed());
        let addr = format!("127.0.0.1:{}", free_port());
        let began = Instant::now();
        let child = spawn(&["listen", &addr]);
        spin(&addr);
        end(child);
        theirs.add(began.elapsed());
    }
    let (one, other) = (ours.median(), theirs.median());
    row(&[
        "start and stop of a server that is ready at once",
        &format!("{} ms", milliseconds(one)),
        &format!(
            "spawn, a loop that spins, kill, wait: {} ms",
            milliseconds(other)
        ),
        &ratio(one, other),
    ]);
}

/// Measures the stop of a server that ends at once.
fn stop(rounds: usize) {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        let server = SimpleExecutor::new("sleep 1000");
        server.start().expect("it starts");
        let began = Instant::now();
        server.stop().expect("it stops");
        ours.add(began.elapsed());
        let child = Command::new("sleep")
            .arg("1000")
            .spawn()
            .expect("it starts");
        let began = Instant::now();
        end(child);
        theirs.add(began.elapsed());
    }
    let (one, other) = (ours.median(), theirs.median());
    row(&[
        "stop of a server that exits at once",
        &format!("{} ms", milliseconds(one)),
        &format!("kill, wait: {} ms", milliseconds(other)),
        &ratio(one, other),
    ]);
}

const MANY: usize = 128;

/// Compares a set of many servers with a program that spawns all servers, and then spins on each.
fn many(rounds: usize) {
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        let began = Instant::now();
        let server = |number: usize| {
            let words = [ACTOR, "boot", "200", "listen", "127.0.0.1:{port}"];
            TcpCoordinatedExecutor::new(words, "127.0.0.1", 0).named(format!("server-{number}"))
        };
        let servers: Vec<_> = (0..MANY).map(server).collect();
        orchestrated(&servers)
            .expect("they start")
            .stop()
            .expect("they stop");
        ours.add(began.elapsed());
        drop(servers);
        let addrs: Vec<String> = (0..MANY)
            .map(|_| format!("127.0.0.1:{}", free_port()))
            .collect();
        let began = Instant::now();
        let children: Vec<Child> = addrs
            .iter()
            .map(|addr| spawn(&["boot", "200", "listen", addr]))
            .collect();
        addrs.iter().for_each(|addr| spin(addr));
        children.into_iter().for_each(end);
        theirs.add(began.elapsed());
    }
    let (one, other) = (ours.median(), theirs.median());
    row(&[
        &format!("{MANY} servers with a 200 ms boot as one set, start and stop"),
        &format!("{} ms", milliseconds(one)),
        &format!(
            "spawn all, spin on each, kill all: {} ms",
            milliseconds(other)
        ),
        &ratio(one, other),
    ]);
}

fn free_port() -> u16 {
    SimpleExecutor::new("true").port()
}

fn spawn(words: &[&str]) -> Child {
    Command::new(ACTOR)
        .args(words)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn spin(addr: &str) {
    while TcpStream::connect(addr).is_err() {}
}

fn end(mut child: Child) {
    child.kill().expect("our own child");
    child.wait().expect("our own child");
}

/// Measures the private memory of a guard.
fn memory() {
    let server = SimpleExecutor::new("sleep 1000");
    server.start().expect("it starts");
    let guard = parent(server.id().expect("it runs"));
    let text = fs::read_to_string(format!("/proc/{guard}/smaps_rollup")).expect("of our own");
    let private: u64 = text
        .lines()
        .filter(|line| line.starts_with("Private_"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum();
    row(&[
        "memory of a guard, private",
        &format!("{private} KiB"),
        "",
        "",
    ]);
}

fn parent(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("of our own");
    let rest = &stat[stat.rfind(')').expect("a name") + 2..];
    rest.split(' ')
        .nth(1)
        .and_then(|pid| pid.parse().ok())
        .expect("a parent")
}

const SICK: &str = "http, of a server that answers 503";

/// The duration of each wait, in milliseconds.
const WAIT: &str = "5000";

/// The part of each wait that is measured.
const MEASURED: Duration = Duration::from_millis(4900);

/// Measures the processor time of this process and of the guards during a wait.
fn processor(rounds: usize) {
    println!("Processor time of the test process and its guards together, in a wait of 5 s:");
    println!();
    row(&["waiting for", "of a core"]);
    row(&["---"; 2]);
    let kinds = [
        "output", "unix", "file", "notify", "tcp", "udp", "http", SICK, "exec",
    ];
    for kind in kinds {
        let mut all = Figures::default();
        for _ in 0..rounds {
            let server = booting(kind);
            let before = used();
            let waited = std::thread::scope(|scope| {
                let start = scope.spawn(|| server.start().expect("it starts"));
                // Before the end of the wait: the helper of a probe ends with it, and would not be counted.
                std::thread::sleep(MEASURED);
                assert!(!start.is_finished(), "{kind}: the wait is too short");
                used() - before
            });
            all.add(waited);
            server.stop().expect("it stops");
        }
        percent(kind, all.median(), MEASURED);
    }
    for (name, pause) in [
        ("a loop that connects every 10 ms", 10),
        ("a loop that spins", 0),
    ] {
        let addr = format!("127.0.0.1:{}", free_port());
        let before = used();
        let child = spawn(&["boot", WAIT, "listen", &addr]);
        while TcpStream::connect(&addr).is_err() {
            if pause > 0 {
                std::thread::sleep(Duration::from_millis(pause));
            }
        }
        percent(name, used() - before, Duration::from_secs(5));
        end(child);
    }
}

/// Counts the requests in a wait of 30 s for a server that answers 503.
fn requests() {
    let words = [ACTOR, "http", "127.0.0.1:{port}", "503"];
    let server = HttpCoordinatedExecutor::new(words, "http://127.0.0.1:{port}/").timeout("30s");
    let error = server.start().expect_err("it stays ill");
    assert!(error.is_timeout(), "{error}");
    let requests = String::from_utf8_lossy(&server.output())
        .matches("GET /")
        .count();
    println!();
    println!("Requests in 30 s, to a server that answers 503: {requests}");
}

fn percent(what: &str, used: Duration, of: Duration) {
    let share = used.as_secs_f64() / of.as_secs_f64();
    row(&[what, &format!("{:.3} %", share * 100.0)]);
}

fn booting(kind: &str) -> Box<dyn Executor> {
    let words = |ready: &[&str]| -> Vec<String> {
        let all = [ACTOR, "boot", WAIT]
            .into_iter()
            .chain(ready.iter().copied());
        all.map(str::to_owned).collect()
    };
    let listens = ["listen", "127.0.0.1:{port}"];
    match kind {
        "output" => Box::new(OutputCoordinatedExecutor::new(
            words(&["say", "ready"]),
            "^ready$",
        )),
        "unix" => Box::new(Coordinated::with(
            words(&["unix", "{dir}/s"]),
            probe::unix("{dir}/s"),
        )),
        "file" => Box::new(Coordinated::with(
            words(&["touch", "{dir}/up"]),
            probe::file("{dir}/up"),
        )),
        "notify" => Box::new(Coordinated::with(
            words(&["notify", "READY=1"]),
            probe::notify(),
        )),
        "tcp" => Box::new(TcpCoordinatedExecutor::new(words(&listens), "127.0.0.1", 0)),
        "udp" => {
            let words = words(&["udp", "127.0.0.1:{port}"]);
            Box::new(Coordinated::with(words, probe::udp("127.0.0.1", 0)))
        }
        "http" => {
            let words = words(&["http", "127.0.0.1:{port}", "200"]);
            Box::new(HttpCoordinatedExecutor::new(
                words,
                "http://127.0.0.1:{port}/",
            ))
        }
        SICK => {
            // The server listens from the start, and answers 503 until it is ready.
            let words = [ACTOR, "sick", "127.0.0.1:{port}", WAIT];
            Box::new(HttpCoordinatedExecutor::new(
                words,
                "http://127.0.0.1:{port}/",
            ))
        }
        _ => {
            let words = words(&["touch", "{dir}/up"]);
            Box::new(Coordinated::with(words, probe::exec("test -e {dir}/up")))
        }
    }
}

/// Returns the processor time of this process and its copies, the warden and the guards.
fn used() -> Duration {
    let me = fs::read_link("/proc/self/exe").expect("of our own");
    let mut nanoseconds = 0;
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        // `self` is a link to another entry.
        if entry.file_name().to_string_lossy().parse::<u32>().is_err() {
            continue;
        }
        if fs::read_link(entry.path().join("exe")).ok().as_ref() != Some(&me) {
            continue;
        }
        for task in fs::read_dir(entry.path().join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let used = stat
                .split(' ')
                .next()
                .and_then(|used| used.parse::<u64>().ok());
            nanoseconds += used.unwrap_or_default();
        }
    }
    Duration::from_nanos(nanoseconds)
}
