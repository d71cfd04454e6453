//! The orders and the answers about databases.

use std::borrow::Cow;
use std::io;
use std::os::fd::RawFd;

use super::types::{Answer, Server, ServerKind};
use crate::guard::protocol::encoding::{In, Out};
use crate::guard::protocol::wire::garbled;

/// The number of a connection to the guard, which identifies a user.
pub(in crate::guard) type User = RawFd;

/// The maximum length of a text, such as a report, which the guard sends to each test that waits.
const LONGEST: usize = 64 << 10;

/// An order about databases.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::guard) enum DatabaseOrder {
    /// A test wants a database on this server. The answers have the number.
    Want {
        number: u64,
        test: String,
        server: Server,
    },
    /// A process wants `CREATE DATABASE` on this server to copy the template. The answers have the number.
    WantDefaults { number: u64, server: Server },
    /// The template with this name is filled, or this report says why not.
    Filled {
        name: String,
        failure: Option<String>,
    },
    /// The test with this database has ended.
    Done { name: String, has_failed: bool },
    /// The test with this order waits no more.
    Cancel { number: u64 },
}

impl DatabaseOrder {
    pub(in crate::guard) fn put(&self, out: &mut Out<'_>) {
        match self {
            DatabaseOrder::Want {
                number,
                test,
                server,
            } => {
                out.number(0);
                out.number(*number);
                put_text(out, test);
                put_server(out, server);
            }
            DatabaseOrder::Filled { name, failure } => {
                out.number(1);
                out.bytes(name.as_bytes());
                out.option(failure.as_ref(), |out, report| put_text(out, report));
            }
            DatabaseOrder::Done { name, has_failed } => {
                out.number(2);
                out.bytes(name.as_bytes());
                out.flag(*has_failed);
            }
            DatabaseOrder::Cancel { number } => {
                out.number(4);
                out.number(*number);
            }
            DatabaseOrder::WantDefaults { number, server } => {
                out.number(3);
                out.number(*number);
                put_server(out, server);
            }
        }
    }

    pub(in crate::guard) fn get(from: &mut In<'_>) -> io::Result<DatabaseOrder> {
        Ok(match from.number()? {
            0 => DatabaseOrder::Want {
                number: from.number()?,
                test: from.text()?,
                server: get_server(from)?,
            },
            1 => DatabaseOrder::Filled {
                name: from.text()?,
                failure: from.option(In::text)?,
            },
            2 => DatabaseOrder::Done {
                name: from.text()?,
                has_failed: from.flag()?,
            },
            3 => DatabaseOrder::WantDefaults {
                number: from.number()?,
                server: get_server(from)?,
            },
            4 => DatabaseOrder::Cancel {
                number: from.number()?,
            },
            _ => return Err(garbled()),
        })
    }
}

fn get_kind(from: &mut In<'_>) -> io::Result<ServerKind> {
    let number = from.number()?;
    let mut kinds = [ServerKind::Mariadb, ServerKind::Postgres, ServerKind::Redis].into_iter();
    kinds
        .find(|kind| *kind as u64 == number)
        .ok_or_else(garbled)
}

fn put_server(out: &mut Out<'_>, server: &Server) {
    out.number(server.kind as u64);
    out.bytes(server.addr.to_string().as_bytes());
    out.bytes(server.url.as_bytes());
}

fn get_server(from: &mut In<'_>) -> io::Result<Server> {
    Ok(Server {
        kind: get_kind(from)?,
        addr: from.text()?.parse().map_err(|_| garbled())?,
        url: from.text()?,
    })
}

pub(in crate::guard) fn put_answer(out: &mut Out<'_>, answer: &Answer) {
    let (tag, text) = match answer {
        Answer::Fill(name) => (0, name),
        Answer::Database(name) => (1, name),
        Answer::Failed(report) => (2, report),
        Answer::Refused { why, .. } => (3, why),
        Answer::Shared => (4, &String::new()),
        Answer::Delayed(why) => (5, why),
    };
    out.number(tag);
    put_text(out, text);
    if let Answer::Refused { has_no_room, .. } = answer {
        out.flag(*has_no_room);
    }
}

pub(in crate::guard) fn get_answer(from: &mut In<'_>) -> io::Result<Answer> {
    Ok(match from.number()? {
        0 => Answer::Fill(from.text()?),
        1 => Answer::Database(from.text()?),
        2 => Answer::Failed(from.text()?),
        3 => Answer::Refused {
            why: from.text()?,
            has_no_room: from.flag()?,
        },
        4 => {
            from.text()?;
            Answer::Shared
        }
        5 => Answer::Delayed(from.text()?),
        _ => return Err(garbled()),
    })
}

fn put_text(out: &mut Out<'_>, text: &str) {
    out.bytes(shortened(text).as_bytes());
}

/// Leaves out the middle of a long text: a report begins with the reason, and ends with the log.
fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let begin = (0..=LONGEST / 2).rfind(is_boundary).unwrap_or_default();
    let end = (text.len() - LONGEST / 2..text.len()).find(is_boundary);
    let end = end.unwrap_or(text.len());
    let count = end - begin;
    format!("{} .. {count} bytes .. {}", &text[..begin], &text[end..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle() {
        let long = format!("a{}z", "\u{fc}".repeat(1 << 20));
        let mut out = Out::default();
        put_answer(&mut out, &Answer::Failed(long.clone()));
        let mut from = In::new(&out.bytes, Vec::new());
        let Answer::Failed(short) = get_answer(&mut from).unwrap() else {
            panic!("another answer");
        };
        assert!(short.starts_with("a\u{fc}") && short.ends_with("\u{fc}z"));
        assert!(short.len() < LONGEST + 100, "{}", short.len());
        let kept = short.matches('\u{fc}').count() * 2 + 2;
        let left_out = format!(" .. {} bytes .. ", long.len() - kept);
        assert!(short.contains(&left_out), "{left_out}");
        assert_eq!(shortened(&long[..LONGEST - 1]), long[..LONGEST - 1]);
    }

    #[test]
    fn orders_and_answers_are_read_as_they_were_written() {
        let server = Server {
            kind: ServerKind::Postgres,
            addr: "[::1]:5432".parse().unwrap(),
            url: "postgres://postgres@[::1]:5432/".into(),
        };
        let (name, test, has_failed) = ("a_7".to_owned(), "a".to_owned(), true);
        for order in [
            DatabaseOrder::Want {
                number: 7,
                test,
                server: server.clone(),
            },
            DatabaseOrder::WantDefaults { number: 8, server },
            DatabaseOrder::Filled {
                name: name.clone(),
                failure: Some("no such table".into()),
            },
            DatabaseOrder::Done { name, has_failed },
            DatabaseOrder::Cancel { number: 9 },
        ] {
            let mut out = Out::default();
            order.put(&mut out);
            let mut from = In::new(&out.bytes, Vec::new());
            assert_eq!(DatabaseOrder::get(&mut from).unwrap(), order);
            for length in 0..out.bytes.len() {
                let mut cut = In::new(&out.bytes[..length], Vec::new());
                assert!(DatabaseOrder::get(&mut cut).is_err(), "{length}");
            }
        }
        for answer in [
            Answer::Fill("t_1".into()),
            Answer::Database("a_7".into()),
            Answer::Failed("no".into()),
            Answer::Refused {
                why: "ERROR: no".into(),
                has_no_room: true,
            },
            Answer::Delayed("full".into()),
            Answer::Shared,
        ] {
            let mut out = Out::default();
            put_answer(&mut out, &answer);
            let mut from = In::new(&out.bytes, Vec::new());
            assert_eq!(get_answer(&mut from).unwrap(), answer);
        }
    }
}
