//! Readiness of many descriptors, for links. They don't exist on macOS so far.
#![allow(dead_code, reason = "no link is made that would use it")]

use std::convert::Infallible;
use std::io;
use std::time::Instant;

/// A descriptor became ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) failed: bool,
    pub(crate) has_mark: bool,
}

pub(crate) struct Events(Infallible);

impl Events {
    pub(crate) fn new() -> io::Result<Events> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn add<T>(&self, _fd: &T, _token: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn add_while_readable<T>(&self, _fd: &T, _token: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn remove<T>(&self, _fd: &T) {
        match self.0 {}
    }

    pub(crate) fn wait(&mut self, _until: Option<Instant>) -> io::Result<Vec<Event>> {
        match self.0 {}
    }

    pub(crate) fn look(&mut self) -> io::Result<Vec<Event>> {
        match self.0 {}
    }
}
