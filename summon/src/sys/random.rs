//! Random numbers, for names that nobody else has chosen.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::SystemTime;

use super::maker::Maker;

/// Random enough for names and for where to begin a search.
pub(crate) fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    // The keys are those of the thread, which a forked child has a copy of.
    Maker::here().hash(&mut hasher);
    SystemTime::now().hash(&mut hasher);
    hasher.finish()
}
