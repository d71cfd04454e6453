//! Other users of the machine. Switching users is not supported.

use std::io;

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

/// The users that may use the directories of a process: the owner, and others as the mode says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) user: Option<User>,
    pub(crate) mode: u32,
}

impl Access {
    #[cfg(test)]
    pub(crate) const PRIVATE: Access = Access {
        user: None,
        mode: 0o700,
    };

    /// Whether other users may enter them.
    pub(crate) fn is_open(self) -> bool {
        self.mode & 0o077 != 0
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
