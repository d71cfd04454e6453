//! Other users of the machine. Switching users is not supported.

use std::io;

pub(crate) use crate::sys::access::Access;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
}

impl User {
    /// Finds a user by name.
    pub(crate) fn named(_name: &str) -> io::Result<Option<User>> {
        Err(super::unsupported())
    }
}

/// Returns the user for a program that refuses root. Windows has no root.
pub(crate) fn instead_of_root(_own: &str) -> Option<String> {
    None
}

/// Whether the real user of this process is the effective one. There is only one here.
pub(crate) fn has_one_user() -> bool {
    true
}

/// Returns the user that this process acts for. Users have no numbers here.
pub(crate) fn user() -> u32 {
    0
}
