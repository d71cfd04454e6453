//! The reasons for bytes that are not an answer.

use std::fmt;

/// The length of the head of an HTTP/2 frame (RFC 9113, section 4.1).
pub(super) const FRAME_HEAD: usize = 9;

/// The reason why the bytes of a connection are not an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The server closed the connection before its first byte.
    Closed,
    /// The server closed the connection within its answer.
    CutOff,
    /// Something else than HTTP, with its first bytes.
    NotHttp(Vec<u8>),
    /// A record of TLS.
    Tls,
    /// A frame of HTTP/2.
    Http2,
    /// The head is longer than `LONGEST_HEAD`.
    LongHead,
    /// The length or the chunks of the body are wrong, for this reason.
    BadBody(&'static str),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoAnswer::Closed => "it closes the connection without an answer",
            NoAnswer::CutOff => "it closes the connection before the end of its answer",
            NoAnswer::Tls => "it answers with TLS, not HTTP",
            NoAnswer::Http2 => "it answers with HTTP/2, not HTTP/1.1",
            NoAnswer::LongHead => "it answers, but its head is longer than 64 KiB",
            NoAnswer::BadBody(why) => return write!(f, "it answers, but {why}"),
            NoAnswer::NotHttp(bytes) => {
                let shown = String::from_utf8_lossy(bytes);
                return write!(f, "it answers, but not with HTTP: {shown:?}");
            }
        })
    }
}

/// Recognises TLS and HTTP/2 by their first bytes.
pub(super) fn other_protocol(bytes: &[u8]) -> Option<NoAnswer> {
    match bytes {
        // An alert or a handshake of TLS (RFC 8446, section 5.1).
        [0x15 | 0x16, 0x03, ..] => Some(NoAnswer::Tls),
        // A SETTINGS or GOAWAY frame on stream 0 (RFC 9113, sections 6.5 and 6.8).
        [0, _, _, 4 | 7, _, 0, 0, 0, 0, ..] => Some(NoAnswer::Http2),
        _ => None,
    }
}
