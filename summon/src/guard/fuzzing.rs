//! What fuzzing sees of the guard's protocol: bytes that were understood are written again.

use super::message::{News, Order};
use super::state::Notice;
use super::{job, wire};

/// What a guard tells.
pub fn news(bytes: &[u8]) -> Option<Vec<u8>> {
    News::decode(bytes).ok().map(|news| news.encode())
}

/// What a guard is told to do.
pub fn order(bytes: &[u8]) -> Option<Vec<u8>> {
    Order::decode(bytes).ok().map(|order| order.encode())
}

/// What a guard is hired for.
pub fn job(bytes: &[u8]) -> Option<Vec<u8>> {
    job::written_again(bytes).ok().map(|(bytes, _)| bytes)
}

/// Takes the next frame out of what was read so far.
pub fn take_frame(inbox: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    wire::take_frame(inbox)
}

/// Puts its length before a frame.
pub fn frame(body: &[u8]) -> Vec<u8> {
    wire::frame(body)
}

/// What is known of a service after those messages, as its guard tells it.
pub fn notices<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> (String, Vec<u8>) {
    let mut notice = Notice::default();
    for message in messages {
        notice.add(message);
    }
    (notice.status.clone(), News::Noticed(notice).encode())
}
