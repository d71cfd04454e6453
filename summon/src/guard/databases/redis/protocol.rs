//! The client's side of Redis's protocol (RESP2): commands as lines of text, and their replies.

use super::super::dialect::{self, Broken};
use super::super::refusal::{NO_SPACE, Reason, Refusal};
use super::super::rows::Rows;

/// The maximum length of a reply. The longest one is the list of clients.
const LONGEST: usize = 16 << 20;
/// How deep replies may be in each other.
const DEEPEST: usize = 16;
/// The maximum number of values in a reply.
const MOST_VALUES: usize = 1 << 16;
const GARBLED: Broken = Broken::Garbled("Redis");

/// One connection to a server.
#[derive(Debug, Default)]
pub(super) struct Protocol {
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Whether the reply to a command is not complete.
    is_busy: bool,
    answer: Option<Result<Rows, Refusal>>,
}

impl dialect::Protocol for Protocol {
    fn outbox(&self) -> &[u8] {
        &self.outbox
    }

    fn sent(&mut self, count: usize) {
        self.outbox.drain(..count);
    }

    fn is_idle(&self) -> bool {
        !self.is_busy
    }

    /// Sends a command as a line. Quotes may enclose an argument with spaces.
    fn query(&mut self, command: &str) {
        debug_assert!(self.is_idle());
        self.is_busy = true;
        self.outbox.extend(command.bytes());
        self.outbox.extend(b"\r\n");
    }

    fn take_answer(&mut self) -> Option<Result<Rows, Refusal>> {
        self.answer.take()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.inbox.extend(bytes);
        loop {
            let mut reply = Reply::default();
            let mut rest = &self.inbox[..];
            if self.inbox.is_empty() || !reply.read(&mut rest, 0)? {
                return match self.inbox.len() > LONGEST {
                    true => Err(GARBLED),
                    false => Ok(()),
                };
            }
            let read = self.inbox.len() - rest.len();
            self.inbox.drain(..read);
            let answer = match reply.refusal {
                Some(text) => Err(refusal(text)),
                None => Ok(vec![reply.values]),
            };
            // A server that refuses a connection sends the reason without a command.
            if !std::mem::take(&mut self.is_busy) {
                return Err(answer.map_or_else(Broken::Refused, |_| GARBLED));
            }
            self.answer = Some(answer);
        }
    }

    fn closed(&mut self) -> Broken {
        match self.answer.take() {
            Some(Err(refusal)) => Broken::Refused(refusal),
            _ => Broken::Closed,
        }
    }
}

/// The values of a reply, with the lists in it as one row.
#[derive(Debug, Default)]
struct Reply {
    values: Vec<Option<String>>,
    /// The first error.
    refusal: Option<String>,
}

impl Reply {
    /// Takes a reply off the front. Returns `false` if it is not complete.
    fn read(&mut self, rest: &mut &[u8], depth: usize) -> Result<bool, Broken> {
        let Some(line) = line(rest)? else {
            return Ok(false);
        };
        let (kind, text) = line.split_at_checked(1).ok_or(GARBLED)?;
        match kind {
            b"+" | b":" => self.add(Some(text))?,
            b"-" => {
                self.refusal.get_or_insert(lossy(text));
            }
            // -1 means no value.
            b"$" => match length(text)? {
                None => self.add(None)?,
                Some(length) if length > LONGEST => return Err(GARBLED),
                Some(length) => {
                    let Some((value, after)) = rest.split_at_checked(length) else {
                        return Ok(false);
                    };
                    let Some((end, after)) = after.split_at_checked(2) else {
                        return Ok(false);
                    };
                    if end != b"\r\n" {
                        return Err(GARBLED);
                    }
                    self.add(Some(value))?;
                    *rest = after;
                }
            },
            b"*" => match length(text)? {
                None => self.add(None)?,
                Some(_) if depth == DEEPEST => return Err(GARBLED),
                Some(length) => {
                    for _ in 0..length {
                        if !self.read(rest, depth + 1)? {
                            return Ok(false);
                        }
                    }
                }
            },
            _ => return Err(GARBLED),
        }
        Ok(true)
    }

    fn add(&mut self, value: Option<&[u8]>) -> Result<(), Broken> {
        self.values.push(value.map(lossy));
        match self.values.len() > MOST_VALUES {
            true => Err(GARBLED),
            false => Ok(()),
        }
    }
}

/// Decodes an error. Its first word is its code. summon says what to do about a password.
fn refusal(text: String) -> Refusal {
    let reason = match text.split(' ').next() {
        // The server loads its data, or runs a long script.
        Some("LOADING" | "BUSY") => Reason::Passing,
        // This one has only the code of all others.
        _ if text == "ERR max number of clients reached" => Reason::Passing,
        Some("NOAUTH") => {
            return format!("{text} summon makes databases only on a Redis without a password")
                .into();
        }
        _ if text.contains(NO_SPACE) => Reason::NoRoom,
        _ => Reason::Other,
    };
    Refusal { reason, text }
}

/// Takes a line off the front, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Broken> {
    // An error may have a long text. Everything else is a number or a word.
    const LONGEST_LINE: usize = 64 << 10;
    let within = &rest[..rest.len().min(LONGEST_LINE)];
    match within.windows(2).position(|two| two == b"\r\n") {
        Some(end) => {
            let line = &rest[..end];
            *rest = &rest[end + 2..];
            Ok(Some(line))
        }
        None if within.len() == LONGEST_LINE => Err(GARBLED),
        None => Ok(None),
    }
}

/// Reads a length. `None` means no value.
fn length(text: &[u8]) -> Result<Option<usize>, Broken> {
    let text = std::str::from_utf8(text).map_err(|_| GARBLED)?;
    match text {
        "-1" => Ok(None),
        text => Ok(Some(text.parse().map_err(|_| GARBLED)?)),
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Receives the answer to a command in these pieces, and returns the result.
#[cfg(fuzzing)]
pub(in crate::guard) fn answered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    use dialect::Protocol as _;
    let mut protocol = Protocol::default();
    protocol.query("PING");
    let mut received = pieces.into_iter().map(|piece| protocol.receive(piece));
    let broken = received.find_map(Result::err);
    let shown = broken.as_ref().map(Broken::to_string);
    format!("{:?} {shown:?}", protocol.take_answer())
}

#[cfg(test)]
mod tests {
    use dialect::Protocol as _;

    use super::*;

    fn asked() -> Protocol {
        let mut protocol = Protocol::default();
        protocol.query("PING");
        protocol
    }

    #[test]
    fn a_reply_arrives_in_pieces_of_any_size() {
        let reply = b"*4\r\n$4\r\ncopy\r\n:-3\r\n*2\r\n+write\r\n$-1\r\n$2\r\n\r\n\r\n";
        let values = [Some("copy"), Some("-3"), Some("write"), None, Some("\r\n")];
        let values = values.map(|value| value.map(str::to_owned)).to_vec();
        for size in 1..=reply.len() {
            let mut protocol = asked();
            assert_eq!(protocol.outbox(), b"PING\r\n");
            for piece in reply.chunks(size) {
                assert_eq!(protocol.take_answer(), None);
                protocol.receive(piece).unwrap();
            }
            assert!(protocol.is_idle());
            assert_eq!(protocol.take_answer(), Some(Ok(vec![values.clone()])));
        }
    }

    #[test]
    fn an_error_has_the_words_of_the_server() {
        let mut protocol = asked();
        protocol
            .receive(b"-ERR DB index is out of range\r\n")
            .unwrap();
        let refused = Some(Err("ERR DB index is out of range".to_owned().into()));
        assert_eq!(protocol.take_answer(), refused);
        // The connection works on.
        protocol.query("PING");
        protocol.receive(b"+PONG\r\n").unwrap();
        let pong = vec![vec![Some("PONG".to_owned())]];
        assert_eq!(protocol.take_answer(), Some(Ok(pong)));
        // Nobody has asked.
        let refused = protocol.receive(b"-ERR max number of clients reached\r\n");
        let text = "ERR max number of clients reached".to_owned();
        let reason = Reason::Passing;
        assert_eq!(refused, Err(Broken::Refused(Refusal { reason, text })));
    }

    #[test]
    fn the_first_word_tells_the_reason() {
        for (text, reason) in [
            (
                "LOADING Redis is loading the dataset in memory",
                Reason::Passing,
            ),
            ("BUSY Redis is busy running a script", Reason::Passing),
            ("ERR LOADING is not a command", Reason::Other),
            (
                "MISCONF Errors writing: No space left on device",
                Reason::NoRoom,
            ),
        ] {
            assert_eq!(refusal(text.to_owned()).reason, reason, "{text}");
        }
    }

    #[test]
    fn garbage_is_an_error_and_takes_no_memory() {
        let deep = b"*1\r\n".repeat(99);
        let long_line = vec![b'+'; 1 << 20];
        for garbage in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b"$x\r\n",
            b"$99999999999\r\n",
            b"$-2\r\n",
            b"$1\r\nabc",
            b"+OK\r\n+OK\r\n",
            &deep,
            &long_line,
        ] {
            let received = asked().receive(garbage);
            assert_eq!(received, Err(GARBLED), "{}", garbage.escape_ascii());
        }
        let mut protocol = asked();
        let many = format!("*99999999\r\n{}", ":1\r\n".repeat(1 << 17));
        assert_eq!(protocol.receive(many.as_bytes()), Err(GARBLED));
    }
}
