//! Plays a test process that runs an image, and ends in some way.
//!
//! Usage: `owner_image IMAGE SCRIPT ENDING`. A shell of the image runs the script, which serves port 80.
//! The process prints its pid and the port, starts the container, prints `ready`, and ends when its stdin
//! ends. With the ending `wait` it waits until another process ends it. With `share`, the container is a
//! fixture of the run. `SUMMON_TEST_GRACE` is the time-out of its stop. A script that names `{near.port}` has such a server beside it.

use std::io::Write;

use summon::{Executor, Fixture, SimpleExecutor, TcpCoordinatedExecutor, orchestrated};

#[summon::fixture(executor = server(), scope = "run")]
static SHARED: Fixture<TcpCoordinatedExecutor>;

fn word(index: usize) -> String {
    let word = std::env::args().nth(index);
    word.expect("usage: owner_image IMAGE SCRIPT ENDING")
}

fn server() -> TcpCoordinatedExecutor {
    TcpCoordinatedExecutor::new(["-c", &word(2)], "localhost", 80)
        .image(word(1))
        .entrypoint("sh")
        // An anonymous volume.
        .engine_args(["-v", "/scratch"])
        .named("server")
        .timeout("2m")
        .stop_timeout(std::env::var("SUMMON_TEST_GRACE").unwrap_or("300ms".to_owned()))
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

fn main() {
    let (script, ending) = (word(2), word(3));
    let own = server();
    let server = match ending.as_str() {
        "share" => &*SHARED,
        _ => &own,
    };
    say(&format!("{} {}", std::process::id(), server.port()));
    let near = SimpleExecutor::new("sleep 1000 {port}").named("near");
    let near = near.listen_fd(true).stop_timeout("300ms");
    let mut scope = None;
    if script.contains("{near.port}") {
        scope = Some(orchestrated((&near, server)).unwrap());
    } else if ending != "share" {
        server.start().unwrap();
    }
    say("ready");
    if ending != "wait" {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
    match ending.as_str() {
        "return" | "share" => {
            std::mem::forget(scope);
            std::mem::forget((near, own));
        }
        "exit" => std::process::exit(7),
        "abort" => std::process::abort(),
        "panic" => panic!("this panic is part of a test"),
        _ => loop {
            std::thread::park();
        },
    }
}
