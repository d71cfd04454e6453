//! A node of a cluster. The test tells it when to connect to another node. The first line of a client
//! is an order:
//!
//! | line | action |
//! | --- | --- |
//! | `echo` | sends all bytes back |
//! | `dial ADDR` | connects, and passes all bytes on in both directions |
//! | `orphan ADDR` | does the same in a process whose parent has ended |
//! | `headless ADDR` | does the same in such a process without its first thread |
//! | `apart ADDR` | does the same in a thread with descriptors of its own |
//! | `shout ADDR TEXT` | connects, sends a line, and closes the connection at once |
//! | `crowd N` | starts N threads that wait |
//! | `hide ADDR TEXT` | does so in a process that forks all the time, and keeps the connection meanwhile |
//!
//! It prints all other lines.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::thread;

use crate::net;

pub(crate) fn bridge(addr: &str) {
    let listener = net::bind(addr);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client));
        }
    });
}

fn serve(client: TcpStream) {
    let line = line(&client);
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    match words.as_slice() {
        ["echo"] => pass(&client, &client),
        ["dial", addr] => join(&client, addr),
        ["orphan", addr] => orphan(client, "dial", addr),
        ["headless", addr] => orphan(client, "headless dial", addr),
        ["apart", addr] => orphan(client, "apart dial", addr),
        ["crowd", count] => {
            let wait = || loop {
                thread::park();
            };
            let small = || thread::Builder::new().stack_size(64 << 10);
            for _ in 0..count.parse().expect("a number") {
                small().spawn(wait).expect("a thread");
            }
            let _ = writeln!(&client, "done");
        }
        ["hide", addr, text] => {
            let actor = std::env::current_exe().expect("its own path");
            let script = ["shout", addr, text, "chain", "20000", "exit", "0"];
            let hidden = Command::new(actor).args(script).status();
            let _ = writeln!(&client, "{}", hidden.map_or("failed", |_| "done"));
        }
        ["shout", addr, text] => {
            if let Ok(mut stream) = TcpStream::connect(addr) {
                let _ = writeln!(stream, "{text}");
            }
            let _ = writeln!(&client, "done");
        }
        _ => println!("{line}"),
    }
}

/// Reads a line, and no byte more.
fn line(mut client: &TcpStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while client.read(&mut byte).is_ok_and(|read| read == 1) && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).into_owned()
}

fn join(client: &TcpStream, addr: &str) {
    let Ok(server) = TcpStream::connect(addr) else {
        return;
    };
    thread::scope(|threads| {
        threads.spawn(|| pass(client, &server));
        pass(&server, client);
    });
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn orphan(client: TcpStream, words: &str, addr: &str) {
    let actor = std::env::current_exe().expect("its own path");
    // A shell gives a program in the background no input, unless a redirection names it.
    let script = format!(r#"exec 3<&0; "$0" {words} "$1" <&3 & exit"#);
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(actor).arg(addr);
    let shell = shell.stdin(OwnedFd::from(client)).status();
    shell.expect("a shell");
}

pub(crate) fn dial(addr: &str) {
    let client = std::io::stdin().as_fd().try_clone_to_owned();
    join(&TcpStream::from(client.expect("a descriptor")), addr);
    std::process::exit(0);
}
