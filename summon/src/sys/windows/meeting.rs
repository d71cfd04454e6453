//! Where processes that share a service meet: nowhere.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use super::fd::OwnedFd;

/// Who one turned out to be.
#[derive(Debug)]
pub(crate) enum Role {
    First(Place),
    Later(Other),
    Unclear,
}

/// The place of the first one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
}

/// A connection to the first one, or to its guard.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) stream: Infallible,
    pub(crate) pid: u32,
}

/// Meets at a place of that name in the user's directory.
pub(crate) fn meet(_base: &Path, _name: &str) -> io::Result<Role> {
    Err(super::unsupported())
}

impl Place {
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        Err(super::unsupported())
    }

    pub(crate) fn leave_to_guard(self) {}
}
