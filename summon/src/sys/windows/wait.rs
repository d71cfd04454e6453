//! Sleeping until a descriptor is ready. Not supported.

use std::convert::Infallible;
use std::io;
use std::time::Instant;

use super::fd::{AsFd, BorrowedFd};

/// Wakes one thread that sleeps. It can't be made here.
#[derive(Debug)]
pub(crate) struct Waker(Infallible);

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        Err(super::unsupported())
    }

    pub(crate) fn wake(&self) {
        match self.0 {}
    }

    pub(crate) fn reset(&self) -> bool {
        match self.0 {}
    }
}

impl AsFd for Waker {}

pub(crate) fn sleep(_fds: &[BorrowedFd<'_>], _until: Option<Instant>) -> io::Result<bool> {
    Err(super::unsupported())
}

pub(crate) fn until_writable(_fd: BorrowedFd<'_>, _until: Instant) -> io::Result<()> {
    Err(super::unsupported())
}

pub(crate) fn is_readable(_fd: &impl AsFd) -> bool {
    false
}
