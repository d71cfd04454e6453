//! Claims on ports. Not supported.

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

/// The holder of a claim on a port.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) is_others: bool,
    pub(crate) is_fixture: bool,
    pub(crate) connection: Option<OwnedFd>,
}

impl Holder {
    pub(crate) fn has_ended(&mut self) -> bool {
        true
    }
}

/// Finds the holder of the claim on a port.
pub(crate) fn holder(
    _port: u16,
    _dir: impl FnOnce() -> io::Result<PathBuf>,
) -> io::Result<Option<Holder>> {
    Ok(None)
}

/// Finds a process that holds the claim on a port.
pub(crate) fn keeper(_port: u16) -> Option<u32> {
    None
}

/// Describes the claim on a port for messages.
pub(crate) fn what_is_claimed(port: u16) -> String {
    format!("a claim on port {port}")
}

/// Removes the files of claims from the user's directory.
pub(crate) fn tidy(_: &Path) {}
