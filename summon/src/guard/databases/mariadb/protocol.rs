//! The client's side of MariaDB's protocol: a login without a password, and statements as text.

use super::super::dialect::{self, Broken};
use super::super::refusal::{NO_SPACE, Reason, Refusal};
use super::super::rows::Rows;
use super::packets::{Packets, Text};

const GARBLED: Broken = Broken::Garbled("MariaDB");
/// The maximum number of bytes in the rows of one answer.
const MOST_ROWS: usize = 16 << 20;

/// The capabilities of this client: the protocol of version 4.1, without a password or with an empty
/// one of the default authentication, several statements at once, and their several results.
const CAPABILITIES: u32 = LONG_PASSWORD
    | LONG_FLAG
    | PROTOCOL_41
    | TRANSACTIONS
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PLUGIN_AUTH;
const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const PROTOCOL_41: u32 = 1 << 9;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const MULTI_STATEMENTS: u32 = 1 << 16;
const MULTI_RESULTS: u32 = 1 << 17;
const PLUGIN_AUTH: u32 = 1 << 19;
/// The number of the collation `utf8mb4_general_ci`.
const UTF8: u8 = 45;
const NO_PASSWORD: &str = "mysql_native_password";
/// The status of a result that another one follows.
const MORE_RESULTS: u16 = 1 << 3;
const QUERY: u8 = 3;

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Protocol {
    user: &'static str,
    packets: Packets,
    phase: Phase,
    rows: Rows,
    size: usize,
    answer: Option<Result<Rows, Refusal>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The server speaks first.
    Greeting,
    /// The server decides about the login.
    Login,
    Idle,
    /// A statement was sent: the next packet begins its answer.
    Asked,
    /// This many descriptions of columns and their end follow.
    Columns(u64),
    Rows,
}

impl Protocol {
    pub(super) fn new(user: &'static str) -> Protocol {
        Protocol {
            user,
            packets: Packets::default(),
            phase: Phase::Greeting,
            rows: Vec::new(),
            size: 0,
            answer: None,
        }
    }

    fn learn(&mut self, packet: &[u8]) -> Result<(), Broken> {
        let kind = *packet.first().ok_or(GARBLED)?;
        self.phase = match (self.phase, kind) {
            // It refuses connections, or lets them wait too long.
            (Phase::Greeting | Phase::Login | Phase::Idle, 0xff) => {
                return Err(Broken::Refused(login_refused(packet)?));
            }
            (Phase::Greeting, 10) => {
                self.log_in();
                Phase::Login
            }
            (Phase::Login, 0) => Phase::Idle,
            (Phase::Login, 0xfe) => {
                let mut text = Text(&packet[1..]);
                let plugin = text.until_zero().unwrap_or_default();
                if plugin != NO_PASSWORD.as_bytes() {
                    return Err(Broken::Refused(wants(&String::from_utf8_lossy(plugin))));
                }
                self.packets.put(&[]);
                Phase::Login
            }
            (Phase::Asked | Phase::Columns(_) | Phase::Rows, 0xff) => {
                self.rows.clear();
                self.end(Err(refusal(packet)?.1))
            }
            (Phase::Asked, 0) => {
                let mut text = Text(&packet[1..]);
                let _rows = text.number().ok_or(GARBLED)?;
                let _id = text.number().ok_or(GARBLED)?;
                self.end_result(text.short().ok_or(GARBLED)?)
            }
            (Phase::Asked, _) => {
                let mut text = Text(packet);
                match text.number() {
                    Some(columns @ 1..=4096) if text.0.is_empty() => Phase::Columns(columns),
                    // It asks for a file, for example.
                    _ => return Err(GARBLED),
                }
            }
            (Phase::Columns(0), 0xfe) => Phase::Rows,
            (Phase::Columns(left), _) => Phase::Columns(left.checked_sub(1).ok_or(GARBLED)?),
            (Phase::Rows, 0xfe) if packet.len() < 9 => {
                let mut text = Text(&packet[1..]);
                let _warnings = text.short().ok_or(GARBLED)?;
                self.end_result(text.short().ok_or(GARBLED)?)
            }
            (Phase::Rows, _) => {
                self.size += packet.len();
                if self.size > MOST_ROWS {
                    return Err(GARBLED);
                }
                self.rows.push(row(packet)?);
                Phase::Rows
            }
            (Phase::Greeting | Phase::Login | Phase::Idle, _) => return Err(GARBLED),
        };
        Ok(())
    }

    fn log_in(&mut self) {
        let mut packet = CAPABILITIES.to_le_bytes().to_vec();
        packet.extend((1u32 << 24).to_le_bytes());
        packet.push(UTF8);
        packet.extend([0; 23]);
        packet.extend(self.user.bytes());
        // The end of the name, and the length of the password.
        packet.extend([0, 0]);
        packet.extend(NO_PASSWORD.bytes());
        packet.push(0);
        self.packets.put(&packet);
    }

    /// Ends a result with this status.
    fn end_result(&mut self, status: u16) -> Phase {
        match status & MORE_RESULTS {
            0 => {
                let rows = std::mem::take(&mut self.rows);
                self.end(Ok(rows))
            }
            _ => Phase::Asked,
        }
    }

    fn end(&mut self, answer: Result<Rows, Refusal>) -> Phase {
        self.size = 0;
        self.answer = Some(answer);
        Phase::Idle
    }
}

impl dialect::Protocol for Protocol {
    fn outbox(&self) -> &[u8] {
        &self.packets.outbox
    }

    fn sent(&mut self, count: usize) {
        self.packets.outbox.drain(..count);
    }

    fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    fn query(&mut self, statement: &str) {
        debug_assert!(self.is_idle(), "{:?}", self.phase);
        self.phase = Phase::Asked;
        self.packets.begin();
        self.packets.put(&[&[QUERY], statement.as_bytes()].concat());
    }

    /// Takes the answer: the rows of all results.
    fn take_answer(&mut self) -> Option<Result<Rows, Refusal>> {
        self.answer.take()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.packets.receive(bytes);
        while let Some(packet) = self.packets.take().ok_or(GARBLED)? {
            self.learn(&packet)?;
        }
        Ok(())
    }

    fn closed(&mut self) -> Broken {
        match self.answer.take() {
            Some(Err(refusal)) => Broken::Refused(refusal),
            _ => Broken::Closed,
        }
    }
}

/// Decodes an error: its code, and the server's words as its own client shows them, such as
/// `ERROR 1064 (42000): You have an error in your SQL syntax`.
fn refusal(packet: &[u8]) -> Result<(u16, Refusal), Broken> {
    let mut text = Text(packet.get(1..).ok_or(GARBLED)?);
    let code = text.short().ok_or(GARBLED)?;
    // A refusal before the login has no state.
    let (state, words) = match text.0.split_at_checked(6) {
        Some(([b'#', state @ ..], words)) => (format!(" ({})", state.escape_ascii()), words),
        _ => (String::new(), text.0),
    };
    let words = String::from_utf8_lossy(words);
    let reason = reason(code, &words);
    let text = format!("ERROR {code}{state}: {words}");
    Ok((code, Refusal { reason, text }))
}

/// Translates the number of an error.
fn reason(code: u16, words: &str) -> Reason {
    match code {
        // `ER_DB_CREATE_EXISTS`.
        1007 => Reason::NameTaken,
        // `ER_QUERY_INTERRUPTED` and `ER_CONNECTION_KILLED`.
        1317 | 1927 => Reason::Interrupted,
        // `ER_CON_COUNT_ERROR`.
        1040 => Reason::Passing,
        // `ER_DISK_FULL` and `ER_RECORD_FILE_FULL`.
        1021 | 1114 => Reason::NoRoom,
        // The server has an error for each failed call, and puts the errno in its text.
        _ if words.contains(NO_SPACE) => Reason::NoRoom,
        _ => Reason::Other,
    }
}

fn login_refused(packet: &[u8]) -> Result<Refusal, Broken> {
    /// `ER_ACCESS_DENIED_ERROR`.
    const DENIED: u16 = 1045;
    let (code, mut refusal) = refusal(packet)?;
    if code == DENIED {
        refusal.text += &format!("; {ONLY_WITHOUT}");
    }
    Ok(refusal)
}

/// Says that the server wants another authentication.
fn wants(plugin: &str) -> Refusal {
    format!("the server asks for the authentication `{plugin}`; {ONLY_WITHOUT}").into()
}

const ONLY_WITHOUT: &str =
    "summon makes databases only on a MariaDB whose `root` has no password at 127.0.0.1";

fn row(packet: &[u8]) -> Result<Vec<Option<String>>, Broken> {
    let mut text = Text(packet);
    let mut values = Vec::new();
    while !text.0.is_empty() {
        values.push(match text.0[0] {
            // NULL.
            0xfb => {
                text.0 = &text.0[1..];
                None
            }
            _ => {
                let value = text.counted().ok_or(GARBLED)?;
                Some(String::from_utf8_lossy(value).into_owned())
            }
        });
    }
    Ok(values)
}

/// Receives the answer to a statement in these pieces, and returns the result.
#[cfg(fuzzing)]
pub(in crate::guard) fn answered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    use dialect::Protocol as _;
    let mut protocol = Protocol::new("fuzzing");
    protocol.phase = Phase::Idle;
    protocol.query("SELECT");
    let mut received = pieces.into_iter().map(|piece| protocol.receive(piece));
    let broken = received.find_map(Result::err);
    let shown = broken.as_ref().map(Broken::to_string);
    format!("{:?} {shown:?}", protocol.take_answer())
}

#[cfg(test)]
mod tests {
    use dialect::Protocol as _;

    use super::*;

    fn packet(number: u8, body: &[u8]) -> Vec<u8> {
        [&[body.len() as u8, 0, 0, number][..], body].concat()
    }

    const GREETING: &[u8] = b"\x0a10.11.2-MariaDB\0\x07\0\0\0abcdefgh\0";
    const OK: &[u8] = b"\0\0\0\x02\0\0\0";
    const ERROR: &[u8] = b"\xff\x28\x04#42000You have an error";

    fn started() -> Protocol {
        let mut protocol = Protocol::new("root");
        protocol.receive(&packet(0, GREETING)).unwrap();
        let login = protocol.outbox().to_vec();
        assert_eq!(login[3], 1);
        let end = b"root\0\0mysql_native_password\0";
        assert!(login.ends_with(end), "{}", login.escape_ascii());
        protocol.sent(login.len());
        protocol.receive(&packet(2, OK)).unwrap();
        assert!(protocol.is_idle());
        protocol
    }

    fn asked() -> Protocol {
        let mut protocol = started();
        protocol.query("SELECT 1");
        assert_eq!(protocol.outbox(), packet(0, b"\x03SELECT 1"));
        protocol
    }

    #[test]
    fn an_answer_has_the_rows_of_all_results() {
        let answer = [
            packet(1, b"\x02"),
            packet(2, b"\x03def about a column"),
            packet(3, b"\x03def about a column"),
            packet(4, b"\xfe\0\0\x0a\0"),
            packet(5, b"\x02me\xfb"),
            packet(6, b"\xfe\0\0\x0a\0"),
            packet(7, b"\0\x01\0\x0a\0\0\0"),
            packet(8, b"\x01"),
            packet(9, b"\x03def about a column"),
            packet(10, b"\xfe\0\0\x02\0"),
            packet(11, b"\0"),
            packet(12, b"\xfe\0\0\x02\0"),
        ];
        let answer = answer.concat();
        for size in 1..=answer.len() {
            let mut protocol = asked();
            for piece in answer.chunks(size) {
                assert_eq!(protocol.take_answer(), None);
                protocol.receive(piece).unwrap();
            }
            let rows = vec![vec![Some("me".to_owned()), None], vec![Some(String::new())]];
            assert_eq!(protocol.take_answer(), Some(Ok(rows)));
            assert!(protocol.is_idle());
        }
    }

    #[test]
    fn an_error_has_the_words_of_the_server() {
        let mut protocol = asked();
        protocol.receive(&packet(1, ERROR)).unwrap();
        let refused = "ERROR 1064 (42000): You have an error".to_owned();
        assert_eq!(protocol.take_answer(), Some(Err(refused.into())));
        // The connection works on.
        protocol.query("SELECT 1");
        protocol.receive(&packet(1, OK)).unwrap();
        assert_eq!(protocol.take_answer(), Some(Ok(Vec::new())));
    }

    #[test]
    fn a_refused_login_says_what_summon_needs() {
        let needs = "; summon makes databases only on a MariaDB whose `root` has no password at \
                     127.0.0.1";
        for (answer, why) in [
            (
                &b"\xff\x15\x04#28000Access denied"[..],
                "ERROR 1045 (28000): Access denied",
            ),
            (
                b"\xfeclient_ed25519\0abc",
                "the server asks for the authentication `client_ed25519`",
            ),
        ] {
            let mut protocol = Protocol::new("root");
            protocol.receive(&packet(0, GREETING)).unwrap();
            let refused = protocol.receive(&packet(2, answer)).unwrap_err();
            assert_eq!(refused.to_string(), format!("{why}{needs}"));
        }
        let mut protocol = Protocol::new("root");
        let refused = protocol.receive(&packet(0, b"\xff\x10\x04Too many connections"));
        let text = "ERROR 1040: Too many connections".to_owned();
        let reason = Reason::Passing;
        assert_eq!(refused, Err(Broken::Refused(Refusal { reason, text })));
    }

    #[test]
    fn the_code_tells_the_reason() {
        for (code, reason) in [
            (1007, Reason::NameTaken),
            (1317, Reason::Interrupted),
            (1927, Reason::Interrupted),
            (1040, Reason::Passing),
            (1114, Reason::NoRoom),
            (1064, Reason::Other),
        ] {
            let error = [b"\xff", &u16::to_le_bytes(code)[..], b"ERROR 1040: no"].concat();
            assert_eq!(refusal(&error).unwrap().1.reason, reason, "{code}");
        }
        let error = b"\xff\x03\0#HY000Error writing (Errcode: 28 \"No space left on device\")";
        assert_eq!(refusal(error).unwrap().1.reason, Reason::NoRoom);
    }

    #[test]
    fn an_empty_password_is_given_when_the_server_asks_again() {
        let mut protocol = Protocol::new("root");
        protocol.receive(&packet(0, GREETING)).unwrap();
        protocol.sent(protocol.outbox().len());
        let again = packet(2, b"\xfemysql_native_password\0abcdefgh\0");
        protocol.receive(&again).unwrap();
        assert_eq!(protocol.outbox(), packet(3, b""));
    }

    #[test]
    fn garbage_is_an_error_and_takes_no_memory() {
        let mut protocol = Protocol::new("root");
        let page = protocol.receive(b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(page, Err(GARBLED));
        for greeting in [&b""[..], b"\x09old", b"\0"] {
            let mut protocol = Protocol::new("root");
            let received = protocol.receive(&packet(0, greeting));
            assert_eq!(received, Err(GARBLED), "{}", greeting.escape_ascii());
        }
        for answer in [
            &b""[..],
            // A request for a file.
            b"\xfb/etc/passwd",
            b"\xfc\xff\xff",
            b"\x01\x01",
            b"\0",
        ] {
            let received = asked().receive(&packet(1, answer));
            assert_eq!(received, Err(GARBLED), "{}", answer.escape_ascii());
        }
        let mut protocol = asked();
        protocol.receive(&packet(1, b"\x01")).unwrap();
        protocol.receive(&packet(2, b"\x03def")).unwrap();
        protocol.receive(&packet(3, b"\xfe\0\0\x02\0")).unwrap();
        assert_eq!(protocol.receive(&packet(4, b"\x09a")), Err(GARBLED));
    }
}
