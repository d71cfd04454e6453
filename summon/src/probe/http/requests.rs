//! Sends requests to a server until it answers one as expected.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use summon_syntax::url::Url;

use super::answer::{Answer, Wanted};
use super::ask::{Failed, Talk};
use super::body::LONGEST_BODY;
use super::otherwise::{self, Outcome};
use super::{Http, retry_after};
use crate::output;
use crate::probe::{NotReady, Target};

/// The limits of the wait for one answer.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(10);
/// The limit of requests without an answer.
const MOST_TALKS: usize = 16;
/// How long to wait for the body of an answer with a wrong status. Only the report needs it.
const COMPLAINT_LIMIT: Duration = Duration::from_millis(100);
/// The length of a body's first line in a report, in characters.
const LONGEST_LINE: usize = 80;
/// The pause before sending more of a request that the server does not read.
const SEND_AGAIN: Duration = Duration::from_millis(10);

impl Http {
    /// Sends a request, and waits for its answer and for the answers to earlier requests.
    pub(super) fn ask(
        &self,
        target: &Target<'_>,
        addr: SocketAddr,
        url: &Url<'_>,
    ) -> Result<(), NotReady> {
        let limit = target
            .deadline()
            .min(Instant::now() + patience(target.waited()));
        let wanted = Wanted {
            allowed: self.statuses.clone(),
            body: self.body_matches.is_some(),
            is_head: self.method == "HEAD",
        };
        let mut talks = self.history(target, |it| std::mem::take(&mut it.talks));
        if talks.len() >= MOST_TALKS {
            // Keep the first request: the server has had the most time to answer it.
            talks.remove(1);
        }
        self.history(target, |it| it.asked = Some(addr));
        let begun = Talk::begin(addr, url, self.request(url), wanted, limit);
        let seen = match begun {
            Ok(talk) => {
                talks.push(talk);
                self.listen(target, &mut talks, limit)
            }
            Err(error) => Err(self.failed(target, &error.into())),
        };
        if seen.is_err() {
            self.history(target, |it| it.talks = talks);
        }
        seen
    }

    /// Waits for the answer to the newest request, a good answer to an older request, or the limit.
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
            let limit = self
                .refused(talks)
                .map_or(limit, |since| limit.min(since + COMPLAINT_LIMIT));
            if Instant::now() >= limit || target.has_exited() {
                return self.late(target, talks);
            }
            let all_sent = talks.iter().all(Talk::is_sent);
            let until = match all_sent {
                true => limit,
                // The sleep only wakes for input, not when the socket can take more of a request.
                false => limit.min(Instant::now() + SEND_AGAIN),
            };
            let fds: Vec<_> = talks.iter().map(Talk::as_fd).collect();
            let slept = target.sleep_on(&fds, until);
            slept.map_err(|error| NotReady::yet(error.to_string()))?;
        }
    }

    /// Returns whether the status alone makes the process ready.
    fn is_good_so_far(&self, talk: &Talk) -> bool {
        let allowed = |status| self.statuses.allow(status);
        self.body_matches.is_none() && talk.status().is_some_and(allowed)
    }

    /// Returns when the newest request was answered with a wrong status, if it was.
    fn refused(&self, talks: &[Talk]) -> Option<Instant> {
        let newest = talks.last()?;
        let status = newest.status()?;
        newest.answered.filter(|_| !self.statuses.allow(status))
    }

    /// Judges the newest request at the limit of the wait.
    fn late(&self, target: &Target<'_>, talks: &mut Vec<Talk>) -> Result<(), NotReady> {
        let since = talks.first().map_or_else(Instant::now, |talk| talk.began);
        let waited = since.elapsed().as_secs_f64();
        let Some(answer) = talks.last().and_then(Talk::so_far) else {
            self.note_other(target);
            return Err(NotReady::yet(format!(
                "it accepts the connection, but does not answer within {waited:.1} s"
            )));
        };
        let status = answer.status;
        if self.body_matches.is_none() || !self.statuses.allow(status) {
            talks.pop();
            return self.judge(target, &answer);
        }
        let is_in_body = talks.last().is_some_and(Talk::is_in_body);
        let part = match is_in_body {
            true => "body",
            false => "head",
        };
        let outcome = is_in_body.then(otherwise::endless);
        self.history(target, |it| it.outcome = outcome);
        Err(NotReady::yet(format!(
            "it answers {status}, but its {part} does not end within {waited:.1} s"
        )))
    }

    fn judge(&self, target: &Target<'_>, answer: &Answer) -> Result<(), NotReady> {
        let status = answer.status;
        self.history(target, |it| it.has_answered = true);
        if !self.statuses.allow(status) {
            self.history(target, |it| it.outcome = Some(Outcome::of(answer)));
            let said = first_line(answer).map_or(String::new(), |line| format!(": {line:?}"));
            let asked = matches!(status, 429 | 503);
            return Err(
                match answer.retry_after.filter(|after| asked && !after.is_zero()) {
                    Some(after) => {
                        let pause = retry_after::told(after);
                        let why =
                            format!("it answers {status}, and asks for a pause of {pause}{said}");
                        NotReady::yet(why)
                            .not_before(retry_after::soonest(after, target.deadline()))
                    }
                    None => NotReady::yet(format!("it answers {status}{said}")).at_request_pace(),
                },
            );
        }
        let Some(wanted) = &self.body_matches else {
            return Ok(());
        };
        let pattern = output::of_text(wanted).map_err(NotReady::ever)?;
        // The byte order mark is not a part of the text.
        let text = answer.body.strip_prefix(b"\xef\xbb\xbf");
        if pattern.is_match(text.unwrap_or(&answer.body)) {
            return Ok(());
        }
        self.history(target, |it| {
            it.outcome = Some(otherwise::other_body(answer));
        });
        let shown = String::from_utf8_lossy(&answer.body);
        let shown: String = shown.chars().take(80).collect();
        let length = match answer.body.len() {
            LONGEST_BODY => "more than 1 MiB".to_owned(),
            1 => "1 byte".to_owned(),
            length => format!("{length} bytes"),
        };
        let why = match (&answer.coding, answer.body.len()) {
            (_, 0) => format!("it answers {status} without a body"),
            (Some(coding), _) => {
                format!("it answers {status} with a compressed body (`{coding}`), {length}")
            }
            _ => format!("it answers {status}, but its body does not match, {length}: {shown:?}"),
        };
        Err(NotReady::yet(why).at_request_pace())
    }

    /// Records an outcome without a hint. At the deadline it keeps the earlier outcome: a request
    /// that the deadline cuts short says less than the request before it.
    fn note_other(&self, target: &Target<'_>) {
        let is_late = Instant::now() >= target.deadline();
        self.history(target, |it| {
            if !is_late || it.outcome.is_none() {
                it.outcome = Some(Outcome::Other);
            }
        });
    }

    fn failed(&self, target: &Target<'_>, failed: &Failed) -> NotReady {
        let outcome = Outcome::of_failure(failed);
        // Each request is a line in the log of a server that accepts connections.
        let has_met = !matches!(outcome, Outcome::Other);
        match outcome {
            Outcome::Other => self.note_other(target),
            outcome => self.history(target, |it| it.outcome = Some(outcome)),
        }
        // The server may have moved to the other address family, so ask the kernel again next time.
        self.history(target, |it| it.addr = None);
        let why = NotReady::yet(match failed {
            Failed::Io(error) => match error.kind() {
                io::ErrorKind::TimedOut => "it does not accept a connection in time".to_owned(),
                _ => error.to_string(),
            },
            Failed::NoAnswer(why) => why.to_string(),
        });
        if has_met { why.at_request_pace() } else { why }
    }

    pub(super) fn request(&self, url: &Url<'_>) -> Vec<u8> {
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
        if self.body_matches.is_some() {
            needs("Accept-Encoding", "identity");
        }
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

/// Returns how long to wait for an answer before sending another request in parallel.
fn patience(waited: Duration) -> Duration {
    (waited / 2).clamp(LEAST_PATIENCE, MOST_PATIENCE)
}

/// Returns the first line of a body, unless it is compressed, or a page for browsers.
fn first_line(answer: &Answer) -> Option<String> {
    if answer.coding.is_some() {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut shown: String = line.chars().take(LONGEST_LINE).collect();
    if shown.len() < line.len() {
        shown.push('\u{2026}');
    }
    let tag = shown.to_ascii_lowercase();
    let is_page = tag.starts_with("<!doctype html") || tag.starts_with("<html");
    (!is_page).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::super::http;
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
