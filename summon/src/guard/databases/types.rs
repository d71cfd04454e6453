//! The words that the owner's side and the guard share about databases.

use std::net::SocketAddr;

/// The address and the kind of a server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    pub(crate) kind: ServerKind,
    pub(crate) addr: SocketAddr,
    /// The URL of a database, without the name at its end.
    pub(crate) url: String,
}

/// A kind of server on which summon can make databases.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
pub(crate) enum ServerKind {
    Mariadb,
    Postgres,
    Redis,
}

impl ServerKind {
    /// Returns the user as whom summon connects.
    pub(crate) const fn superuser(self) -> &'static str {
        match self {
            ServerKind::Mariadb => "root",
            ServerKind::Postgres => "postgres",
            ServerKind::Redis => "default",
        }
    }

    /// Returns whether the server itself creates each database as a copy of a template.
    pub(crate) const fn has_own_template(self) -> bool {
        matches!(self, ServerKind::Postgres)
    }
}

/// The answer to a test that wants a database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Fill the database with this name: it becomes the template. Another answer follows.
    Fill(String),
    /// The database with this name is the test's own.
    Database(String),
    /// The database comes later, for this reason. Another answer follows.
    Delayed(String),
    /// The databases that others create are copies of the template.
    Shared,
    /// The template function has failed with this report.
    Failed(String),
    /// The server can't make one, for this reason.
    Refused {
        why: String,
        /// The disk is full, or the memory in its place.
        has_no_room: bool,
    },
}

impl Answer {
    /// Returns a refusal that is summon's own.
    pub(super) fn refused(why: impl Into<String>) -> Answer {
        Answer::Refused {
            why: why.into(),
            has_no_room: false,
        }
    }
}
