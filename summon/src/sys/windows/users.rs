//! Other users of the machine: nobody becomes one.

use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
}

impl User {
    /// The user of that name.
    pub(crate) fn named(_name: &str) -> io::Result<Option<User>> {
        Err(super::unsupported())
    }
}

/// Who is to run a program that refuses root: nobody need.
pub(crate) fn instead_of_root(_own: &str) -> Option<String> {
    None
}
