//! Hints about unexpected answers of a server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use summon_syntax::url::NO_TLS;

use super::answer::Answer;
use super::ask::Failed;
use super::no_answer::{self, NoAnswer};
use crate::probe::Target;
use crate::sys::{self, proc};

/// The outcome of the last request.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Status {
        status: u16,
        upgrade: Option<String>,
        wants_tls: bool,
    },
    /// The status is right and the body is not; contains the hint.
    Body(String),
    NoAnswer(NoAnswer),
    /// The server answered a TLS client with something else.
    NotTls,
    Other,
}

impl Outcome {
    pub(super) fn of(answer: &Answer) -> Outcome {
        let text = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
        Outcome::Status {
            status: answer.status,
            upgrade: answer.upgrade.clone(),
            // The texts of nginx, Apache, and servers written in Go, in this order.
            wants_tls: answer.status == 400
                && [
                    "to https port",
                    "ssl-enabled server port",
                    "to an https server",
                ]
                .iter()
                .any(|said| text.contains(said)),
        }
    }

    pub(super) fn of_failure(failed: &Failed) -> Outcome {
        match failed {
            Failed::NoAnswer(why) => Outcome::NoAnswer(why.clone()),
            Failed::Io(error) => match error.kind() {
                io::ErrorKind::InvalidData => Outcome::NotTls,
                io::ErrorKind::ConnectionReset => Outcome::NoAnswer(NoAnswer::Closed),
                _ => Outcome::Other,
            },
        }
    }

    /// Returns the hint about this outcome.
    pub(super) fn hint(&self, target: &Target<'_>, addr: Option<SocketAddr>) -> Option<String> {
        let hint = match self {
            Outcome::Status {
                wants_tls: true, ..
            }
            | Outcome::NoAnswer(NoAnswer::Tls) => tls(),
            Outcome::Status {
                status, upgrade, ..
            } => {
                return of_status(*status, upgrade.as_deref(), target);
            }
            Outcome::NotTls => "it does not use TLS on this port: use `http://..`".to_owned(),
            Outcome::NoAnswer(NoAnswer::Http2) => HTTP2.to_owned(),
            Outcome::NoAnswer(NoAnswer::Closed) => match speaks(addr?) {
                Some(NoAnswer::Tls) => tls(),
                Some(_) => HTTP2.to_owned(),
                None => {
                    "if this port is not for HTTP, use `tcp`; otherwise see its output, and try another path"
                        .to_owned()
                }
            },
            Outcome::NoAnswer(NoAnswer::NotHttp(_)) => {
                "it does not speak HTTP on this port: use `tcp`, or its port for HTTP".to_owned()
            }
            Outcome::Body(hint) => hint.clone(),
            Outcome::NoAnswer(_) | Outcome::Other => return None,
        };
        Some(hint)
    }
}

/// Makes the outcome for a body that does not end.
pub(super) fn endless() -> Outcome {
    let hint = "its body does not end, like an event stream: request another path, or remove \
                `body_matches` to check only the status";
    Outcome::Body(hint.to_owned())
}

/// Makes the outcome for a body that does not match.
pub(super) fn other_body(answer: &Answer) -> Outcome {
    // The limit may have cut the body within a character.
    let is_text = match std::str::from_utf8(&answer.body) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    // A byte order mark, or ASCII in every other byte.
    let is_wide = matches!(
        answer.body[..],
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, 1..=0xff, ..] | [1..=0xff, 0, ..]
    );
    Outcome::Body(match &answer.coding {
        _ if answer.body.is_empty() => {
            "it answers without a body: request another path, or remove `body_matches` to check only \
             the status"
                .to_owned()
        }
        Some(coding) => format!(
            "`body_matches` does not decompress `{coding}`: request a path that is not compressed, and \
             set no `Accept-Encoding` header"
        ),
        None if is_wide => "its body is UTF-16, and `body_matches` reads UTF-8".to_owned(),
        None if !is_text => "its body is not UTF-8: in a pattern of only ASCII characters, `\\xE4` \
                             matches that byte"
            .to_owned(),
        // The report shows the body.
        None => return Outcome::Other,
    })
}

const HTTP2: &str = "it speaks only HTTP/2, like gRPC servers: use `tcp`, or `exec` with a client \
                     for it";

fn tls() -> String {
    match cfg!(feature = "tls") {
        true => "it uses TLS on this port: use `https://..`".to_owned(),
        false => format!("it uses TLS on this port: use `https://..`; {NO_TLS}"),
    }
}

fn of_status(status: u16, upgrade: Option<&str>, target: &Target<'_>) -> Option<String> {
    let hint = match status {
        101 => {
            let other = upgrade.map_or(String::new(), |other| format!(", `{other}`"));
            return Some(format!(
                "it switched to another protocol{other}: if that means ready, set `status = 101`"
            ));
        }
        300..=399 => {
            "summon does not follow redirects: request the page itself, or set `status = 200..400`"
        }
        400 => "it rejects the request: it may need a `header`, another `method`, or another path",
        403 => match other_user(target) {
            Some(uid) => {
                return Some(format!(
                    "its workers run as another user (uid {uid}), who may lack access to the files that \
                     they serve: only root can enter `{{dir}}`, and perhaps directories above those files"
                ));
            }
            None => NO_ACCESS,
        },
        401 => NO_ACCESS,
        404 | 410 => "it speaks HTTP, but does not serve this path: request another path",
        405 => "it does not allow this method: set another `method`",
        421 => "it does not serve this host: set another with `header(\"Host\", \"..\")`",
        426 => {
            let other = upgrade.map_or(String::new(), |other| format!(", `{other}`"));
            return Some(format!(
                "it requires another protocol{other}: request another path, or use `tcp`"
            ));
        }
        429 => {
            "it limits the rate of requests: raise the limit for tests, request a path without a limit, \
             or use `tcp`"
        }
        503 => "it reports that it is not ready: see its output, or raise `timeout`",
        500..=599 => "it fails to answer the request: see its output",
        _ => return None,
    };
    Some(hint.to_owned())
}

const NO_ACCESS: &str = "it denies access: send a `header`, request another path, or accept this status \
                         with `status`";

/// Returns the user of a worker that does not run as root, if the program was started as root.
fn other_user(target: &Target<'_>) -> Option<u32> {
    if sys::user() != 0 {
        return None;
    }
    let tree = target.tree().unwrap_or_default();
    tree.into_iter()
        .filter_map(proc::user)
        .find(|uid| *uid != 0)
}

/// Finds out whether a server that closed a connection without an answer speaks TLS or HTTP/2.
fn speaks(addr: SocketAddr) -> Option<NoAnswer> {
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    [&HELLO[..], settings].into_iter().find_map(|words| {
        const LIMIT: Duration = Duration::from_millis(500);
        let mut stream = TcpStream::connect_timeout(&addr, LIMIT).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.set_write_timeout(Some(LIMIT)).ok()?;
        stream.write_all(words).ok()?;
        let mut answer = [0; 9];
        let mut length = 0;
        while length < answer.len() {
            match stream.read(&mut answer[length..]) {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
        no_answer::other_protocol(&answer[..length])
    })
}

/// A `ClientHello` of TLS 1.2 (RFC 5246, section 7.4.1.2) with two cipher suites and no extension. A
/// server answers it with a `ServerHello` or an alert.
const HELLO: [u8; 52] = {
    let mut hello = [0; 52];
    let head = [22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    let mut at = 0;
    while at < head.len() {
        hello[at] = head[at];
        at += 1;
    }
    // The 32 random bytes stay 0, and the session id is empty.
    let tail = [0, 4, 0xc0, 0x2f, 0, 0x9c, 1, 0];
    let mut at = 0;
    while at < tail.len() {
        hello[44 + at] = tail[at];
        at += 1;
    }
    hello
};
