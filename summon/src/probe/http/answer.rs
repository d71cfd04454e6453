//! Reads the relevant part of an answer, piece by piece.

use std::time::Duration;

use super::body::Chunks;
use super::head::{LONGEST_LINE, fields, head_end, is_final, list, status};
use super::no_answer::{FRAME_HEAD, NoAnswer, other_protocol};
use super::retry_after::retry_after;
use crate::number_set::Statuses;

/// The parts of an answer to read.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The statuses that mean ready.
    pub(super) allowed: Statuses,
    /// Whether the body of such an answer is needed.
    pub(super) body: bool,
    /// Whether the request was HEAD. Its answer has no body.
    pub(super) is_head: bool,
}

impl Wanted {
    /// Returns whether the probe needs the body of an answer with this status.
    pub(super) fn needs_body(&self, status: u16) -> bool {
        self.body && self.allowed.allow(status)
    }

    /// Returns whether to read the body: the probe needs it, or it may explain a wrong status.
    fn reads_body(&self, status: u16) -> bool {
        let may_have_body = !self.is_head && !matches!(status, 101 | 204 | 304);
        may_have_body && (self.body || !self.allowed.allow(status))
    }
}

/// The final answer (RFC 9110, section 15).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The least time until the next request.
    pub(super) retry_after: Option<Duration>,
    /// The protocol that the server wants instead.
    pub(super) upgrade: Option<String>,
    /// The compression of the body.
    pub(super) coding: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The limit of all heads together, including interim answers.
const LONGEST_HEAD: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Reader {
    wanted: Wanted,
    bytes: Vec<u8>,
    /// The offset of the current head, after the heads of interim answers.
    from: usize,
    chunks: Chunks,
}

impl Reader {
    pub(super) fn new(wanted: Wanted) -> Reader {
        Reader {
            wanted,
            bytes: Vec::new(),
            from: 0,
            chunks: Chunks::default(),
        }
    }

    /// Takes more bytes, and returns the answer once all that the probe wants has come.
    pub(super) fn take(&mut self, read: &[u8]) -> Result<Option<Answer>, NoAnswer> {
        self.bytes.extend(read);
        self.read(false)
    }

    /// Ends the answer, since the server has closed the connection.
    pub(super) fn end(&self) -> Result<Answer, NoAnswer> {
        let mut rest = Reader {
            wanted: self.wanted.clone(),
            bytes: self.bytes.clone(),
            from: self.from,
            chunks: self.chunks.clone(),
        };
        match rest.read(true)? {
            Some(answer) => Ok(answer),
            None if self.bytes.is_empty() => Err(NoAnswer::Closed),
            None if self.from == 0 && self.line().is_none() => Err(self.not_http()),
            // Without a need for the body, the status is enough.
            None => match self.so_far() {
                Some(answer) if !self.wanted.needs_body(answer.status) => Ok(answer),
                _ => Err(NoAnswer::CutOff),
            },
        }
    }

    /// Returns the answer so far, once its status has come.
    pub(super) fn so_far(&self) -> Option<Answer> {
        let status = self.status()?;
        let head = &self.bytes[self.from..];
        let (head, rest) = head.split_at(head_end(head).unwrap_or(head.len()));
        let mut answer = answer(status, head);
        if self.wanted.reads_body(status) {
            answer.body = self.chunks.so_far(head, rest);
        }
        Some(answer)
    }

    /// Returns the status of the final answer, once it has come.
    pub(super) fn status(&self) -> Option<u16> {
        status(self.line()?).filter(|status| is_final(*status))
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
                    Some(answer) if !self.wanted.needs_body(answer.status) => Ok(Some(answer)),
                    _ => Err(NoAnswer::LongHead),
                };
            };
            if is_final(status) {
                let (head, rest) = head.split_at(end);
                let mut answer = answer(status, head);
                if self.wanted.reads_body(status) {
                    match self.chunks.body(head, rest, ended) {
                        Ok(Some(body)) => answer.body = body,
                        Ok(None) => return Ok(None),
                        Err(why) if self.wanted.needs_body(status) => return Err(why),
                        Err(_) => answer.body = self.chunks.so_far(head, rest),
                    }
                }
                return Ok(Some(answer));
            }
            // The final answer follows (RFC 9110, section 15.2).
            self.from += end;
            if self.from >= LONGEST_HEAD {
                return Err(NoAnswer::LongHead);
            }
        }
    }

    /// Returns whether the head of the final answer is complete, so that only its body is missing.
    pub(super) fn is_in_body(&self) -> bool {
        self.status().is_some() && head_end(&self.bytes[self.from..]).is_some()
    }

    /// Returns the status line, once it is complete.
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

fn answer(status: u16, head: &[u8]) -> Answer {
    let text = |name| Some(String::from_utf8_lossy(fields(head, name).next()?).into_owned());
    let codings = ["content-encoding", "transfer-encoding"].map(|name| list(head, name));
    let coding = codings.concat().into_iter().find(|coding| {
        let plain: [&[u8]; 2] = [b"identity", b"chunked"];
        !plain.iter().any(|it| it.eq_ignore_ascii_case(coding))
    });
    Answer {
        status,
        retry_after: text("retry-after").and_then(|text| retry_after(&text)),
        upgrade: text("upgrade"),
        coding: coding.map(|coding| String::from_utf8_lossy(coding).into_owned()),
        body: Vec::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn wanted() -> Wanted {
        Wanted {
            allowed: Statuses::from(100..=999),
            body: true,
            is_head: false,
        }
    }

    pub(in super::super) fn read(pieces: &[&[u8]], wanted: Wanted) -> Result<Answer, NoAnswer> {
        let mut reader = Reader::new(wanted);
        for piece in pieces {
            if let Some(answer) = reader.take(piece)? {
                return Ok(answer);
            }
        }
        reader.end()
    }

    /// Reads a text at once and byte by byte, with equal results.
    fn answered(text: &[u8]) -> Result<Answer, NoAnswer> {
        let whole = read(&[text], wanted());
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes, wanted()), whole, "{:?}", text.escape_ascii());
        whole
    }

    pub(in super::super) fn body_of(text: &str) -> Result<Vec<u8>, NoAnswer> {
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
                Err(NoAnswer::LongHead)
            ));
        }
        let switched = answered(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n").unwrap();
        assert_eq!(
            (switched.status, switched.upgrade.as_deref()),
            (101, Some("websocket"))
        );
    }

    #[test]
    fn a_text_that_is_no_answer_is_shown_in_part() {
        assert_eq!(
            answered(&[b'x'; 2000]),
            Err(NoAnswer::NotHttp(vec![b'x'; 40]))
        );
    }

    #[test]
    fn a_status_is_enough_where_no_body_is_wanted() {
        let wanted = || Wanted {
            body: false,
            ..wanted()
        };
        let status = |text: &str| read(&[text.as_bytes()], wanted()).map(|answer| answer.status);
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
        let complaint = || Wanted {
            allowed: Statuses::from(200..=299),
            ..wanted()
        };
        let text = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\n";
        let answer = |rest: &str| read(&[text.as_bytes(), rest.as_bytes()], complaint()).unwrap();
        assert_eq!(answer("why").body, b"why");
        assert_eq!((answer("w").status, answer("w").body), (400, b"w".to_vec()));
        // The body of a wrong status is not needed.
        let ready = || Wanted {
            allowed: Statuses::from(200..=299),
            ..wanted()
        };
        let mut reader = Reader::new(ready());
        let refused = "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(reader.take(refused.as_bytes()), Ok(None));
        assert_eq!(reader.end().unwrap().status, 500);
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
