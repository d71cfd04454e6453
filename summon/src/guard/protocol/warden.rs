//! The messages between a test process and its warden. The first ones tell a copy of this executable that
//! it must become the warden.

use std::any::TypeId;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The environment variable that marks the copy. Its value is [`mark`].
pub(crate) const MARK: &str = "SUMMON_WARDEN";
/// The warden's answer when it is ready to fork. Missing features of the system follow.
pub(crate) const HELLO: &[u8] = b"hello";
/// The owner's message to a warden that gets no more requests.
pub(crate) const RETIRED: &[u8] = b"retired";
/// The owner's last message: it ends in order.
pub(crate) const EXITING: &[u8] = b"exiting";
/// The answer of a copy that can't become a warden. The reason follows.
pub(crate) const SORRY: &[u8] = b"sorry ";
/// The warden's answer through a guard's socket, before it forks the guard: the socket has arrived.
/// Sent only where owners wait for it.
pub(crate) const GOT: &[u8] = b"got";

/// Identifies this copy of the crate. Other copies in the same executable may speak other versions
/// of the protocol, and each constructor serves its own. The value is the same in each process of
/// an executable.
pub(crate) fn mark() -> String {
    struct Here;
    let mut hasher = DefaultHasher::new();
    // The id of a type derives from the identity of its crate, which cargo builds from version,
    // source, and features. The version alone would not separate two sources of one version.
    TypeId::of::<Here>().hash(&mut hasher);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

/// Returns the bytes in the copy's socket: the second half of the mark.
pub(crate) fn magic() -> Vec<u8> {
    format!("summon warden {}\n", mark()).into_bytes()
}
