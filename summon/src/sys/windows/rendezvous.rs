//! The rendezvous of processes that share a service. Not supported.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use super::fd::OwnedFd;

/// The role of a process at a rendezvous.
#[derive(Debug)]
pub(crate) enum Role {
    First(Bound),
    Later(Connected),
    Unclear,
}

/// The rendezvous socket, as the first process holds it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) path: PathBuf,
}

/// A connection to the first process, or to its guard.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: Infallible,
    pub(crate) pid: u32,
}

/// Meets at a rendezvous in the user's directory.
pub(crate) fn meet(_base: &Path, _name: &str) -> io::Result<Role> {
    Err(super::unsupported())
}

impl Bound {
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        Err(super::unsupported())
    }

    pub(crate) fn leave_to_guard(self) {}
}
