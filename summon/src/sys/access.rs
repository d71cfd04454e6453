//! Who may use the files of a process.

use super::users::User;

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
