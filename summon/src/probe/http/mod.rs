//! Ready when a URL answers as expected.

mod answer;
mod ask;
mod body;
#[cfg(fuzzing)]
pub mod fuzzing;
mod otherwise;
mod statuses;
#[cfg(feature = "tls")]
mod tls;
mod url;

use answer::{Answer, NoAnswer, Wanted};
use ask::Failed;
pub(super) use ask::Talk;
use body::LONGEST_BODY;
pub(super) use otherwise::Outcome;
pub use statuses::Statuses;
use url::{OWN_PORT, Url};

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::listen::{self, Place, Server};
use super::{Endpoint, Explained, NotReady, Probe, Target, elsewhere};
use crate::output;
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
    pub(crate) body_matches: Option<String>,
}

/// Ready when the process listens where the URL points, and a request to it is answered with the
/// expected status: GET and any of 200 to 299, unless told otherwise.
///
/// The URL may contain placeholders, and usually does: `http://localhost:{port}/health`. The final
/// status decides, and the body if [`body_matches`](Http::body_matches) asks for that. A redirect is an
/// answer, and is not followed. `100 Continue`, `103 Early Hints` and other interim answers are not.
///
/// A request waits for its answer until the time-out. If none has come within a second, another request
/// is sent beside it, and again after half of the time waited so far, at most ten seconds; the first good
/// answer counts. So a server may take long for its first answer, and may let a connection hang for
/// good. After an answer of 429 or 503 with `Retry-After` no request is sent for that time. A pause that
/// would go beyond the time-out is cut short, so that there is a last request before it.
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
        body_matches: None,
    }
}

impl Probe for Http {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let filled = target.values().fill(&self.url)?;
        let url = Url::parse(&filled).map_err(NotReady::ever)?;
        let port = url.number().map_err(NotReady::ever)?;
        let found = target.find_addr(&self.url, || {
            let protocol = Protocol::Tcp;
            let place = Place { protocol, port };
            let whose = whose(&Url::parse(&self.url).map_err(NotReady::ever)?);
            let addr = listen::look(target, url.host, place, whose)?;
            if target.values().port() == Ok(port) {
                target.found_at(addr);
            }
            Ok(addr)
        });
        let addr = found.inspect_err(|_| target.note_outcome(&self.url, None))?;
        self.ask(target, addr, &url)
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let url = target.values().fill(&self.url);
        let url = url.unwrap_or_else(|_| self.url.clone());
        let body = self.body_matches.as_ref();
        let body = body.map_or(String::new(), |wanted| {
            format!(" with a body like `{wanted}`")
        });
        format!("{} {url} to answer {}{body}", self.method, self.statuses)
    }

    fn explain(&self, target: &Target<'_>, _: &str) -> Explained {
        let outcome = target.outcome(&self.url);
        let addr = target.asked(&self.url);
        if let Some(hint) = outcome.and_then(|outcome| outcome.hint(target, addr)) {
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
        match &self.body_matches {
            Some(_) if self.method == "HEAD" => Err(
                "`body_matches` can't be true of an answer to HEAD, which has no body".to_owned(),
            ),
            Some(wanted) => match output::of_text(wanted) {
                Ok(_) => Ok(()),
                Err(why) => Err(format!("`body_matches` {why}")),
            },
            None => Ok(()),
        }
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
    /// Wants a body that matches, a regular expression, besides the status. Only the first MiB of the
    /// body counts, and it must be complete, or as long as that. `^` and `$` are its begin and end,
    /// and those of lines with `(?m)`. Default: any body, which is not read.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let health = probe::http("http://localhost:{port}/health").body_matches(r#""status": *"UP""#);
    /// Coordinated::with("my-api --port {port}", health);
    /// ```
    #[must_use]
    pub fn body_matches(mut self, pattern: impl Into<String>) -> Http {
        self.body_matches = Some(pattern.into());
        self
    }

    /// Sends a request, and waits for its answer and for those to earlier ones.
    fn ask(&self, target: &Target<'_>, addr: SocketAddr, url: &Url<'_>) -> Result<(), NotReady> {
        let limit = target.deadline().min(Instant::now() + target.patience());
        let wanted = Wanted {
            body: self.body_matches.is_some(),
            // It may say that it wants TLS.
            complaint: !self.statuses.allow(400),
            is_head: self.method == "HEAD",
        };
        let mut talks = target.take_talks(&self.url);
        if talks.len() >= MOST_TALKS {
            // The first one has waited longest, and may be answered yet.
            talks.remove(1);
        }
        target.note_asked(&self.url, addr);
        let begun = Talk::begin(addr, url, self.request(url), wanted, limit);
        let seen = match begun {
            Ok(talk) => {
                talks.push(talk);
                self.listen(target, &mut talks, limit)
            }
            Err(error) => Err(self.failed(target, &error.into())),
        };
        if seen.is_err() {
            target.keep_talks(&self.url, talks);
        }
        seen
    }

    /// Waits until the newest request is answered, or an older one well, or until the limit.
    fn listen(
        &self,
        target: &Target<'_>,
        talks: &mut Vec<Talk>,
        limit: Instant,
    ) -> Result<(), NotReady> {
        loop {
            let mut at = 0;
            while at < talks.len() {
                let seen = match talks[at].go_on() {
                    Ok(None) if self.is_good_so_far(&talks[at]) => return Ok(()),
                    Ok(None) => {
                        at += 1;
                        continue;
                    }
                    Ok(Some(answer)) => self.judge(target, &answer),
                    Err(failed) => Err(self.failed(target, &failed)),
                };
                let is_newest = at + 1 == talks.len();
                talks.remove(at);
                if seen.is_ok() || is_newest {
                    return seen;
                }
            }
            if Instant::now() >= limit || target.has_exited() {
                return self.late(target, talks);
            }
            let all_sent = talks.iter().all(Talk::is_sent);
            let until = match all_sent {
                true => limit,
                // Nobody tells when more of a request can go out.
                false => limit.min(Instant::now() + SEND_AGAIN),
            };
            let fds: Vec<_> = talks.iter().map(Talk::as_fd).collect();
            let slept = target.sleep_on(&fds, until);
            slept.map_err(|error| NotReady::yet(error.to_string()))?;
        }
    }

    /// Whether what follows the status would change nothing.
    fn is_good_so_far(&self, talk: &Talk) -> bool {
        let allowed = |answer: Answer| self.statuses.allow(answer.status);
        self.body_matches.is_none() && talk.so_far().is_some_and(allowed)
    }

    /// What is known when no more is waited for.
    fn late(&self, target: &Target<'_>, talks: &mut Vec<Talk>) -> Result<(), NotReady> {
        // A head without an end is an answer too.
        if let Some(answer) = talks.last().and_then(Talk::so_far) {
            if self.body_matches.is_none() || !self.statuses.allow(answer.status) {
                talks.pop();
                return self.judge(target, &answer);
            }
        }
        self.note_other(target);
        let since = talks.first().map_or_else(Instant::now, |talk| talk.began);
        let waited = since.elapsed().as_secs_f64();
        Err(NotReady::yet(format!(
            "it accepts, but does not answer within {waited:.1} s"
        )))
    }

    fn judge(&self, target: &Target<'_>, answer: &Answer) -> Result<(), NotReady> {
        let status = answer.status;
        if !self.statuses.allow(status) {
            target.note_outcome(&self.url, Some(Outcome::of(answer)));
            let why = format!("it answers {status}");
            let asked = matches!(status, 429 | 503);
            return Err(
                match answer.retry_after.filter(|after| asked && !after.is_zero()) {
                    Some(after) => {
                        let why = format!("{why}, and asks for a pause of {} s", after.as_secs());
                        NotReady::yet(why).not_before(soonest(after, target.deadline()))
                    }
                    None => NotReady::yet(why),
                },
            );
        }
        let Some(wanted) = &self.body_matches else {
            return Ok(());
        };
        let pattern = output::of_text(wanted).map_err(NotReady::ever)?;
        if pattern.is_match(&answer.body) {
            return Ok(());
        }
        target.note_outcome(&self.url, Some(Outcome::Body));
        let shown: String = String::from_utf8_lossy(&answer.body)
            .chars()
            .take(80)
            .collect();
        let length = match answer.body.len() {
            LONGEST_BODY => "more than 1 MiB".to_owned(),
            length => format!("{length} bytes"),
        };
        Err(NotReady::yet(format!(
            "it answers {status} with another body, {length}: {shown:?}"
        )))
    }

    /// A request that the deadline cuts short says less than the one before.
    fn note_other(&self, target: &Target<'_>) {
        if Instant::now() < target.deadline() || target.outcome(&self.url).is_none() {
            target.note_outcome(&self.url, Some(Outcome::Other));
        }
    }

    fn failed(&self, target: &Target<'_>, failed: &Failed) -> NotReady {
        match Outcome::of_failure(failed) {
            Outcome::Other => self.note_other(target),
            outcome => target.note_outcome(&self.url, Some(outcome)),
        }
        // It may have moved to the other family, so ask the kernel again next time.
        target.forget_addr(&self.url);
        NotReady::yet(match failed {
            Failed::Io(error) => match error.kind() {
                io::ErrorKind::TimedOut => "it does not accept a connection in time".to_owned(),
                _ => error.to_string(),
            },
            Failed::NoAnswer(NoAnswer::Closed) => {
                "it closes the connection without an answer".to_owned()
            }
            Failed::NoAnswer(NoAnswer::CutOff) => {
                "it closes the connection within its answer".to_owned()
            }
            Failed::NoAnswer(NoAnswer::Tls) => "it answers as TLS does, not as HTTP".to_owned(),
            Failed::NoAnswer(NoAnswer::Http2) => {
                "it answers as HTTP/2 does, not as HTTP/1.1".to_owned()
            }
            Failed::NoAnswer(NoAnswer::Endless) => {
                "it answers, but its head does not end".to_owned()
            }
            Failed::NoAnswer(NoAnswer::BadBody) => {
                "it answers, but its body is not as its head says".to_owned()
            }
            Failed::NoAnswer(NoAnswer::NotHttp(bytes)) => {
                let shown = String::from_utf8_lossy(bytes);
                format!("it answers, but not as HTTP does: {shown:?}")
            }
        })
    }

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

/// When to ask a server again that wants to be left alone for some time: that much later, but once
/// more before the deadline.
fn soonest(after: Duration, deadline: Instant) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    now + after.min(left - (left / 10).min(Duration::from_secs(1)))
}

/// So many requests may wait for their answers at a time.
const MOST_TALKS: usize = 16;
/// How soon to try to send more of a request that a server does not read.
const SEND_AGAIN: Duration = Duration::from_millis(10);

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
