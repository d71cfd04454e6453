//! Ready when a URL answers as expected.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Range, RangeInclusive};
use std::time::{Duration, Instant};

use super::listen::{self, Whose};
use super::{Endpoint, NotReady, Probe, Target};

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
                let whose = Url::parse(&self.url).map_err(NotReady::ever)?.whose();
                let addr = listen::look(target, url.host, port, whose)?;
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

/// The parts of a URL that a request needs.
#[derive(Debug, PartialEq)]
struct Url<'a> {
    authority: &'a str,
    host: &'a str,
    /// A number or a placeholder.
    port: &'a str,
    /// With the query, without the fragment.
    path: &'a str,
}

impl Url<'_> {
    fn parse(text: &str) -> Result<Url<'_>, String> {
        let wrong = |why: &str| {
            format!("the URL `{text}` {why}; it should look like http://localhost:{{port}}/health")
        };
        if text.contains(|c: char| c.is_control() || c == ' ') {
            return Err(wrong("contains a space or a control character"));
        }
        if text.starts_with("https://") {
            return Err(wrong("asks for TLS, which summon does not speak"));
        }
        let rest = text
            .strip_prefix("http://")
            .ok_or_else(|| wrong("does not begin with http://"))?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(wrong("contains a user name; send a header instead"));
        }
        // The last colon, but not one inside an IPv6 address or a placeholder.
        let colon = authority
            .rmatch_indices(':')
            .map(|(at, _)| at)
            .find(|at| !authority[*at..].contains(']') && !in_braces(authority, *at));
        let (host, port) = match colon {
            Some(at) => (&authority[..at], &authority[at + 1..]),
            None => (authority, "80"),
        };
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        let is_port = |number: &str| number.parse::<u16>().is_ok_and(|port| port != 0);
        if !port.starts_with('{') && !is_port(port) {
            return Err(wrong("has no port between 1 and 65535"));
        }
        Ok(Url {
            authority,
            host,
            port,
            path: if path.is_empty() { "/" } else { path },
        })
    }

    /// The URL with all its values, and the port of it.
    fn filled(text: &str, target: &Target<'_>) -> Result<(String, u16), String> {
        let url = target.fill(text).map_err(|error| error.to_string())?;
        let port = Url::parse(&url)?.port.parse();
        let port = port.map_err(|_| format!("the URL `{url}` has no port"))?;
        Ok((url, port))
    }

    /// `{db.port}` is a port of another process; all others are expected to be our own.
    fn whose(&self) -> Whose {
        match self.port.contains('.') {
            true => Whose::Anybodys,
            false => Whose::Ours,
        }
    }
}

const OWN_PORT: &str = "{port}";

fn in_braces(text: &str, at: usize) -> bool {
    text[..at].rfind('{') > text[..at].rfind('}')
}

/// The HTTP statuses that mean ready: one, a range, or a list. By default 200 to 299.
///
/// ```
/// use summon::HttpCoordinatedExecutor;
///
/// let url = "http://localhost:{port}/";
/// let one = HttpCoordinatedExecutor::new("my-api", url).status(204);
/// let range = HttpCoordinatedExecutor::new("my-api", url).status(200..400);
/// let list = HttpCoordinatedExecutor::new("my-api", url).status([200, 401]);
/// # let _ = (one, range, list);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    fn allow(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(vec![200..=299])
    }
}

impl From<u16> for Statuses {
    fn from(status: u16) -> Statuses {
        Statuses(vec![status..=status])
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Statuses {
        Statuses(if range.is_empty() {
            vec![]
        } else {
            vec![range]
        })
    }
}

impl From<Range<u16>> for Statuses {
    fn from(range: Range<u16>) -> Statuses {
        match range.end.checked_sub(1) {
            Some(last) => Statuses::from(range.start..=last),
            None => Statuses(vec![]),
        }
    }
}

impl<const N: usize> From<[u16; N]> for Statuses {
    fn from(list: [u16; N]) -> Statuses {
        Statuses(list.into_iter().map(|status| status..=status).collect())
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{} to {}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://localhost:{port}/a/b?c=d:e#f").unwrap();
        assert_eq!(
            (url.host, url.port, url.path),
            ("localhost", "{port}", "/a/b?c=d:e")
        );
        let url = Url::parse("http://[::1]:8080?x").unwrap();
        assert_eq!((url.host, url.port, url.path), ("[::1]", "8080", "?x"));
        let url = Url::parse("http://{host}").unwrap();
        assert_eq!((url.host, url.port, url.path), ("{host}", "80", "/"));
        let url = Url::parse("http://localhost:{port:admin}/").unwrap();
        assert_eq!((url.host, url.port), ("localhost", "{port:admin}"));
    }

    #[test]
    fn bad_urls_say_what_is_wrong() {
        for (url, why) in [
            ("localhost:80", "does not begin with http://"),
            ("https://localhost", "asks for TLS"),
            ("http://", "has no host"),
            ("http://a:0/", "has no port between 1 and 65535"),
            ("http://a:port/", "has no port between 1 and 65535"),
            ("http://a:99999/", "has no port between 1 and 65535"),
            ("http://u:p@a/", "contains a user name"),
            ("http://a/b c", "contains a space"),
        ] {
            let error = Url::parse(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

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

    #[test]
    fn statuses_are_one_a_range_or_a_list() {
        assert!(Statuses::default().allow(204) && !Statuses::default().allow(302));
        assert!(Statuses::from(200..400).allow(399) && !Statuses::from(200..400).allow(400));
        assert_eq!(Statuses::from([200, 401]).to_string(), "200 or 401");
        assert_eq!(Statuses::from(200..=299).to_string(), "200 to 299");
    }
}
