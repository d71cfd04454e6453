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

/// Who may use the directories that are made for a process: the user to whom they are given, and
/// others as the mode says.
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

/// Who is to run a program that refuses root: nobody need.
pub(crate) fn instead_of_root(_own: &str) -> Option<String> {
    None
}
