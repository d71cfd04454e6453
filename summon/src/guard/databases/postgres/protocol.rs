//! The client's side of PostgreSQL's protocol, version 3: start-up, and statements as text.

use super::super::dialect::{self, Broken};
use super::super::refusal::Refusal;
use super::super::rows::Rows;
use super::error_response::{refusal, text, wants};
use super::statements::APPLICATION;

/// The maximum length of a message. The answers to the guard's own statements are far shorter.
const LONGEST: usize = 1 << 20;
/// The maximum number of bytes in the rows of one answer.
const MOST_ROWS: usize = 4 << 20;
const GARBLED: Broken = Broken::Garbled("PostgreSQL");
/// Version 3.0 of the protocol.
const VERSION: i32 = 3 << 16;

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Protocol {
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    phase: Phase,
    /// The major version, once the server has sent it.
    version: u32,
    rows: Rows,
    size: usize,
    refusal: Option<Refusal>,
    answer: Option<Result<Rows, Refusal>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Starting,
    Idle,
    /// The answer to a statement is not complete.
    Busy,
}

impl Protocol {
    /// Begins a connection of `user` to `database`, under the name [`APPLICATION`]. [`Protocol::outbox`]
    /// has the first bytes.
    pub(super) fn new(user: &str, database: &str) -> Protocol {
        let mut body = VERSION.to_be_bytes().to_vec();
        let parameters = [
            ("user", user),
            ("database", database),
            ("application_name", APPLICATION),
        ];
        for (name, value) in parameters {
            put_text(&mut body, name);
            put_text(&mut body, value);
        }
        body.push(0);
        Protocol {
            inbox: Vec::new(),
            outbox: with_length(&body),
            phase: Phase::Starting,
            version: 0,
            rows: Vec::new(),
            size: 0,
            refusal: None,
            answer: None,
        }
    }

    fn learn(&mut self, tag: u8, body: &[u8]) -> Result<(), Broken> {
        match tag {
            b'R' if self.phase == Phase::Starting => match number(body)? {
                0 => {}
                kind => return Err(Broken::Refused(wants(kind))),
            },
            b'S' => {
                let (name, value) = parameter(body)?;
                if name == "server_version" {
                    self.version = major(value);
                }
            }
            b'D' if self.phase == Phase::Busy => {
                self.size += body.len();
                if self.size > MOST_ROWS {
                    return Err(GARBLED);
                }
                self.rows.push(row(body)?);
            }
            b'E' => {
                let refusal = refusal(body);
                if self.phase == Phase::Starting {
                    return Err(Broken::Refused(refusal));
                }
                // The first refusal is the cause. More can follow, for example if the server then
                // shuts down.
                self.refusal.get_or_insert(refusal);
            }
            b'Z' => {
                if self.phase == Phase::Busy {
                    let rows = std::mem::take(&mut self.rows);
                    self.size = 0;
                    self.answer = Some(match self.refusal.take() {
                        Some(refusal) => Err(refusal),
                        None => Ok(rows),
                    });
                }
                self.phase = Phase::Idle;
            }
            // The key for a cancellation, a notice, a notification, a newer version, the names of
            // columns, and the ends of single statements: none matters here.
            b'K' | b'N' | b'A' | b'v' | b'T' | b'C' | b'I' => {}
            _ => return Err(GARBLED),
        }
        Ok(())
    }
}

impl dialect::Protocol for Protocol {
    fn outbox(&self) -> &[u8] {
        &self.outbox
    }

    fn sent(&mut self, count: usize) {
        self.outbox.drain(..count);
    }

    fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn query(&mut self, statement: &str) {
        debug_assert!(self.is_idle(), "{:?}", self.phase);
        self.phase = Phase::Busy;
        let mut body = Vec::with_capacity(statement.len() + 1);
        put_text(&mut body, statement);
        self.outbox.push(b'Q');
        self.outbox.extend(with_length(&body));
    }

    fn take_answer(&mut self) -> Option<Result<Rows, Refusal>> {
        self.answer.take()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.inbox.extend(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = &inbox[..];
        while let Some((tag, body, after)) = split(rest)? {
            self.learn(tag, body)?;
            rest = after;
        }
        self.inbox = rest.to_vec();
        Ok(())
    }

    fn closed(&mut self) -> Broken {
        // A server says why before it closes, for example that it shuts down.
        let refusal = self.refusal.take();
        refusal.map_or(Broken::Closed, Broken::Refused)
    }
}

/// Receives the answer to a statement in these pieces, and returns the result.
#[cfg(fuzzing)]
pub(in crate::guard) fn answered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    use dialect::Protocol as _;
    let mut protocol = Protocol::new("fuzzing", "fuzzing");
    protocol.phase = Phase::Idle;
    protocol.query("SELECT");
    let mut received = pieces.into_iter().map(|piece| protocol.receive(piece));
    let broken = received.find_map(Result::err);
    let shown = broken.as_ref().map(Broken::to_string);
    format!(
        "{:?} {shown:?} {}",
        protocol.take_answer(),
        protocol.version()
    )
}

/// Splits the first whole message off: its tag, its body, and the bytes after it.
#[expect(clippy::type_complexity, reason = "three parts of one slice")]
fn split(bytes: &[u8]) -> Result<Option<(u8, &[u8], &[u8])>, Broken> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    // The length counts its own four bytes.
    let length = u32::from_be_bytes(*length) as usize;
    let length = length.checked_sub(4).ok_or(GARBLED)?;
    // Checked before the message is complete: otherwise the inbox would grow to any length.
    if length > LONGEST {
        return Err(GARBLED);
    }
    Ok(rest
        .split_at_checked(length)
        .map(|(body, after)| (*tag, body, after)))
}

fn put_text(body: &mut Vec<u8>, text: &str) {
    // A zero byte ends a text. Names and statements of the guard have none.
    body.extend(text.bytes().filter(|byte| *byte != 0));
    body.push(0);
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32 + 4).to_be_bytes().to_vec();
    bytes.extend(body);
    bytes
}

fn number(body: &[u8]) -> Result<i32, Broken> {
    let (number, _) = body.split_first_chunk::<4>().ok_or(GARBLED)?;
    Ok(i32::from_be_bytes(*number))
}

fn parameter(mut body: &[u8]) -> Result<(&str, &str), Broken> {
    let mut next = || text(&mut body).and_then(|it| std::str::from_utf8(it).ok());
    next().zip(next()).ok_or(GARBLED)
}

/// Returns the major version of a text such as `15.14 (Debian)` or `18beta1`.
fn major(version: &str) -> u32 {
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    version[..digits].parse().unwrap_or(0)
}

fn row(body: &[u8]) -> Result<Vec<Option<String>>, Broken> {
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or(GARBLED)?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let length = number(rest)?;
        rest = &rest[4..];
        // -1 is NULL.
        let Ok(length) = usize::try_from(length) else {
            values.push(None);
            continue;
        };
        let (value, after) = rest.split_at_checked(length).ok_or(GARBLED)?;
        values.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use dialect::Protocol as _;

    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &with_length(body)].concat()
    }

    fn started() -> Protocol {
        let mut protocol = Protocol::new("postgres", "postgres");
        let start = [
            message(b'R', &[0; 4]),
            message(b'S', b"server_version\x0015.14 (Debian)\0"),
            message(b'K', &[0; 8]),
            message(b'Z', b"I"),
        ];
        protocol.receive(&start.concat()).unwrap();
        let sent = protocol.outbox().len();
        protocol.sent(sent);
        protocol
    }

    const ERROR: &[u8] =
        b"SERROR\0C55006\0Mdatabase \"t\" is in use\0DThere is 1 other session.\0\0";
    const ROW: &[u8] = b"\0\x02\0\0\0\x02me\xff\xff\xff\xff";

    #[test]
    fn a_start_sends_the_user_and_the_database() {
        let protocol = Protocol::new("me", "data");
        let body = b"\0\x03\0\0user\0me\0database\0data\0application_name\0summon\0\0";
        assert_eq!(protocol.outbox(), with_length(body));
        assert!(!protocol.is_idle());
    }

    #[test]
    fn an_answer_arrives_in_pieces_of_any_size() {
        let answer = [
            message(b'T', b"\0\x02"),
            message(b'D', ROW),
            message(b'C', b"SELECT 1\0"),
            message(b'Z', b"I"),
        ];
        let answer = answer.concat();
        for size in 1..answer.len() {
            let mut protocol = started();
            assert_eq!(protocol.version(), 15);
            protocol.query("SELECT");
            assert_eq!(protocol.outbox(), message(b'Q', b"SELECT\0"));
            for piece in answer.chunks(size) {
                assert_eq!(protocol.take_answer(), None);
                protocol.receive(piece).unwrap();
            }
            let rows = vec![vec![Some("me".to_owned()), None]];
            assert_eq!(protocol.take_answer(), Some(Ok(rows)));
            assert!(protocol.is_idle());
        }
    }

    #[test]
    fn an_error_has_the_words_of_the_server() {
        let mut protocol = started();
        protocol.query("DROP DATABASE t");
        let answer = [message(b'E', ERROR), message(b'Z', b"I")].concat();
        protocol.receive(&answer).unwrap();
        let refusal = protocol.take_answer().unwrap().unwrap_err();
        assert_eq!(
            refusal.text,
            "ERROR: database \"t\" is in use; DETAIL: There is 1 other session. (SQLSTATE 55006)"
        );
        // The connection works on.
        protocol.query("SELECT");
        protocol.receive(&message(b'Z', b"I")).unwrap();
        assert_eq!(protocol.take_answer(), Some(Ok(Vec::new())));
    }

    #[test]
    fn a_connection_that_ends_has_the_words_of_the_server() {
        let mut protocol = Protocol::new("me", "data");
        let refused = protocol.receive(&message(b'E', ERROR)).unwrap_err();
        assert!(
            refused.to_string().starts_with("ERROR: database"),
            "{refused}"
        );
        let mut protocol = started();
        assert_eq!(protocol.closed(), Broken::Closed);
        protocol.receive(&message(b'E', ERROR)).unwrap();
        assert!(matches!(protocol.closed(), Broken::Refused(_)));
    }

    #[test]
    fn another_authentication_is_an_error_that_says_so() {
        let mut protocol = Protocol::new("me", "data");
        let asked = protocol.receive(&message(b'R', &10i32.to_be_bytes()));
        assert_eq!(
            asked.unwrap_err().to_string(),
            "the server asks for a password; summon makes databases only on a server that trusts \
             connections from 127.0.0.1 (`trust` in `pg_hba.conf`)"
        );
    }

    #[test]
    fn garbage_is_an_error_and_takes_no_memory() {
        for garbage in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"Z\0\0\0\x03",
            b"R\0\0\0\x05\0",
            b"S\0\0\0\x05a",
            b"D\0\0\0\x04",
            b"Z\x7f\xff\xff\xff",
        ] {
            let mut protocol = Protocol::new("me", "data");
            assert_eq!(protocol.receive(garbage), Err(GARBLED), "{garbage:?}");
        }
        for row in [&b"\0"[..], b"\0\x01", b"\0\x01\0\0\0\x07", b"\xff\xff"] {
            let mut protocol = started();
            protocol.query("SELECT");
            let row = message(b'D', row);
            assert_eq!(protocol.receive(&row), Err(GARBLED), "{row:?}");
        }
        let mut protocol = started();
        protocol.query("SELECT");
        let long = message(b'D', &[b"\0\x01\0\x08\0\0", &[b'x'; 1 << 19][..]].concat());
        let mut rows = (0..9).map(|_| protocol.receive(&long));
        assert!(rows.any(|received| received == Err(GARBLED)));
    }
}
