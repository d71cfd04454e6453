//! The earlier requests to a URL and their answers.

use std::net::SocketAddr;

use super::ask::Talk;
use super::otherwise::Outcome;

/// The requests of one wait to one URL.
#[derive(Default)]
pub(super) struct History {
    /// The server's address, until a request to it fails.
    pub(super) addr: Option<SocketAddr>,
    /// The address of the last request.
    pub(super) asked: Option<SocketAddr>,
    /// The requests without an answer.
    pub(super) talks: Vec<Talk>,
    /// The outcome of the last request.
    pub(super) outcome: Option<Outcome>,
    /// Whether the server has answered with HTTP.
    pub(super) has_answered: bool,
}
