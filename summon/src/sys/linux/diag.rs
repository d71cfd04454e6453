//! Questions to the kernel about its sockets (`sock_diag(7)`).
//!
//! A dump of all sockets in one state costs about ten microseconds, however many connections the
//! machine has, since the kernel looks only at that state. A question for the socket that would
//! take a packet costs two. Some sandboxes refuse such questions. There, summon reads the tables in
//! `/proc/net`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::netlink::Netlink;
use super::proc_net;
use crate::sys::shortage::is_shortage;

/// A source of facts about sockets.
#[derive(Debug)]
pub(crate) struct Diag {
    /// `None` if the kernel answers no questions. Then the tables in `/proc/net` are read.
    netlink: Option<Netlink>,
}

/// Whether the kernel has answered questions about both protocols.
static ANSWERS: AtomicBool = AtomicBool::new(false);

impl Diag {
    /// Whether the source covers the sockets of all processes, including other users'.
    pub(crate) const SEES_ALL: bool = true;

    pub(crate) fn open() -> io::Result<Diag> {
        let asked = Netlink::open().and_then(|netlink| {
            // The kernel may have netlink sockets without the modules that answer (`tcp_diag`,
            // `udp_diag`). Find out now: a refusal in the middle of a wait would be an error. A
            // kernel that has answered once keeps its modules, or loads them again.
            if !ANSWERS.load(Ordering::Relaxed) {
                netlink.check()?;
                ANSWERS.store(true, Ordering::Relaxed);
            }
            Ok(netlink)
        });
        match asked {
            Ok(netlink) => Ok(Diag {
                netlink: Some(netlink),
            }),
            // A shortage of descriptors or memory passes, and would stop the tables too. The caller
            // tries again.
            Err(error) if is_shortage(&error) => Err(error),
            Err(_) => {
                proc_net::check()?;
                Ok(Diag { netlink: None })
            }
        }
    }

    /// Names the service in question by its guard and its leader, for systems that can't ask about
    /// all processes.
    pub(crate) fn about(&self, _service: Option<(u32, u32)>) {}

    pub(super) fn netlink(&self) -> Option<&Netlink> {
        self.netlink.as_ref()
    }

    /// Makes a source that reads the tables, as in a sandbox.
    #[cfg(test)]
    pub(super) fn of_tables() -> Diag {
        Diag { netlink: None }
    }
}
