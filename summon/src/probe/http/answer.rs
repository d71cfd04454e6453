//! An answer as it comes, piece by piece: as much of it as matters.

use std::time::{Duration, SystemTime};

use super::body::body;

/// What is wanted of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Its body too.
    pub(super) body: bool,
    /// The body of an answer of 400, which may say what is wrong, if it has one.
    pub(super) complaint: bool,
    /// The request was HEAD, to which no body comes.
    pub(super) is_head: bool,
}

/// The final answer (RFC 9110, section 15).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// When to ask again, at the earliest.
    pub(super) retry_after: Option<Duration>,
    /// The protocol that is wanted instead.
    pub(super) upgrade: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Why something is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) enum NoAnswer {
    /// The connection was closed before anything had come.
    Closed,
    /// Before all had come.
    CutOff,
    /// These are its first bytes.
    NotHttp(Vec<u8>),
    /// A record of TLS.
    Tls,
    /// A frame of HTTP/2.
    Http2,
    /// Its head does not end.
    Endless,
    /// Its length or its chunks are not as they should be.
    BadBody,
}

/// A longer status line is none.
pub(super) const LONGEST_LINE: usize = 1024;
/// All heads together, those of interim answers included.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long the head of a frame of HTTP/2 is (RFC 9113, section 4.1).
const FRAME_HEAD: usize = 9;

#[derive(Debug)]
pub(super) struct Reader {
    wanted: Wanted,
    bytes: Vec<u8>,
    /// Where the head begins that is read now: those of interim answers are before it.
    from: usize,
}

impl Reader {
    pub(super) fn new(wanted: Wanted) -> Reader {
        Reader {
            wanted,
            bytes: Vec::new(),
            from: 0,
        }
    }

    /// Takes what has come, and says whether that is all that is wanted.
    pub(super) fn take(&mut self, read: &[u8]) -> Result<Option<Answer>, NoAnswer> {
        self.bytes.extend(read);
        self.read(false)
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) -> Result<Answer, NoAnswer> {
        let mut rest = Reader {
            wanted: self.wanted,
            bytes: self.bytes.clone(),
            from: self.from,
        };
        match rest.read(true)? {
            Some(answer) => Ok(answer),
            None if self.bytes.is_empty() => Err(NoAnswer::Closed),
            None if self.from == 0 && self.line().is_none() => Err(self.not_http()),
            // The status is enough.
            None => match self.so_far() {
                Some(answer) if !self.wanted.body => Ok(answer),
                _ => Err(NoAnswer::CutOff),
            },
        }
    }

    /// What is known by now, if its status is.
    pub(super) fn so_far(&self) -> Option<Answer> {
        let status = status(self.line()?).filter(|status| is_final(*status))?;
        let head = &self.bytes[self.from..];
        Some(answer(
            status,
            head_end(head).map_or(head, |end| &head[..end]),
        ))
    }

    fn read(&mut self, ended: bool) -> Result<Option<Answer>, NoAnswer> {
        if !ended && self.bytes.first() == Some(&0) && self.bytes.len() < FRAME_HEAD {
            return Ok(None);
        }
        loop {
            let Some(line) = self.line() else {
                let begun = self.bytes.len() - self.from;
                return match other_protocol(&self.bytes) {
                    Some(other) => Err(other),
                    None if begun >= LONGEST_LINE => Err(self.not_http()),
                    None => Ok(None),
                };
            };
            let status = match status(line) {
                Some(status) if line.len() <= LONGEST_LINE => status,
                _ => return Err(other_protocol(&self.bytes).unwrap_or_else(|| self.not_http())),
            };
            let head = &self.bytes[self.from..];
            let Some(end) = head_end(head) else {
                return match self.so_far() {
                    _ if self.bytes.len() < LONGEST_HEAD => Ok(None),
                    Some(answer) if !self.wanted.body => Ok(Some(answer)),
                    _ => Err(NoAnswer::Endless),
                };
            };
            if is_final(status) {
                let (head, rest) = head.split_at(end);
                let mut answer = answer(status, head);
                let has_body = !self.wanted.is_head && !matches!(status, 101 | 204 | 304);
                let is_wanted = self.wanted.body || (self.wanted.complaint && status == 400);
                if is_wanted && has_body {
                    match body(head, rest, ended) {
                        Ok(Some(body)) => answer.body = body,
                        Ok(None) => return Ok(None),
                        Err(why) if self.wanted.body => return Err(why),
                        Err(_) => {}
                    }
                }
                return Ok(Some(answer));
            }
            // The final answer follows (RFC 9110, section 15.2).
            self.from += end;
            if self.from >= LONGEST_HEAD {
                return Err(NoAnswer::Endless);
            }
        }
    }

    /// The status line, once it is complete.
    fn line(&self) -> Option<&[u8]> {
        let rest = &self.bytes[self.from..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        Some(&rest[..=end])
    }

    fn not_http(&self) -> NoAnswer {
        let rest = &self.bytes[self.from..];
        let line = self.line().unwrap_or(rest);
        NoAnswer::NotHttp(line.iter().copied().take(40).collect())
    }
}

/// 101 is final: what follows is of another protocol.
fn is_final(status: u16) -> bool {
    status >= 200 || status == 101
}

/// `HTTP/1.1 200 OK`, RFC 9112, section 4.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let code = rest.get(space + 1..space + 4)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    if !rest[..space].iter().all(is_version)
        || !code.iter().all(u8::is_ascii_digit)
        || !rest.get(space + 4).is_some_and(ends)
    {
        return None;
    }
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// What speaks in another way than HTTP/1 does.
pub(super) fn other_protocol(bytes: &[u8]) -> Option<NoAnswer> {
    match bytes {
        // An alert or a handshake of TLS (RFC 8446, section 5.1).
        [0x15 | 0x16, 0x03, ..] => Some(NoAnswer::Tls),
        // Settings or a farewell (RFC 9113, section 4.1), of the whole connection.
        [0, _, _, 4 | 7, _, 0, 0, 0, 0, ..] => Some(NoAnswer::Http2),
        _ => None,
    }
}

/// Where the empty line behind a head ends.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return Some(at);
        }
    }
    None
}

fn answer(status: u16, head: &[u8]) -> Answer {
    let text = |name| Some(String::from_utf8_lossy(header(head, name)?).into_owned());
    Answer {
        status,
        retry_after: text("retry-after").and_then(|text| retry_after(&text)),
        upgrade: text("upgrade"),
        body: Vec::new(),
    }
}

pub(super) fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
        is_it.then(|| line[colon + 1..].trim_ascii())
    })
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(date(text)?);
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since 1970. Other forms are obsolete.
fn date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split(' ').skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let month = MONTHS.find(words.next().filter(|month| month.len() == 3)?)?;
    let month = (month % 3 == 0).then_some(month as u64 / 3)?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(str::parse::<u64>);
    let mut part = || time.next()?.ok().filter(|part| *part <= 60);
    let seconds = part()? * 3600 + part()? * 60 + part()?;
    if words.next() != Some("GMT") || !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March end with the day that leap years add.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1;
    /// The days until 1970, counted so.
    const UNTIL_1970: u64 = 719_468;
    Some(days.checked_sub(UNTIL_1970)? * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::super::body::LONGEST_BODY;
    use super::*;

    const WANTED: Wanted = Wanted {
        body: true,
        complaint: false,
        is_head: false,
    };

    fn read(pieces: &[&[u8]], wanted: Wanted) -> Result<Answer, NoAnswer> {
        let mut reader = Reader::new(wanted);
        for piece in pieces {
            if let Some(answer) = reader.take(piece)? {
                return Ok(answer);
            }
        }
        reader.end()
    }

    /// However it comes.
    fn answered(text: &[u8]) -> Result<Answer, NoAnswer> {
        let wanted = WANTED;
        let whole = read(&[text], wanted);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes, wanted), whole, "{:?}", text.escape_ascii());
        whole
    }

    fn body_of(text: &str) -> Result<Vec<u8>, NoAnswer> {
        answered(text.as_bytes()).map(|answer| answer.body)
    }

    #[test]
    fn the_final_answer_counts() {
        for interim in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n",
        ] {
            for times in [0, 1, 3] {
                let text = format!("{}HTTP/1.1 503 No\r\n\r\n", interim.repeat(times));
                assert_eq!(answered(text.as_bytes()).unwrap().status, 503);
            }
            assert_eq!(answered(interim.as_bytes()), Err(NoAnswer::CutOff));
            let endless = interim.repeat(LONGEST_HEAD / interim.len() + 1);
            assert!(matches!(
                answered(endless.as_bytes()),
                Err(NoAnswer::Endless)
            ));
        }
        let switched = answered(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n").unwrap();
        assert_eq!(
            (switched.status, switched.upgrade.as_deref()),
            (101, Some("websocket"))
        );
    }

    #[test]
    fn a_status_line_is_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for line in [
            &b"SSH-2.0-OpenSSH\r\n"[..],
            b"HTTP/1.1 2000 OK\r\n",
            b"HTTP/what\never 200 OK\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 +20 OK\r\n",
            b"\n",
        ] {
            assert_eq!(status(line), None, "{line:?}");
        }
        assert_eq!(
            answered(&[b'x'; 2000]),
            Err(NoAnswer::NotHttp(vec![b'x'; 40]))
        );
    }

    #[test]
    fn a_status_is_enough_where_no_body_is_wanted() {
        let wanted = Wanted {
            body: false,
            ..WANTED
        };
        let status = |text: &str| read(&[text.as_bytes()], wanted).map(|answer| answer.status);
        assert_eq!(status("HTTP/1.0 200 OK\r\n"), Ok(200));
        assert_eq!(status("HTTP/1.0 200 OK\r\nA: b"), Ok(200));
        assert_eq!(
            status(&format!("HTTP/1.0 200 OK\r\n{}", "z".repeat(1 << 17))),
            Ok(200)
        );
        assert_eq!(
            status("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            Ok(200)
        );
        let complaint = Wanted {
            complaint: true,
            ..wanted
        };
        let text = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\n";
        let answer = |rest: &str| read(&[text.as_bytes(), rest.as_bytes()], complaint).unwrap();
        assert_eq!(answer("why").body, b"why");
        assert_eq!((answer("w").status, answer("w").body), (400, Vec::new()));
    }

    #[test]
    fn a_body_ends_as_it_is_said() {
        let ok = "HTTP/1.1 200 OK\r\n";
        assert_eq!(body_of(&format!("{ok}\r\nall")), Ok(b"all".to_vec()));
        let with = |head: &str, body: &str| body_of(&format!("{ok}{head}\r\n\r\n{body}"));
        assert_eq!(with("Content-Length: 3", "all more"), Ok(b"all".to_vec()));
        assert_eq!(with("content-length: 5", "all"), Err(NoAnswer::CutOff));
        assert!(with("Content-Length: many", "all").is_err());
        let chunked = "Transfer-Encoding: gzip, Chunked";
        assert_eq!(
            with(chunked, "3\r\nall\r\n4;a=b\r\n is \r\n0\r\n\r\n"),
            Ok(b"all is ".to_vec())
        );
        assert_eq!(with(chunked, "3\r\nall\r\n4\r\n i"), Err(NoAnswer::CutOff));
        assert!(matches!(with(chunked, "all\r\n"), Err(NoAnswer::BadBody)));
        assert!(matches!(
            with(chunked, "3\r\nallall\r\n"),
            Err(NoAnswer::BadBody)
        ));
        assert!(with(chunked, "ffffffffffffffff\r\nall").is_err());
        assert_eq!(
            body_of("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"),
            Ok(Vec::new())
        );
    }

    #[test]
    fn no_more_of_a_body_is_kept_than_is_said() {
        let body = "x".repeat(LONGEST_BODY + 9);
        for head in ["", "Content-Length: 99999999\r\n"] {
            let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
            let wanted = WANTED;
            let answer = read(&[text.as_bytes()], wanted).unwrap();
            assert_eq!(answer.body.len(), LONGEST_BODY);
        }
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n{body}");
        let answer = read(&[text.as_bytes()], WANTED).unwrap();
        assert_eq!(answer.body.len(), LONGEST_BODY);
    }

    #[test]
    fn a_later_time_is_in_seconds_or_a_date() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        // Long ago.
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        for wrong in [
            "",
            "-1",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "a 99 Foo 1 1:1:1 GMT",
            "a 1 anF 1994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_protocols_are_told() {
        assert_eq!(answered(&[0x15, 3, 3, 0, 2, 2, 10]), Err(NoAnswer::Tls));
        assert_eq!(
            answered(b"\0\0\x12\x04\0\0\0\0\0more"),
            Err(NoAnswer::Http2)
        );
        assert_eq!(
            answered(b"-ERR wrong"),
            Err(NoAnswer::NotHttp(b"-ERR wrong".to_vec()))
        );
        assert_eq!(answered(b""), Err(NoAnswer::Closed));
    }
}
