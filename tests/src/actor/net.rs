//! The actor's servers. Each listens before it returns, and serves on a thread.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn bind(addr: &str) -> TcpListener {
    TcpListener::bind(addr).unwrap_or_else(|error| {
        eprintln!("can't listen on {addr}: {error}");
        std::process::exit(1)
    })
}

fn serve(addr: &str, mut each: impl FnMut(usize, TcpStream) + Send + 'static) {
    let listener = bind(addr);
    thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            each(count + 1, stream);
        }
    });
}

/// Tells each connection the how-manyth it is.
pub(crate) fn listen(addr: &str) {
    serve(addr, |count, mut stream| {
        let _ = writeln!(stream, "{count}");
    });
}

pub(crate) fn http(addr: &str, status: &str) {
    let status = status.to_owned();
    serve(addr, move |_, mut stream| {
        let head = head(&stream);
        let _ = write!(
            stream,
            "HTTP/1.1 {status} Some\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}",
            head.len()
        );
    });
}

fn head(stream: &TcpStream) -> String {
    let mut head = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        println!("{line}");
        head += &line;
        head.push('\n');
    }
    head
}

pub(crate) fn mute(addr: &str) {
    let mut held = Vec::new();
    serve(addr, move |_, stream| held.push(stream));
}

pub(crate) fn once(addr: &str) {
    serve(addr, |_, _| std::process::exit(0));
}

/// A byte a second is what it is about.
pub(crate) fn drip(addr: &str) {
    serve(addr, |_, mut stream| {
        thread::spawn(move || {
            for byte in b"HTTP/1.1 200 OK\r\n\r\n".iter().cycle() {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
    });
}
