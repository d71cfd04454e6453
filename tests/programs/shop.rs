//! Plays a service that a user tests. It counts visits in Redis, and takes its settings only from
//! the environment.
//!
//! `LISTEN` is the address of the service, and `REDIS_URL` is the URL of its Redis. `GET /health`
//! answers 200 if Redis answers. `GET /visits/NAME` counts a visit, and answers with the count.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let listen = setting("LISTEN")?;
    let redis = setting("REDIS_URL")?;
    let redis = redis.strip_prefix("redis://").ok_or("no redis:// URL")?;
    let redis: SocketAddr = redis.parse()?;
    for stream in TcpListener::bind(listen)?.incoming().flatten() {
        // A client that disconnects early is not an error of the service.
        let _ = answer(stream, redis);
    }
    Ok(())
}

fn setting(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| format!("set {name}").into())
}

fn answer(mut stream: TcpStream, redis: SocketAddr) -> Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().ok_or("no request")??;
    // Closing a socket with unread bytes would reset the connection.
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let answer = match path.strip_prefix("/visits/") {
        Some(name) => ask(redis, &format!("INCR {name}")),
        None => ask(redis, "PING"),
    };
    let (status, body) = match answer {
        Ok(body) => ("200 OK", body),
        Err(error) => {
            eprintln!("redis: {error}");
            ("503 Service Unavailable", "try again later".to_owned())
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close");
    write!(stream, "{head}\r\n\r\n{body}")?;
    Ok(())
}

/// Sends an inline command, and returns Redis's answer, a simple string or an integer.
fn ask(redis: SocketAddr, command: &str) -> Result<String> {
    let limit = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&redis, limit)?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "{command}\r\n")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let answer = answer.trim_end();
    let value = answer.strip_prefix(['+', ':']);
    Ok(value
        .ok_or_else(|| format!("it answers {answer:?}"))?
        .to_owned())
}
