//! Measures the start and the stop of a container, beside the same commands of the engine typed by
//! hand, in one run.
//!
//! Run `tests/scripts/images`, and then `cargo bench --bench images`. `-- quick` runs fewer rounds.

mod common;

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Figures, asked, milliseconds, row};
use summon::TcpCoordinatedExecutor;

const IMAGE: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/actor:1");
/// Ends at once when it is asked to.
const SCRIPT: &str = "trap 'exit 0' TERM; actor listen 0.0.0.0:80 & wait";

fn engine() -> String {
    std::env::var("SUMMON_ENGINE").unwrap_or_else(|_| "docker".to_owned())
}

/// Runs a command of the engine, and returns its output.
fn typed(args: &[&str]) -> String {
    let ran = Command::new(engine())
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .expect("the engine runs");
    assert!(ran.status.success(), "{args:?}: {ran:?}");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// Waits until the server in the container answers.
fn until_it_answers(port: u16) {
    let limit = Instant::now() + Duration::from_secs(30);
    let answers = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let mut byte = [0];
        std::io::Read::read_exact(&mut &stream, &mut byte).ok()
    };
    while answers().is_none() {
        assert!(Instant::now() < limit, "it never answered");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns how long a start and a stop take by hand.
fn by_hand(port: u16) -> [Duration; 2] {
    let publish = format!("127.0.0.1:{port}:80");
    let began = Instant::now();
    let create = [
        "create",
        "-p",
        &publish,
        "--entrypoint",
        "sh",
        IMAGE,
        "-c",
        SCRIPT,
    ];
    let id = typed(&create);
    typed(&["start", &id]);
    until_it_answers(port);
    let started = began.elapsed();
    let began = Instant::now();
    typed(&["stop", "-t", "10", &id]);
    typed(&["rm", "-f", "-v", &id]);
    [started, began.elapsed()]
}

/// Returns how long they take with summon.
fn summoned() -> [Duration; 2] {
    let server = TcpCoordinatedExecutor::new(["-c", SCRIPT], "localhost", 80)
        .image(IMAGE)
        .entrypoint("sh");
    let began = Instant::now();
    server.start().expect("it starts");
    let started = began.elapsed();
    let began = Instant::now();
    server.stop().expect("it stops");
    [started, began.elapsed()]
}

fn main() {
    let Some(quick) = asked() else { return };
    if !cfg!(has_images) {
        println!("skipped: no engine has the images of `tests/scripts/images`");
        return;
    }
    let rounds = if quick { 5 } else { 20 };
    // The warden and the answer of the engine are common to all starts of a process.
    summoned();
    // Dropped here: the engine wants the port.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let mut figures = vec![[Figures::default(), Figures::default()]; 2];
    for _ in 0..rounds {
        for (figures, took) in figures.iter_mut().zip([by_hand(port), summoned()]) {
            figures[0].add(took[0]);
            figures[1].add(took[1]);
        }
    }
    println!("{}, in milliseconds: median (95th percentile).", engine());
    println!();
    row(&["", "by hand", "summon", "difference"]);
    row(&["---"; 4]);
    for (index, what) in ["start until it answers", "stop and removal"]
        .into_iter()
        .enumerate()
    {
        let [hand, ours] = [0, 1].map(|it: usize| &figures[it][index]);
        let shown =
            |it: &Figures| format!("{} ({})", milliseconds(it.median()), milliseconds(it.p95()));
        let more = ours.median().as_secs_f64() - hand.median().as_secs_f64();
        row(&[
            what,
            &shown(hand),
            &shown(ours),
            &format!("{:+.2}", more * 1000.0),
        ]);
    }
}
