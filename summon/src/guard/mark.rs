//! How a copy of this executable knows that it is to become the warden, and what it answers.

use std::any::TypeId;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The environment variable that marks the copy, by [`mark`].
pub(super) const MARK: &str = "SUMMON_WARDEN";
/// What the warden answers when it is ready to fork. What it lacks for the whole promise follows.
pub(super) const HELLO: &[u8] = b"hello";
/// What tells the warden that it will be asked for no more guards.
pub(super) const RETIRED: &[u8] = b"retired";
/// How a copy begins to say why it can't be a warden.
pub(super) const SORRY: &[u8] = b"sorry ";
/// What it says through the socket of a guard, before it forks that one: the socket has arrived. It
/// does where somebody waits for that.
pub(super) const GOT: &[u8] = b"got";

/// What tells this copy of the crate from others in the same executable, which speak other versions
/// of the protocol: each constructor serves its own. The same in each process of an executable.
pub(super) fn mark() -> String {
    struct Here;
    let mut hasher = DefaultHasher::new();
    // It is made of the crate's own identity, which cargo makes of version, source, and features.
    TypeId::of::<Here>().hash(&mut hasher);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// What waits in the copy's socket: the second half of the mark.
pub(super) fn magic() -> Vec<u8> {
    format!("summon warden {}\n", mark()).into_bytes()
}
