//! Containers, for systems where they run in a virtual machine.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use crate::sys::listeners::{ListeningSocket, Protocol};
use crate::sys::proc::{Holds, SocketId};
use crate::sys::signal::Disposition;

/// Returns the processes that run now. They don't matter here.
pub(crate) fn processes() -> Vec<u32> {
    Vec::new()
}

/// Finds the main process of a container. None is visible here.
pub(crate) fn main_process(_id: &str, _older: &[u32]) -> Option<u32> {
    None
}

/// Returns whether the main process of a container has been exec'ed. None is visible here.
pub(crate) fn runs_its_program(_pid: u32) -> bool {
    true
}

/// Returns whether a process is in a container. None is visible here.
pub(crate) fn has(_id: &str, _pid: u32) -> bool {
    false
}

/// Says whether a process of a container holds a socket. None is visible here.
pub(crate) fn holds_socket(_id: &str, _socket: SocketId) -> io::Result<Holds> {
    Ok(Holds::Unknown)
}

/// Returns whether a process is the main process of a container. None is visible here.
pub(crate) fn is_main(_pid: u32, _id: &str) -> bool {
    false
}

/// Finds out what a process does with a signal. No process of a container is visible here.
pub(crate) fn disposition(_pid: u32, _signal: i32) -> Disposition {
    Disposition::Handled
}

/// A view into the network of a container.
#[derive(Debug)]
pub(crate) struct Inside(Infallible);

impl Inside {
    pub(crate) fn of(_pid: u32) -> io::Result<Inside> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn listeners(
        &self,
        _port: u16,
        _protocol: Protocol,
    ) -> io::Result<Vec<ListeningSocket>> {
        match self.0 {}
    }

    pub(crate) fn serves(&self, _path: &Path, _file: u64) -> io::Result<Option<bool>> {
        match self.0 {}
    }

    pub(crate) fn is_costly(&self) -> bool {
        match self.0 {}
    }
}
