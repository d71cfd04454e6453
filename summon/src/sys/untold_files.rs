//! Changes to files, where the system does not tell them of what is not there yet (a kqueue needs the
//! file open): whoever waits for one looks for it again and again.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use crate::sys::fd::BorrowedFd;

/// What one watches for: there is none.
#[derive(Debug)]
pub(crate) struct Watch(Infallible);

impl Watch {
    pub(crate) fn new() -> io::Result<Watch> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn add(&self, _path: &Path) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn fds(&self) -> [BorrowedFd<'_>; 2] {
        match self.0 {}
    }

    pub(crate) fn reset(&self) -> bool {
        match self.0 {}
    }
}
