//! How a copy of this executable learns that it must become the warden, and how it answers.

use std::any::TypeId;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The environment variable that marks the copy. Its value is [`mark`].
pub(super) const MARK: &str = "SUMMON_WARDEN";
/// The warden's answer when it is ready to fork. Missing features of the system follow.
pub(super) const HELLO: &[u8] = b"hello";
/// The owner's message to a warden that gets no more requests.
pub(super) const RETIRED: &[u8] = b"retired";
/// The answer of a copy that can't become a warden. The reason follows.
pub(super) const SORRY: &[u8] = b"sorry ";
/// The warden's answer through a guard's socket, before it forks the guard: the socket has arrived.
/// Sent only where owners wait for it.
pub(super) const GOT: &[u8] = b"got";

/// Identifies this copy of the crate. Other copies in the same executable may speak other versions
/// of the protocol, and each constructor serves its own. The value is the same in each process of
/// an executable.
pub(super) fn mark() -> String {
    struct Here;
    let mut hasher = DefaultHasher::new();
    // The id of a type derives from the identity of its crate, which cargo builds from version,
    // source, and features. The version alone would not separate two sources of one version.
    TypeId::of::<Here>().hash(&mut hasher);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// Returns the bytes in the copy's socket: the second half of the mark.
pub(super) fn magic() -> Vec<u8> {
    format!("summon warden {}\n", mark()).into_bytes()
}
