//! Ready when a URL answers as expected.

mod ask;
#[cfg(fuzzing)]
pub mod fuzzing;
mod statuses;
#[cfg(feature = "tls")]
mod tls;
mod url;

use ask::ask;
use statuses::ANSWERS;
pub use statuses::Statuses;
use url::{OWN_PORT, Url};

use std::io;
use std::time::Instant;

use super::listen::{self, Place, Server};
use super::{Endpoint, Explained, NotReady, Probe, Target, elsewhere};
use crate::sys::listeners::Protocol;

/// Made by [`http`].
///
/// It is that of [`HttpCoordinatedExecutor`](crate::HttpCoordinatedExecutor):
///
/// ```
/// use summon::{Coordinated, HttpCoordinatedExecutor, probe};
///
/// let api: Coordinated<probe::Http> = HttpCoordinatedExecutor::new("my-api", "http://localhost:8080");
/// ```
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
/// `https://` needs the feature `tls`. The certificate is not verified, since those of tests rarely
/// can be: that the right server answers is known from who listens.
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
        let filled = target.values().fill(&self.url)?;
        let url = Url::parse(&filled).map_err(NotReady::ever)?;
        let port = url.number().map_err(NotReady::ever)?;
        let addr = target.find_addr(&self.url, || {
            let protocol = Protocol::Tcp;
            let place = Place { protocol, port };
            let whose = whose(&Url::parse(&self.url).map_err(NotReady::ever)?);
            let addr = listen::look(target, url.host, place, whose)?;
            if target.values().port() == Ok(port) {
                target.found_at(addr);
            }
            Ok(addr)
        })?;
        let patience = target.patience();
        let now = Instant::now();
        let limit = target.deadline().min(now + patience);
        match ask(addr, &url, &self.request(&url), limit) {
            Ok(status) if self.statuses.allow(status) => Ok(()),
            Ok(status) => Err(NotReady::yet(format!("{ANSWERS}{status}"))),
            Err(error) => {
                // It may have moved to the other family, so ask the kernel again next time.
                target.forget_addr(&self.url);
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
        let url = target.values().fill(&self.url);
        let url = url.unwrap_or_else(|_| self.url.clone());
        format!("{} {url} to answer {}", self.method, self.statuses)
    }

    fn explain(&self, target: &Target<'_>, last: &str) -> Explained {
        if let Some(hint) = statuses::hint(last) {
            return Explained {
                hint: Some(hint),
                last: None,
            };
        }
        let Ok(filled) = target.values().fill(&self.url) else {
            return Explained::default();
        };
        match Url::parse(&filled).and_then(|url| Ok((url.host.to_owned(), url.number()?))) {
            Ok((host, port)) => {
                let protocol = Protocol::Tcp;
                let written = Url::parse(&self.url)
                    .map(|url| url.port)
                    .unwrap_or_default();
                let placeholder = Some(written).filter(|port| port.starts_with('{'));
                elsewhere::explain(target, &host, Place { protocol, port }, placeholder)
            }
            Err(_) => Explained::default(),
        }
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
                let value = value.escape_debug();
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
        let mut head = format!("{} {slash}{} HTTP/1.1\r\n", self.method, url.path);
        let mut needs = |name: &str, value: &str| {
            let mut given = self.headers.iter();
            if !given.any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                head += &format!("{name}: {value}\r\n");
            }
        };
        needs("Host", url.authority);
        needs("Connection", "close");
        needs("User-Agent", concat!("summon/", env!("CARGO_PKG_VERSION")));
        if !self.body.is_empty() {
            needs("Content-Length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut request = (head + "\r\n").into_bytes();
        request.extend(&self.body);
        request
    }
}

/// `{db.port}` is a port of another process; all others are expected to be our own.
fn whose(url: &Url<'_>) -> Server {
    match url.port.contains('.') {
        true => Server::Anybodys,
        false => Server::Ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_the_user_stands_in_place_of_ours() {
        let mut probe = http("http://localhost:80?a");
        let url = probe.url.clone();
        let url = Url::parse(&url).unwrap();
        let text = |probe: &Http| String::from_utf8(probe.request(&url)).unwrap();
        let ours = concat!(
            "GET /?a HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\nUser-Agent: summon/",
            env!("CARGO_PKG_VERSION"),
            "\r\n\r\n"
        );
        assert_eq!(text(&probe), ours);
        for name in ["host", "connection", "USER-AGENT"] {
            probe.headers.push((name.to_owned(), "x".to_owned()));
        }
        let theirs = "GET /?a HTTP/1.1\r\nhost: x\r\nconnection: x\r\nUSER-AGENT: x\r\n\r\n";
        assert_eq!(text(&probe), theirs);
    }
}
