//! Fuzzing's view of the guard's protocol. Bytes that were decoded are encoded again.

use super::databases;
use super::protocol::message::{News, Order};
use super::protocol::{job, wire};
use super::state::Notice;

/// Decodes and encodes news.
pub fn news(bytes: &[u8]) -> Option<Vec<u8>> {
    News::decode(bytes).ok().map(|news| news.encode())
}

/// Decodes and encodes an order.
pub fn order(bytes: &[u8]) -> Option<Vec<u8>> {
    Order::decode(bytes).ok().map(|order| order.encode())
}

/// Decodes and encodes a job.
pub fn job(bytes: &[u8]) -> Option<Vec<u8>> {
    job::written_again(bytes).ok().map(|(bytes, _)| bytes)
}

/// Takes the next frame from the bytes read so far.
pub fn take_frame(inbox: &mut std::collections::VecDeque<u8>) -> std::io::Result<Option<Vec<u8>>> {
    wire::take_frame(inbox)
}

/// Puts the length before a frame.
pub fn frame(body: &[u8]) -> Vec<u8> {
    wire::frame(body)
}

/// Returns the state of a service after these notices, as its guard reports it.
pub fn notices<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> (String, Vec<u8>) {
    let mut notice = Notice::default();
    for message in messages {
        notice.add(message);
    }
    (notice.status.clone(), News::Noticed(notice).encode())
}

/// Returns what the guard learns when a PostgreSQL answers a statement with these pieces: the answer,
/// and why the connection ended.
pub fn postgres<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    databases::postgres_answered(pieces)
}

/// Returns what the guard learns when a MariaDB answers a statement with these pieces.
pub fn mariadb<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    databases::mariadb_answered(pieces)
}

/// Returns what the guard learns when a Redis replies to a command with these pieces.
pub fn redis<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    databases::redis_answered(pieces)
}

/// Follows a script of clients, servers, and faults around a link.
pub fn link(script: &[u8]) {
    super::dispositions::ignore_pipe();
    super::link::fuzzing::follow(script);
}
