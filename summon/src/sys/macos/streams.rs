//! TCP sockets of links. They don't exist on macOS so far.
#![allow(dead_code, reason = "no link is made that would use it")]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// The reason why links don't exist on this system.
pub(crate) const NO_LINKS: Option<&str> = Some("summon makes links only on Linux so far");

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn listener(_addr: &SocketAddr, _is_to_come: bool) -> io::Result<OwnedFd> {
    unsupported()
}

pub(crate) fn refuse(_listener: &OwnedFd) -> io::Result<()> {
    unsupported()
}

pub(crate) fn listen(_listener: &OwnedFd) -> io::Result<()> {
    unsupported()
}

pub(crate) fn fill_queue(_listener: &OwnedFd, _addr: &SocketAddr) -> io::Result<OwnedFd> {
    unsupported()
}

pub(crate) fn own_addr(_socket: &OwnedFd) -> Option<SocketAddr> {
    None
}

pub(crate) fn accept(_listener: &OwnedFd) -> io::Result<Option<(OwnedFd, SocketAddr)>> {
    unsupported()
}

pub(crate) fn is_shortage(_error: &io::Error) -> bool {
    false
}

pub(crate) fn waiting(_listener: &OwnedFd) -> usize {
    0
}

pub(crate) fn connect(_addr: &SocketAddr) -> io::Result<OwnedFd> {
    unsupported()
}

pub(crate) fn failure(_socket: &OwnedFd) -> Option<io::Error> {
    None
}

pub(crate) fn has_hung_up(_socket: &impl AsFd) -> bool {
    true
}

pub(crate) fn end(_socket: &OwnedFd) {}

pub(crate) fn reset(_socket: &OwnedFd) {}

pub(crate) fn read(_socket: &impl AsFd, _into: &mut [u8]) -> io::Result<usize> {
    unsupported()
}

pub(crate) fn write(_socket: &impl AsFd, _bytes: &[u8]) -> io::Result<usize> {
    unsupported()
}

pub(crate) fn allow_many() {}
