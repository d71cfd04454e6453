//! Stand-ins for descriptors: the values that they are made of. They are never sent to another
//! process, nor polled.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::net::{TcpListener, TcpStream, UdpSocket};

#[derive(Debug)]
pub(crate) enum OwnedFd {
    File(File),
    Tcp(TcpListener),
    Udp(UdpSocket),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BorrowedFd<'fd>(PhantomData<&'fd ()>);

pub(crate) trait AsFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(PhantomData)
    }
}

impl AsFd for OwnedFd {}
impl AsFd for BorrowedFd<'_> {}
impl AsFd for File {}
impl AsFd for TcpStream {}
impl AsFd for Infallible {}

impl OwnedFd {
    pub(crate) fn try_clone(&self) -> io::Result<OwnedFd> {
        Err(super::unsupported())
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> OwnedFd {
        OwnedFd::File(file)
    }
}

impl From<TcpListener> for OwnedFd {
    fn from(socket: TcpListener) -> OwnedFd {
        OwnedFd::Tcp(socket)
    }
}

impl From<UdpSocket> for OwnedFd {
    fn from(socket: UdpSocket) -> OwnedFd {
        OwnedFd::Udp(socket)
    }
}
