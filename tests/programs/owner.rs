//! Plays a test process: starts a service, prints its directory and pids, and ends in some way.
//!
//! Usage: `owner SERVICE ENDING ACTOR`. `SERVICE` is a name from the list below, or `port N`. The
//! owner prints `main`, and then `ready <dir> <pid> <pid>` when the service and a sleeper are
//! ready. It then ends when its stdin ends, or waits until another process ends it.
use std::io::Write;
use std::time::{Duration, Instant};

use summon::{OutputCoordinatedExecutor, SimpleExecutor};

/// The grace of processes that ignore TERM.
const GRACE: &str = "150ms";
const STUBBORN: &str = "ignore say up";

fn main() {
    println!("main");
    // Skips the program's name, which can have any bytes.
    let words = std::env::args_os().skip(1);
    let words: Vec<String> = words.map(|word| word.into_string().unwrap()).collect();
    let [service, ending, actor] = &words[..] else {
        panic!("usage: owner SERVICE ENDING ACTOR");
    };
    if let Some(port) = service.strip_prefix("port ") {
        return hold_port(port.parse().expect("a port"), actor);
    }
    let script: &[&str] = match service.as_str() {
        "plain" | "another" | "open" | "linked" => &["fds"],
        "stubborn" => &["child", STUBBORN, "child", STUBBORN, "stranger", STUBBORN],
        "daemon" => &["daemon", STUBBORN],
        other => panic!("no such service: {other}"),
    };
    let (is_another, is_open) = (service == "another", service == "open");
    let is_linked = service == "linked";
    let mut service = OutputCoordinatedExecutor::new([actor.as_str()], "^ready$")
        .args(script.iter().copied())
        .args(["say", "ready"])
        .stop_timeout(GRACE);
    if is_another {
        service = service.user("nobody");
    }
    if is_open {
        service = service.dir_mode(0o755);
    }
    service.start().unwrap();
    // The processes say `up` when they ignore TERM, and all must do so before this process ends.
    let stubborn = script.iter().filter(|word| **word == STUBBORN).count();
    let limit = Instant::now() + Duration::from_secs(20);
    while String::from_utf8_lossy(&service.output())
        .matches("up\n")
        .count()
        < stubborn
    {
        assert!(Instant::now() < limit, "`up` never came");
        std::thread::yield_now();
    }
    let sleeper = SimpleExecutor::new("sleep 1000").stop_timeout(GRACE);
    sleeper.start().unwrap();
    let served = SimpleExecutor::new("sleep {port}");
    let link = is_linked.then(|| served.link().unwrap());
    let pids = [&service.id(), &sleeper.id()].map(|id| id.unwrap().to_string());
    println!("ready {} {}", service.dir().display(), pids.join(" "));
    std::io::stdout().flush().unwrap();
    if ending != "wait" {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
    if ending == "return" {
        std::mem::forget((service, sleeper, link));
        return;
    }
    end(ending);
}

/// Serves a fixed port, records that, and waits until another process ends it.
fn hold_port(port: u16, actor: &str) {
    let record = std::env::var("RECORD").expect("RECORD is set");
    let addr = format!("127.0.0.1:{port}");
    let script = ["ignore", "listen", &addr, "record", &record, "owner"];
    let server = summon::TcpCoordinatedExecutor::new([actor], "127.0.0.1", port)
        .args(script)
        .stop_timeout("300ms");
    server.start().unwrap();
    println!("ready {} {}", server.dir().display(), server.id().unwrap());
    end("wait");
}

fn end(ending: &str) {
    match ending {
        "exit" => std::process::exit(7),
        "abort" => std::process::abort(),
        "overflow" => {
            std::hint::black_box(overflow(0));
        }
        "panic" => panic!("this panic is part of a test"),
        "wait" => loop {
            std::thread::park();
        },
        other => panic!("no such ending: {other}"),
    }
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn overflow(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 128]);
    overflow(depth + 1) + frame[3]
}
