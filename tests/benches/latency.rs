//! Measures the time from a server's readiness to the return of `start`.
//!
//! The actor notes the monotonic clock when it becomes ready. summon takes turns with two loops in
//! the same run: a loop that spins, which is the lower limit, and a loop that sleeps for 100 ms,
//! which is common practice. Run it with `cargo bench --bench latency`. `-- quick` runs fewer
//! rounds.

mod common;

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{ACTOR, Figures, asked, milliseconds, noted, now, row, scratch};
use summon::{
    Coordinated, Executor, HttpCoordinatedExecutor, OutputCoordinatedExecutor,
    TcpCoordinatedExecutor, probe,
};

/// A server that listens from the start, answers 503, and recovers.
const ILL: &str = "http after 503";

const KINDS: [&str; 10] = [
    "output", "unix", "file", "notify", "tcp", "daemon", "udp", "http", ILL, "exec",
];

/// Returns the actor's script: the words that make it ready, and the words that note the time.
fn script(kind: &str, boot: u64, note: &str) -> Vec<String> {
    let ready: &[&str] = match kind {
        "output" => &["mark", "say", "ready"],
        "unix" => &["unix", "{dir}/s", "mark"],
        "file" => &["mark", "touch", "{dir}/up"],
        "notify" => &["mark", "notify", "READY=1"],
        "tcp" => &["listen", "127.0.0.1:{port}", "mark"],
        "udp" => &["udp", "127.0.0.1:{port}", "mark"],
        "http" => &["http", "127.0.0.1:{port}", "200", "mark"],
        "exec" => &["touch", "{dir}/up", "mark"],
        "daemon" => return daemon(boot, note),
        ILL => {
            let boot = boot.to_string();
            let words = [ACTOR, "ill", "127.0.0.1:{port}", "boot", &boot];
            let words = words.into_iter().chain(["mark", "recover", "tell", note]);
            return words.map(str::to_owned).collect();
        }
        other => panic!("no such kind: {other}"),
    };
    let boot = boot.to_string();
    let mut words = vec![ACTOR, "boot", &boot];
    words.extend(ready);
    words.extend(["tell", note]);
    words.into_iter().map(str::to_owned).collect()
}

/// Returns a script that forks away. The server is ready when the first process ends, after its
/// child listens.
fn daemon(boot: u64, note: &str) -> Vec<String> {
    let boot = boot.to_string();
    let child = "listen 127.0.0.1:{port} touch {dir}/up";
    let words = [
        ACTOR, "boot", &boot, "daemon", child, "await", "{dir}/up", "mark", "tell", note, "exit",
        "0",
    ];
    words.map(str::to_owned).into()
}

fn executor(kind: &str, words: Vec<String>) -> Box<dyn Executor> {
    match kind {
        "output" => Box::new(OutputCoordinatedExecutor::new(words, "^ready$")),
        "unix" => Box::new(Coordinated::with(words, probe::unix("{dir}/s"))),
        "file" => Box::new(Coordinated::with(words, probe::file("{dir}/up"))),
        "notify" => Box::new(Coordinated::with(words, probe::notify())),
        "daemon" => {
            let server = TcpCoordinatedExecutor::new(words, "127.0.0.1", 0);
            Box::new(server.daemon(true))
        }
        "tcp" => Box::new(TcpCoordinatedExecutor::new(words, "127.0.0.1", 0)),
        "udp" => Box::new(Coordinated::with(words, probe::udp("127.0.0.1", 0))),
        "http" | ILL => {
            let url = "http://127.0.0.1:{port}/";
            Box::new(HttpCoordinatedExecutor::new(words, url))
        }
        _ => Box::new(Coordinated::with(words, probe::exec("test -e {dir}/up"))),
    }
}

/// Returns the delay of `start`.
fn by_summon(kind: &str, boot: u64, note: &Path) -> Duration {
    let server = executor(kind, script(kind, boot, note.to_str().expect("UTF-8")));
    server.start().expect("it starts");
    let returned = now();
    let late = Duration::from_nanos(returned.saturating_sub(noted(note)));
    server.stop().expect("it stops");
    late
}

/// Returns the delay of a loop that connects, and sleeps between its attempts.
fn by_loop(pause: Duration, boot: u64, note: &Path) -> Duration {
    let port = free_port();
    let addr = format!("127.0.0.1:{port}");
    let boot = boot.to_string();
    let words = ["boot", &boot, "listen", &addr, "mark", "tell"];
    let mut child = Command::new(ACTOR)
        .args(words)
        .arg(note)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    while TcpStream::connect(&addr).is_err() {
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    let returned = now();
    let late = Duration::from_nanos(returned.saturating_sub(noted(note)));
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    late
}

fn free_port() -> u16 {
    summon::SimpleExecutor::new("true").port()
}

/// Returns the duration of one look that finds the server ready.
fn own_time(kind: &str) -> Duration {
    let mut times = Figures::default();
    for _ in 0..50 {
        let began = Instant::now();
        if kind == "exec" {
            let done = Command::new("test").args(["-e", "/"]).status();
            assert!(done.expect("`test` runs").success());
        } else {
            return own_time_of_http();
        }
        times.add(began.elapsed());
    }
    times.median()
}

fn own_time_of_http() -> Duration {
    use std::io::{Read, Write};
    let words = [ACTOR, "http", "127.0.0.1:{port}", "200"];
    let server = TcpCoordinatedExecutor::new(words, "127.0.0.1", 0);
    server.start().expect("it starts");
    let mut times = Figures::default();
    for _ in 0..50 {
        let began = Instant::now();
        let mut stream = TcpStream::connect(server.addr()).expect("it listens");
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).expect("it takes the request");
        let read = stream.read(&mut [0; 1024]).expect("it answers");
        assert!(read > 0);
        times.add(began.elapsed());
    }
    times.median()
}

/// Returns a different boot time for each round.
fn boot_of(boot: Option<u64>, round: u64) -> u64 {
    boot.unwrap_or_else(|| {
        // The golden ratio spreads the rounds over the range.
        (round * 618_033_989 % 1_000_000_007) % 400
    })
}

fn main() {
    let Some(quick) = asked() else { return };
    let dir = scratch("latency");
    let mut number = 0;
    let mut note = || -> PathBuf {
        number += 1;
        dir.join(number.to_string())
    };
    let plan: &[(Option<u64>, u64)] = match quick {
        true => &[(Some(0), 20), (Some(20), 20)],
        false => &[
            (Some(0), 100),
            (Some(20), 100),
            (Some(150), 40),
            (Some(1000), 25),
            (Some(4000), 10),
            (None, 40),
        ],
    };
    let own = [("http", own_time("http")), ("exec", own_time("exec"))];
    println!("From ready to `start` returned, in milliseconds: median (95th percentile).");
    println!(
        "Off http and exec is taken their own time: that of the attempt that sees it, and half"
    );
    println!("that of the one under way, which can't. An attempt takes:");
    for (kind, own) in own {
        println!("- {kind}: {} ms", milliseconds(own));
    }
    println!();
    row(&[
        "boot",
        "output",
        "unix",
        "file",
        "notify",
        "tcp",
        "daemon",
        "udp",
        "http",
        ILL,
        "exec",
        "spinning loop",
        "100 ms loop",
    ]);
    row(&["---"; 13]);
    for (boot, rounds) in plan {
        let mut figures = vec![Figures::default(); KINDS.len() + 2];
        for round in 0..*rounds {
            let boot = boot_of(*boot, round);
            for (kind, figures) in KINDS.iter().zip(&mut figures) {
                figures.add(by_summon(kind, boot, &note()));
            }
            let spinning = by_loop(Duration::ZERO, boot, &note());
            figures[KINDS.len()].add(spinning);
            let sleeping = by_loop(Duration::from_millis(100), boot, &note());
            figures[KINDS.len() + 1].add(sleeping);
        }
        for (kind, own) in own {
            let at = KINDS.iter().position(|it| *it == kind).expect("a kind");
            figures[at] = figures[at].beyond(own * 3 / 2);
        }
        let boot = boot.map_or("0 to 400 ms".to_owned(), |boot| format!("{boot} ms"));
        let mut cells = vec![boot];
        let shown =
            |it: &Figures| format!("{} ({})", milliseconds(it.median()), milliseconds(it.p95()));
        cells.extend(figures.iter().map(shown));
        row(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let _ = std::fs::remove_dir_all(dir);
}
