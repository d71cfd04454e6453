//! Claims on ports: there are none.

use std::io;
use std::path::{Path, PathBuf};

use super::fd::OwnedFd;

/// Claims a port.
pub(crate) fn claim(
    _port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<OwnedFd>> {
    Err(super::unsupported())
}

/// Who has claimed a port.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) is_others: bool,
    pub(crate) ended: Option<OwnedFd>,
}

impl Holder {
    pub(crate) fn has_ended(&self) -> bool {
        true
    }
}

/// Says who holds the claim on a port.
pub(crate) fn holder(
    _port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    Ok(None)
}

/// Some process that holds the claim on a port.
pub(crate) fn keeper(_port: u16) -> Option<u32> {
    None
}

/// What a claim on a port is, for people.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("a claim on port {port}")
}

/// Removes what claims have left in the user's directory.
pub(crate) fn tidy(_: &Path) {}
