//! What another user may try on sockets whose names the system tells everybody (`unix(7)`).

use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

/// The abstract names that summon's sockets have now.
fn names() -> Vec<SocketAddr> {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap();
    let names = table.lines().filter_map(|line| line.rsplit(' ').next());
    let names = names.filter_map(|name| name.strip_prefix('@'));
    let ours = names.filter(|name| name.contains("summon"));
    ours.map(|name| SocketAddr::from_abstract_name(name).unwrap())
        .collect()
}

/// Says for everybody's services that they are ready, again and again, and that it has said so.
pub(crate) fn pretend() -> ! {
    let socket = UnixDatagram::unbound().unwrap();
    let mut is_sent = false;
    loop {
        for name in names() {
            let sent = socket.send_to_addr(b"READY=1\nSTATUS=from a stranger", &name);
            if sent.is_ok() && !std::mem::replace(&mut is_sent, true) {
                println!("sent");
            }
        }
    }
}

/// Connects to everything, sends garbage, and stays, with so many connections at a time; says when
/// it has been let in.
pub(crate) fn crowd(most: usize) -> ! {
    let mut kept = std::collections::VecDeque::new();
    let mut is_in = false;
    loop {
        for name in names() {
            let Ok(mut stream) = UnixStream::connect_addr(&name) else {
                continue;
            };
            let _ = stream.set_nonblocking(true);
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
