//! Plays a test process that runs an image, and ends in some way.
//!
//! Usage: `owner_image IMAGE SCRIPT ENDING`. A shell of the image runs the script, which serves port 80.
//! The process prints `ready` when it does, and ends when its stdin ends. With the ending `wait`
//! it waits until another process ends it. A script that names `{near.port}` has such a server beside it.

use std::io::Write;

use summon::{SimpleExecutor, TcpCoordinatedExecutor, orchestrated};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [image, script, ending] = &words[..] else {
        panic!("usage: owner_image IMAGE SCRIPT ENDING");
    };
    let server = TcpCoordinatedExecutor::new(["-c", script], "localhost", 80)
        .image(image)
        .entrypoint("sh")
        .named("server")
        .stop_timeout("300ms");
    let near = SimpleExecutor::new("sleep 1000 {port}").named("near");
    let near = near.listen_fd(true).stop_timeout("300ms");
    let scope = match script.contains("{near.port}") {
        true => Some(orchestrated((&near, &server)).unwrap()),
        false => {
            server.start().unwrap();
            None
        }
    };
    println!("ready");
    std::io::stdout().flush().unwrap();
    if ending != "wait" {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
    match ending.as_str() {
        "return" => {
            std::mem::forget(scope);
            std::mem::forget((near, server));
        }
        "exit" => std::process::exit(7),
        "abort" => std::process::abort(),
        "panic" => panic!("this panic is part of a test"),
        _ => loop {
            std::thread::park();
        },
    }
}
