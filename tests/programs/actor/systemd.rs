//! The actions of services for systemd: they report readiness, and take sockets.

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

fn address() -> SocketAddr {
    let name = std::env::var("NOTIFY_SOCKET").expect("NOTIFY_SOCKET is set");
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
    .expect("an address")
}

pub(crate) fn notify(text: &str) {
    let socket = UnixDatagram::unbound().expect("a socket");
    socket
        .send_to_addr(text.as_bytes(), &address())
        .expect("it takes the message");
}

/// Waits until the reader has read all earlier messages (`sd_notify_barrier(3)`). The message
/// carries one end of a socket, and the reader closes it.
pub(crate) fn barrier() {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.connect_addr(&address()).expect("somebody is there");
    let mut text = *b"BARRIER=1";
    let mut part = libc::iovec {
        iov_base: text.as_mut_ptr().cast(),
        iov_len: text.len(),
    };
    let mut control = [0u64; 8];
    // SAFETY: all zeroes is a valid header, and all values that it points to are alive.
    let sent = unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE(4) as _;
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        (*message).cmsg_level = libc::SOL_SOCKET;
        (*message).cmsg_type = libc::SCM_RIGHTS;
        (*message).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(message)
            .cast::<i32>()
            .write_unaligned(theirs.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &raw const header, 0)
    };
    assert_eq!(sent, 9, "{}", std::io::Error::last_os_error());
    drop(theirs);
    assert_eq!(ours.read(&mut [0]).expect("the end"), 0);
}

/// Sends without pause, from the last of many generations. For each message the guard looks at all
/// of them, so it reads more slowly than the threads send.
pub(crate) fn nag() -> ! {
    for _ in 0..40 {
        // SAFETY: this process has one thread, so the child is not limited in its calls.
        if unsafe { libc::fork() } != 0 {
            loop {
                std::thread::park();
            }
        }
    }
    for _ in 0..4 {
        std::thread::spawn(|| {
            loop {
                notify("STATUS=again");
            }
        });
    }
    loop {
        std::thread::park();
    }
}

/// Takes TERM on a thread, as `farewell` does.
pub(crate) fn beg(microseconds: String) {
    crate::hostile::on_term(move || notify(&format!("EXTEND_TIMEOUT_USEC={microseconds}")));
}

pub(crate) fn activated() {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    assert_eq!(var("LISTEN_PID"), std::process::id().to_string());
    assert_eq!(var("LISTEN_FDS"), "1");
    println!("activated {}", var("LISTEN_FDNAMES"));
    // SAFETY: systemd's protocol promises a socket at descriptor 3, and no other code uses it.
    crate::net::count_on(unsafe { TcpListener::from_raw_fd(3) });
}
