//! The meeting point of processes that share a service. Not supported.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use super::fd::OwnedFd;

/// The role of a process at a meeting point.
#[derive(Debug)]
pub(crate) enum Role {
    First(Place),
    Later(Other),
    Unclear,
}

/// The meeting point, as the first process holds it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
}

/// A connection to the first process, or to its guard.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) stream: Infallible,
    pub(crate) pid: u32,
}

/// Meets at a place in the user's directory.
pub(crate) fn meet(_base: &Path, _name: &str) -> io::Result<Role> {
    Err(super::unsupported())
}

impl Place {
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        Err(super::unsupported())
    }

    pub(crate) fn leave_to_guard(self) {}
}
