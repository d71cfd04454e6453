//! An HTTP server that says `hello`, and sends 100,000 bytes for the path `/big`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
    for stream in listener.incoming().map_while(Result::ok) {
        std::thread::spawn(move || answer(&stream));
    }
}

/// Answers all requests of a connection.
fn answer(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        // The rest of the head ends with an empty line.
        lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        let body = match request.contains(" /big ") {
            true => "x".repeat(100_000),
            false => "hello".to_owned(),
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}
