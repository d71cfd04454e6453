//! Plays a test process that runs an image, and ends in some way.
//!
//! Usage: `owner_image IMAGE SCRIPT ENDING`. A shell of the image runs the script, which serves port 80.
//! The process prints `ready` when it does, and ends when its stdin ends. With the ending `wait`
//! it waits until another process ends it.

use std::io::Write;

use summon::TcpCoordinatedExecutor;

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
    server.start().unwrap();
    println!("ready");
    std::io::stdout().flush().unwrap();
    if ending != "wait" {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
    match ending.as_str() {
        "return" => std::mem::forget(server),
        "exit" => std::process::exit(7),
        "abort" => std::process::abort(),
        "panic" => panic!("this panic is part of a test"),
        _ => loop {
            std::thread::park();
        },
    }
}
