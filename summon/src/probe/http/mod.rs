//! Ready when a URL answers as expected.

mod statuses;
mod url;

pub use statuses::Statuses;
use url::{OWN_PORT, Url};

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::listen::{self, Place};
use super::{Endpoint, NotReady, Probe, Target};
use crate::sys::listeners::Protocol;

/// Made by [`http`].
#[derive(Clone, Debug)]
pub struct Http {
    url: String,
    pub(crate) method: String,
    pub(crate) statuses: Statuses,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Ready when the process listens where the URL points, and a request to it is answered with the
/// expected status: GET and any of 200 to 299, unless told otherwise.
///
/// The URL may contain placeholders, and usually does: `http://localhost:{port}/health`. The
/// status line decides; a redirect is an answer, and is not followed. An answer that takes longer
/// than a second is asked for again, with more patience each time, up to ten seconds.
///
/// ```no_run
/// let api = summon::Coordinated::with(
///     "my-api --port {port}",
///     summon::probe::http("http://localhost:{port}/health"),
/// );
/// api.start()?;
/// println!("{}", api.url("/users"));
/// # Ok::<(), summon::Error>(())
/// ```
pub fn http(url: impl Into<String>) -> Http {
    Http {
        url: url.into(),
        method: "GET".to_owned(),
        statuses: Statuses::default(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

impl Probe for Http {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let (url, port) = Url::filled(&self.url, target).map_err(NotReady::ever)?;
        let url = Url::parse(&url).map_err(NotReady::ever)?;
        let addr = match target.addr.get() {
            Some(addr) => addr,
            None => {
                let place = Place {
                    protocol: Protocol::Tcp,
                    port,
                };
                let whose = Url::parse(&self.url).map_err(NotReady::ever)?.whose();
                let addr = listen::look(target, url.host, place, whose)?;
                target.found_at(addr);
                addr
            }
        };
        let patience = Duration::from_secs(1 << target.looks().min(3)).min(Duration::from_secs(10));
        let now = Instant::now();
        let limit = target.deadline().min(now + patience);
        match ask(addr, &self.request(&url), limit) {
            Ok(status) if self.statuses.allow(status) => Ok(()),
            Ok(status) => Err(NotReady::yet(format!("it answers {status}"))),
            Err(error) => {
                // It may have moved to the other family, so ask the kernel again next time.
                target.addr.set(None);
                Err(NotReady::yet(match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        let waited = (limit - now).as_secs_f64();
                        format!("it accepts, but does not answer within {waited:.1} s")
                    }
                    _ => error.to_string(),
                }))
            }
        }
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let url = target.fill(&self.url).unwrap_or_else(|_| self.url.clone());
        format!("{} {url} to answer {}", self.method, self.statuses)
    }

    fn check(&self) -> Result<(), String> {
        Url::parse(&self.url)?;
        let token = |text: &str| {
            let extra = |c: char| "!#$%&'*+-.^_`|~".contains(c);
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra(c))
        };
        if !token(&self.method) {
            return Err(format!("`{}` is no HTTP method", self.method));
        }
        for (name, value) in &self.headers {
            if !token(name) || value.contains(['\r', '\n']) {
                return Err(format!("`{name}: {value}` is no HTTP header"));
            }
        }
        if self.statuses.0.is_empty() {
            return Err("no status is expected, so none could be right".to_owned());
        }
        Ok(())
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let url = Url::parse(&self.url).ok()?;
        let port = match url.port {
            OWN_PORT => 0,
            number => number.parse().ok()?,
        };
        Some(Endpoint {
            host: url.host.to_owned(),
            port,
            protocol: Protocol::Tcp,
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.url]
    }
}

impl Http {
    fn request(&self, url: &Url<'_>) -> Vec<u8> {
        let slash = if url.path.starts_with('?') { "/" } else { "" };
        let mut head = format!(
            "{} {slash}{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.method, url.path, url.authority
        );
        let has = |wanted: &str| {
            self.headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        if !has("user-agent") {
            head += concat!("User-Agent: summon/", env!("CARGO_PKG_VERSION"), "\r\n");
        }
        if !self.body.is_empty() && !has("content-length") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut request = (head + "\r\n").into_bytes();
        request.extend(&self.body);
        request
    }
}

/// Sends the request and reads the status line, which is all that matters here: what follows it
/// may be endless.
fn ask(addr: SocketAddr, request: &[u8], limit: Instant) -> io::Result<u16> {
    let left = || {
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        Ok(left)
    };
    let mut stream = TcpStream::connect_timeout(&addr, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(request)?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') {
        if line.len() > 1024 {
            return Err(not_http(&line));
        }
        let mut buffer = [0; 256];
        // Anew each time: a server that sends a byte a second gets no more than the limit.
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut buffer) {
            Ok(0) => {
                return Err(io::Error::other(
                    "it closes the connection without an answer",
                ));
            }
            Ok(read) => line.extend(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    status(&line).ok_or_else(|| not_http(&line))
}

/// `HTTP/1.1 200 OK`, RFC 9112, section 4.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let code = rest.get(space + 1..space + 4)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    if !code.iter().all(u8::is_ascii_digit) || !rest.get(space + 4).is_some_and(ends) {
        return None;
    }
    std::str::from_utf8(code).ok()?.parse().ok()
}

fn not_http(line: &[u8]) -> io::Error {
    let shown = String::from_utf8_lossy(&line[..line.len().min(40)]);
    io::Error::other(format!("it answers, but not as HTTP does: {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for line in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"HTTP/1.1 2000 OK\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 +20 OK\r\n",
            b"\n",
        ] {
            assert_eq!(status(line), None, "{line:?}");
        }
    }
}
