//! Why a server has not done something.

use super::types::Answer;

/// The server's words are for people. summon decides only by the reason.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) text: String,
}

/// The meaning of a server's error code. Each protocol translates its own codes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reason {
    /// There is a database with the new name.
    NameTaken,
    /// Someone has ended the statement or its connection.
    Interrupted,
    /// Someone is connected to the database.
    InUse,
    /// A state that does not last, such as too many connections.
    Passing,
    /// The disk is full, or the memory in its place.
    NoRoom,
    Other,
}

/// What `strerror` says about `ENOSPC`, for errors of a server that have no other code.
pub(super) const NO_SPACE: &str = "No space left on device";

impl Refusal {
    /// Returns the answer to a test. `what` says what the server has refused.
    pub(super) fn answer(&self, what: &str) -> Answer {
        Answer::Refused {
            why: format!("{what}: {}", self.text),
            has_no_room: self.reason == Reason::NoRoom,
        }
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Refusal {
        let reason = Reason::Other;
        Refusal { reason, text }
    }
}
