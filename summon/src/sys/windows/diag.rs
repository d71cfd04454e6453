//! Questions about sockets. Not supported.

use std::convert::Infallible;
use std::io;

/// A source of facts about sockets.
#[derive(Debug)]
pub(crate) struct Diag(pub(super) Infallible);

impl Diag {
    /// Whether the source covers the sockets of all processes, including other users'.
    pub(crate) const SEES_ALL: bool = false;

    pub(crate) fn open() -> io::Result<Diag> {
        Err(super::unsupported())
    }

    pub(crate) fn about(&self, _service: Option<(u32, u32)>) {
        match self.0 {}
    }
}
