//! Random numbers for unique names.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::SystemTime;

use super::maker::Maker;

/// Returns a number that is random enough for names, and for the start of a search.
pub(crate) fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    // A forked child has a copy of the thread's keys, and the clock may read the same. The maker
    // tells parent and child apart.
    Maker::here().hash(&mut hasher);
    SystemTime::now().hash(&mut hasher);
    hasher.finish()
}
