//! The words that the owner's side and the guard share about databases.

use std::net::SocketAddr;

/// Where the server is, and as whom to connect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) user: String,
}

/// The answer to a test that wants a database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Fill the database with this name: it becomes the template. Another answer follows.
    Fill(String),
    /// The database with this name is the test's own.
    Database(String),
    /// The template function has failed with this report.
    Failed(String),
    /// The server can't make one, for this reason.
    Refused(String),
}
