//! Reads the body of an answer, up to its announced length and a limit.

use super::head::{LONGEST_LINE, list};
use super::no_answer::NoAnswer;

/// The limit of a body; the rest is not read.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;
/// The limit of a chunked body with the sizes and extensions of its chunks.
const LONGEST_CHUNKED: usize = 16 * LONGEST_BODY;

const NO_CHUNKS: NoAnswer = NoAnswer::BadBody("its body is not chunked, although its head says so");

/// The rule that determines the end of a body (RFC 9112, section 6.3).
enum Length {
    Chunked,
    Bytes(usize),
    /// The body ends with the connection.
    Untold,
}

impl Length {
    fn of(head: &[u8]) -> Result<Length, NoAnswer> {
        if let Some(coding) = list(head, "transfer-encoding").last() {
            return Ok(match coding.eq_ignore_ascii_case(b"chunked") {
                true => Length::Chunked,
                false => Length::Untold,
            });
        }
        let lengths = list(head, "content-length");
        let lengths: Option<Vec<usize>> = lengths.into_iter().map(number).collect();
        match lengths.as_deref() {
            None => Err(NoAnswer::BadBody("its `Content-Length` is not a number")),
            Some([]) => Ok(Length::Untold),
            Some([length, others @ ..]) if others.iter().all(|other| other == length) => {
                Ok(Length::Bytes(*length))
            }
            Some(_) => Err(NoAnswer::BadBody("its two `Content-Length` fields differ")),
        }
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    // The parser rejects digits only if the number is too large.
    Some(digits.parse().unwrap_or(usize::MAX))
}

/// The chunks that have come so far (RFC 9112, section 7.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    body: Vec<u8>,
    /// The offset of the next chunk.
    at: usize,
}

impl Chunks {
    /// Returns the body, once its end or the limit has come. `rest` contains all bytes after the head.
    pub(super) fn body(
        &mut self,
        head: &[u8],
        rest: &[u8],
        ended: bool,
    ) -> Result<Option<Vec<u8>>, NoAnswer> {
        let length = match Length::of(head)? {
            Length::Chunked => return self.go_on(rest, ended),
            Length::Bytes(length) => Some(length.min(LONGEST_BODY)),
            Length::Untold => None,
        };
        let enough = length.unwrap_or(LONGEST_BODY);
        match length {
            _ if rest.len() >= enough => Ok(Some(rest[..enough].to_vec())),
            None if ended => Ok(Some(rest.to_vec())),
            Some(_) if ended => Err(NoAnswer::CutOff),
            _ => Ok(None),
        }
    }

    /// Returns the part of the body that has come.
    pub(super) fn so_far(&self, head: &[u8], rest: &[u8]) -> Vec<u8> {
        let length = match Length::of(head) {
            Ok(Length::Chunked) => return self.body.clone(),
            Ok(Length::Bytes(length)) => length.min(LONGEST_BODY),
            Ok(Length::Untold) => LONGEST_BODY,
            Err(_) => 0,
        };
        rest[..rest.len().min(length)].to_vec()
    }

    fn go_on(&mut self, all: &[u8], ended: bool) -> Result<Option<Vec<u8>>, NoAnswer> {
        loop {
            let rest = &all[self.at..];
            let line = &rest[..rest.len().min(LONGEST_LINE)];
            let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
                return match line.len() < LONGEST_LINE {
                    true if ended => Err(NoAnswer::CutOff),
                    true => Ok(None),
                    false => Err(NO_CHUNKS),
                };
            };
            let size = chunk_size(&rest[..end]).ok_or(NO_CHUNKS)?;
            if size == 0 {
                return Ok(Some(self.body.clone()));
            }
            let data = &rest[end + 1..];
            let here = &data[..size.min(data.len())];
            if self.body.len() + here.len() >= LONGEST_BODY {
                let missing = LONGEST_BODY - self.body.len();
                return Ok(Some([&self.body, &here[..missing]].concat()));
            }
            let line_end = match data.get(size..) {
                Some([b'\r', b'\n', ..]) => 2,
                Some([b'\n', ..]) => 1,
                Some([] | [b'\r']) | None if ended => return Err(NoAnswer::CutOff),
                Some([] | [b'\r']) | None => return Ok(None),
                Some(_) => return Err(NO_CHUNKS),
            };
            self.body.extend(here);
            self.at += end + 1 + size + line_end;
            if self.at > LONGEST_CHUNKED {
                return Err(NO_CHUNKS);
            }
        }
    }
}

/// Parses the size in the line before a chunk. Extensions may follow it.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
    // `from_str_radix` accepts a sign, which HTTP does not allow.
    let is_number = size.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(size).ok().filter(|_| is_number)?;
    usize::from_str_radix(size, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::{body_of, read, wanted};
    use super::*;

    #[test]
    fn a_body_ends_as_it_is_said() {
        let ok = "HTTP/1.1 200 OK\r\n";
        assert_eq!(body_of(&format!("{ok}\r\nall")), Ok(b"all".to_vec()));
        let with = |head: &str, body: &str| body_of(&format!("{ok}{head}\r\n\r\n{body}"));
        assert_eq!(with("Content-Length: 3", "all more"), Ok(b"all".to_vec()));
        assert_eq!(with("content-length: 5", "all"), Err(NoAnswer::CutOff));
        assert!(with("Content-Length: many", "all").is_err());
        assert!(with("Content-Length: +3", "all").is_err());
        let two = |other: &str| {
            with(
                &format!("Content-Length: 3\r\nCONTENT-LENGTH: {other}"),
                "all",
            )
        };
        assert_eq!(two("3, 3"), Ok(b"all".to_vec()));
        assert!(matches!(two("4"), Err(NoAnswer::BadBody(_))));
        assert!(matches!(two("3, 2"), Err(NoAnswer::BadBody(_))));
        // `Transfer-Encoding` overrides `Content-Length` (RFC 9112, section 6.3).
        let coded = "Content-Length: 1\r\nTransfer-Encoding: gzip";
        assert_eq!(with(coded, "all"), Ok(b"all".to_vec()));
        assert_eq!(
            with(
                &format!("{coded}\r\ntransfer-encoding: chunked"),
                "3\r\nall\r\n0\r\n"
            ),
            Ok(b"all".to_vec())
        );
        let chunked = "Transfer-Encoding: gzip, Chunked";
        assert_eq!(
            with(chunked, "3\r\nall\r\n4;a=b\r\n is \r\n0\r\n\r\n"),
            Ok(b"all is ".to_vec())
        );
        assert_eq!(with(chunked, "3\r\nall\r\n4\r\n i"), Err(NoAnswer::CutOff));
        assert!(matches!(
            with(chunked, "all\r\n"),
            Err(NoAnswer::BadBody(_))
        ));
        assert!(matches!(
            with(chunked, "3\r\nallall\r\n"),
            Err(NoAnswer::BadBody(_))
        ));
        assert!(matches!(
            with(chunked, "+3\r\nall\r\n0\r\n\r\n"),
            Err(NoAnswer::BadBody(_))
        ));
        assert_eq!(
            with(chunked, "3 ;a=\"b;c\"\nall\n0\r\nTrailer: x\r\n\r\n"),
            Ok(b"all".to_vec())
        );
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
            let answer = read(&[text.as_bytes()], wanted()).unwrap();
            assert_eq!(answer.body.len(), LONGEST_BODY);
        }
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n{body}");
        let answer = read(&[text.as_bytes()], wanted()).unwrap();
        assert_eq!(answer.body.len(), LONGEST_BODY);
    }

    #[test]
    fn chunks_that_are_all_head_have_an_end() {
        let line = format!("1;{}\r\nx\r\n", "e".repeat(LONGEST_LINE - 10));
        let mut pieces = vec![&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..]];
        pieces.extend(vec![line.as_bytes(); LONGEST_CHUNKED / line.len() + 1]);
        assert!(matches!(read(&pieces, wanted()), Err(NoAnswer::BadBody(_))));
        let long = format!("1;{}", "e".repeat(LONGEST_LINE));
        assert!(matches!(
            Chunks::default().go_on(long.as_bytes(), false),
            Err(NoAnswer::BadBody(_))
        ));
    }
}
