//! The sockets of clients, and the trees of processes that hold them.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;

use super::diag::Diag;
use super::listeners;
use super::proc::{self, SocketId};
use super::{process_tree, socket_holders};

/// The maximum number of looks at trees that change.
const LOOKS: usize = 8;

/// Finds the client's socket of a connection on this machine. `None` if its process has closed it.
pub(crate) fn socket_of(
    diag: &Diag,
    client: SocketAddr,
    server: SocketAddr,
) -> io::Result<Option<SocketId>> {
    let found = listeners::connection(diag, client, server)?;
    // The kernel keeps a closed socket for a while, without an inode.
    Ok(found.filter(|inode| *inode != 0))
}

/// The sockets of trees of processes.
pub(crate) struct Below {
    pub(crate) sockets: HashSet<SocketId>,
    /// Whether no process was missed. A tree whose processes fork all the time changes faster than it is
    /// read.
    pub(crate) is_whole: bool,
}

/// Lists the sockets of all processes below these processes, each with its pid and its identity.
pub(crate) fn sockets_below(roots: &[(u32, u64)]) -> Below {
    let mut sockets = HashSet::new();
    let mut before = None;
    for _ in 0..LOOKS {
        let below = |(root, identity): &(u32, u64)| {
            let pids = process_tree::descendants(*root);
            // After the look: another process may have the pid of a root that has ended.
            let is_same = proc::identity(*root) == Some(*identity);
            pids.into_iter().filter(move |_| is_same)
        };
        let pids: Vec<u32> = roots.iter().flat_map(below).collect();
        sockets.extend(pids.iter().flat_map(|pid| socket_holders::sockets(*pid)));
        // A process whose parent ends during the look moves up the tree, and the look may miss it. The
        // next look finds it.
        if before.as_ref() == Some(&pids) {
            return Below {
                sockets,
                is_whole: true,
            };
        }
        before = Some(pids);
    }
    Below {
        sockets,
        is_whole: false,
    }
}

/// Lists those of these sockets that a process holds which is certainly not below these processes.
pub(crate) fn held_elsewhere(
    sockets: &HashSet<SocketId>,
    roots: &[(u32, u64)],
) -> HashSet<SocketId> {
    let is_root = |pid| roots.iter().any(|(root, _)| *root == pid);
    let held = |pid: u32| {
        let held = socket_holders::sockets(pid).into_iter();
        let held: Vec<SocketId> = held.filter(|it| sockets.contains(it)).collect();
        // The climb takes longer than the look at its descriptors, which most processes fail.
        let is_elsewhere = !held.is_empty() && process_tree::is_elsewhere(pid, is_root);
        held.into_iter().filter(move |_| is_elsewhere)
    };
    let all = process_tree::all().unwrap_or_default();
    all.into_iter().flat_map(held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv6Addr, TcpListener, TcpStream};

    #[test]
    fn a_connection_has_the_clients_socket_until_that_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mapped = match server {
            SocketAddr::V4(addr) => addr.ip().to_ipv6_mapped(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST,
        };
        let holds = |socket| socket_holders::sockets(std::process::id()).contains(&socket);
        for diag in [Diag::open().unwrap(), Diag::of_tables()] {
            // Some runtimes connect to IPv4 addresses with IPv6 sockets.
            for to in [server, (mapped, server.port()).into()] {
                let stream = TcpStream::connect(to).unwrap();
                let (accepted, client) = listener.accept().unwrap();
                let found = socket_of(&diag, client, server).unwrap();
                assert!(found.is_some_and(holds), "{to}");
                drop(stream);
                assert_eq!(socket_of(&diag, client, server).unwrap(), None, "{to}");
                drop(accepted);
            }
        }
    }

    #[test]
    fn a_tree_has_the_sockets_of_its_processes() {
        let me = std::process::id();
        let parent = std::os::unix::process::parent_id();
        let identity = proc::identity(parent).unwrap();
        let _socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = socket_holders::sockets(me);
        assert!(!own.is_empty());
        // Other tests may close theirs meanwhile.
        let below = |identity| sockets_below(&[(parent, identity)]).sockets;
        assert!(own.iter().any(|it| below(identity).contains(it)));
        // Another process had this pid before.
        assert!(below(identity - 1).is_empty());
    }
    #[test]
    fn a_socket_is_held_elsewhere_unless_its_process_is_below() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let me = std::process::id();
        let own = rustix::fs::fstat(&listener).unwrap().st_ino as SocketId;
        let wanted = HashSet::from([own]);
        let parent = (std::os::unix::process::parent_id(), 0);
        assert!(held_elsewhere(&wanted, &[parent]).is_empty());
        assert!(held_elsewhere(&wanted, &[(me, 0)]).is_empty());
        assert_eq!(held_elsewhere(&wanted, &[(u32::MAX, 0)]), wanted);
        drop(listener);
        assert!(held_elsewhere(&wanted, &[]).is_empty());
    }
}
