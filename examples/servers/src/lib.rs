//! The part of HTTP that the servers of these examples need: one request per connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Answers all requests on a port of loopback, forever. `answer` gets the method and the path.
pub fn serve(port: u16, answer: impl Fn(&str, &str) -> Result<String, String>) -> std::io::Error {
    let listener = match TcpListener::bind(("127.0.0.1", port)) {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    loop {
        match listener.accept() {
            // A client that disconnects early is not an error of the server.
            Ok((stream, _)) => drop(talk(stream, &answer)),
            Err(error) => return error,
        }
    }
}

fn talk(
    mut stream: TcpStream,
    answer: impl Fn(&str, &str) -> Result<String, String>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?.take(8192)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // Reads the whole head, because a close with unread data resets the connection.
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (status, body) = match answer(method, path) {
        Ok(body) => ("200 OK", body),
        Err(body) => ("500 Internal Server Error", body),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
