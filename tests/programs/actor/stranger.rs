//! Attacks of another user on sockets with public names (`unix(7)`).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

/// Lists the current names and paths of summon's sockets, as other users see them. An abstract name
/// begins with `@`.
fn names() -> HashSet<String> {
    let table = std::fs::read("/proc/net/unix").unwrap();
    let table = String::from_utf8_lossy(&table);
    let names = table.lines().filter_map(|line| line.rsplit(' ').next());
    // Sockets that services have bound are not summon's.
    let is_ours = |name: &&str| {
        name.starts_with("@summon-") || name.starts_with('/') && name.contains("/summon-")
    };
    let ours = names.filter(is_ours);
    ours.map(str::to_owned).collect()
}

fn address(name: &str) -> (libc::sockaddr_un, libc::socklen_t) {
    // SAFETY: all zeroes is a valid address, because the type is plain data.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, byte) in address.sun_path.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    if name.starts_with('@') {
        address.sun_path[0] = 0;
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + name.len();
    (address, length as libc::socklen_t)
}

/// Connects, unless the queue of the socket is full.
fn connect(name: &str) -> Option<UnixStream> {
    let (address, length) = address(name);
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `socket` takes numbers.
    let socket = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if socket == -1 {
        return None;
    }
    // SAFETY: the descriptor is new, and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: the address is valid, and has the given length.
    let connected = unsafe { libc::connect(fd, (&raw const address).cast(), length) };
    (connected == 0).then(|| socket.into())
}

/// Binds a socket to a name that summon uses, and listens unless `queue` is negative. If it is 0,
/// the process fills the queue itself. Reports that.
pub(crate) fn take(name: &str, queue: i32) -> ! {
    let (address, length) = address(name);
    // SAFETY: `socket` takes numbers.
    let socket = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
    // SAFETY: the address is valid, and has the given length.
    let bound = unsafe { libc::bind(socket, (&raw const address).cast(), length) };
    assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
    if queue >= 0 {
        // SAFETY: `listen` takes numbers.
        assert_eq!(unsafe { libc::listen(socket, queue) }, 0);
    }
    let rest = std::iter::from_fn(|| connect(name));
    let _kept: Vec<_> = rest.take(if queue == 0 { usize::MAX } else { 0 }).collect();
    println!("taken");
    loop {
        std::thread::park();
    }
}

/// Reports all services as ready, again and again, and prints `sent` when a message was sent.
pub(crate) fn pretend() -> ! {
    let socket = UnixDatagram::unbound().unwrap();
    let mut is_sent = false;
    loop {
        for name in names() {
            let Some(name) = name.strip_prefix('@') else {
                continue;
            };
            let name = SocketAddr::from_abstract_name(name).unwrap();
            let sent = socket.send_to_addr(b"READY=1\nSTATUS=from a stranger", &name);
            if sent.is_ok() && !std::mem::replace(&mut is_sent, true) {
                println!("sent");
            }
        }
    }
}

/// Connects to all sockets, sends garbage, and stays, with up to `most` connections at a time.
/// Reports its first connection.
pub(crate) fn crowd(most: usize) -> ! {
    let mut kept = VecDeque::new();
    let mut is_in = false;
    loop {
        for name in names() {
            let Some(mut stream) = connect(&name) else {
                continue;
            };
            let _ = stream.write(&[0xff; 4096]);
            kept.push_back(stream);
            if !std::mem::replace(&mut is_in, true) {
                println!("connected");
            }
            if kept.len() > most {
                kept.pop_front();
            }
        }
    }
}

/// Connects `times` times, one connection after the other, and reports that.
pub(crate) fn knock(name: &str, times: usize) {
    for _ in 0..times {
        let stream = connect(name);
        assert!(stream.is_some(), "nobody lets it in at {name}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    println!("knocked");
}

/// Connects to all sockets, stays, reports that it listens, and prints all data that arrives.
pub(crate) fn eavesdrop() -> ! {
    println!("listening");
    let mut kept = HashMap::new();
    loop {
        for name in names() {
            if let Entry::Vacant(place) = kept.entry(name) {
                if let Some(stream) = connect(place.key()) {
                    place.insert(stream);
                }
            }
        }
        kept.retain(|_, stream| {
            let mut told = [0; 4096];
            match stream.read(&mut told) {
                Ok(0) => false,
                Ok(length) => {
                    println!("{}", String::from_utf8_lossy(&told[..length]));
                    true
                }
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            }
        });
    }
}
