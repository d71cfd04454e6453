//! The actor's Unix sockets.

use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::sync::Mutex;
use std::thread;

/// Sends each connection its number.
pub(crate) fn listen(path: &str) {
    serve(UnixListener::bind(path).expect("the path is free"));
}

pub(crate) fn listen_at_name(name: &str) {
    let name = SocketAddr::from_abstract_name(name).expect("a name");
    serve(UnixListener::bind_addr(&name).expect("the name is free"));
}

fn serve(listener: UnixListener) {
    thread::spawn(move || {
        for (count, mut stream) in listener.incoming().flatten().enumerate() {
            let _ = writeln!(stream, "{}", count + 1);
        }
    });
}

pub(crate) fn datagrams(path: &str) {
    // The socket stays open until the process ends.
    std::mem::forget(UnixDatagram::bind(path).expect("the path is free"));
}

static BOUND: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// Binds without listening. The library does both in one step.
pub(crate) fn bind(path: &str) {
    // SAFETY: `socket` takes and returns numbers.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    assert_ne!(fd, -1);
    // SAFETY: the descriptor is new, and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zeroes is a valid address.
    let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    addr.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, byte) in addr.sun_path.iter_mut().zip(path.bytes()) {
        *place = byte as libc::c_char;
    }
    let length = size_of_val(&addr) as libc::socklen_t;
    // SAFETY: the address is valid, and has the given length.
    let bound = unsafe { libc::bind(fd, (&raw const addr).cast(), length) };
    assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
    *BOUND.lock().expect("one thread") = Some(socket);
}

pub(crate) fn listen_on_bound() {
    let socket = BOUND
        .lock()
        .expect("one thread")
        .take()
        .expect("`bound` before");
    // SAFETY: `listen` takes and returns numbers.
    assert_eq!(unsafe { libc::listen(socket.as_raw_fd(), 16) }, 0);
    serve(UnixListener::from(socket));
}
