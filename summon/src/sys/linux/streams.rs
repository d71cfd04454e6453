//! TCP sockets of links: never blocking, closed on exec, and reset on demand.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The reason why links don't exist on this system.
pub(crate) const NO_LINKS: Option<&str> = None;

/// The length of the queue of new connections. The kernel's own limit is lower (`listen(2)`).
const QUEUE: i32 = 4096;

fn flags() -> SocketFlags {
    SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
}

fn socket(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    Ok(rustix::net::socket_with(
        family,
        SocketType::STREAM,
        flags(),
        None,
    )?)
}

/// Makes a socket that listens on an address. The port must be a number other than 0: the kernel frees
/// an automatic port when the socket stops listening.
///
/// With `is_to_come`, this machine may get the address later: an engine makes the network of its first
/// container when that starts.
pub(crate) fn listener(addr: &SocketAddr, is_to_come: bool) -> io::Result<OwnedFd> {
    let socket = socket(addr)?;
    if is_to_come {
        match addr {
            SocketAddr::V4(_) => sockopt::set_ip_freebind(&socket, true)?,
            SocketAddr::V6(_) => sockopt::set_ipv6_freebind(&socket, true)?,
        }
        // A former relay of the container may have left connections in TIME_WAIT.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    rustix::net::bind(&socket, addr)?;
    rustix::net::listen(&socket, QUEUE)?;
    Ok(socket)
}

/// Refuses new connections. The socket keeps its port. It must listen: the kernel would mark a socket that
/// does not, and it would never listen again.
pub(crate) fn refuse(listener: &OwnedFd) -> io::Result<()> {
    Ok(rustix::net::shutdown(listener, Shutdown::Both)?)
}

/// Takes new connections again.
pub(crate) fn listen(listener: &OwnedFd) -> io::Result<()> {
    listen_with(listener, QUEUE)
}

fn listen_with(listener: &OwnedFd, queue: i32) -> io::Result<()> {
    // Connections in TIME_WAIT hold the port against this call, unless both they and the listener have
    // this option. The listener has the option only during this call. Otherwise another socket with the
    // option could bind the port while this one refuses connections.
    sockopt::set_socket_reuseaddr(listener, true)?;
    let listening = rustix::net::listen(listener, queue);
    sockopt::set_socket_reuseaddr(listener, false)?;
    Ok(listening?)
}

/// Lets new connections hang: the kernel drops their first packets, since the queue is full. Returns a
/// connection that fills it, unless the queue was full before.
pub(crate) fn fill_queue(listener: &OwnedFd, addr: &SocketAddr) -> io::Result<OwnedFd> {
    // A queue of length 0 has room for one connection (`sk_acceptq_is_full` in the kernel).
    listen_with(listener, 0)?;
    let filler = connect(addr)?;
    // The kernel makes a connection on loopback at once, unless the machine is busy. If a client was
    // faster, the filler hangs as others do, and the listener is readable.
    let mut polled = [
        PollFd::new(&filler, PollFlags::OUT),
        PollFd::new(listener, PollFlags::IN),
    ];
    let left = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut polled, Some(&left)))?;
    Ok(filler)
}

/// Returns the address of this end of a connection.
pub(crate) fn own_addr(socket: &OwnedFd) -> Option<SocketAddr> {
    SocketAddr::try_from(rustix::net::getsockname(socket).ok()?).ok()
}

/// Takes a new connection and the address of its client. `None` if there is none.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<(OwnedFd, SocketAddr)>> {
    let (socket, peer) = loop {
        match rustix::net::acceptfrom_with(listener, flags()) {
            Ok(accepted) => break accepted,
            // This client has given up. Others may wait.
            Err(Errno::CONNABORTED | Errno::INTR) => {}
            // EINVAL: it does not listen.
            Err(Errno::AGAIN | Errno::INVAL) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    };
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    // Without it the kernel holds small writes back until earlier ones are acknowledged.
    sockopt::set_tcp_nodelay(&socket, true)?;
    // See `listen`.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    Ok(Some((socket, peer)))
}

/// Returns the number of connections that wait in the queue of a listener. 0 if the kernel does not say.
pub(crate) fn waiting(listener: &OwnedFd) -> usize {
    // `tcpi_unacked` of a listener (`tcp_get_info` in the kernel). Each field before it is a part of the ABI.
    const PLACE: usize = 24;
    let mut info = [0u8; 64];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `info`, and the length into `length`. Both live
    // until the call returns.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let unacked: [u8; 4] = info[PLACE..PLACE + 4].try_into().unwrap_or_default();
    match result {
        0 if length as usize >= PLACE + 4 => u32::from_ne_bytes(unacked) as usize,
        _ => 0,
    }
}

/// Begins to connect. The socket is writable when that has succeeded or failed.
pub(crate) fn connect(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let socket = socket(addr)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, addr) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that descriptors or memory are short at the moment.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|it| short.contains(&it))
}

/// Takes the error of a socket.
pub(crate) fn failure(socket: &OwnedFd) -> Option<io::Error> {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => None,
        Ok(Err(error)) | Err(error) => Some(error.into()),
    }
}

/// Whether the other end has closed its sending half, or the connection. Unread bytes may be left.
pub(crate) fn has_hung_up(socket: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP)];
    let found = rustix::event::poll(&mut polled, Some(&Timespec::default()));
    found.is_ok_and(|count| count > 0)
}

/// Ends the sending half of a connection.
pub(crate) fn end(socket: &OwnedFd) {
    // Fails if the connection was reset, which the next read reports.
    let _ = rustix::net::shutdown(socket, Shutdown::Write);
}

/// Resets a connection, even if another process has a copy of the socket. Close it next.
pub(crate) fn reset(socket: &OwnedFd) {
    if rustix::net::connect_unspec(socket).is_err() {
        // Some sandboxes refuse that. Then the last `close` resets the connection.
        let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
    }
}

/// Reads the available bytes. 0 means the end.
pub(crate) fn read(socket: &impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(socket, into)?)
}

/// Writes as many bytes as fit.
pub(crate) fn write(socket: &impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, super::sockets::SEND)?)
}

/// Raises the limit of open files to the maximum. Each connection has two files.
pub(crate) fn allow_many() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    // If this fails, the link has fewer connections.
    let _ = setrlimit(Resource::Nofile, limit);
}
