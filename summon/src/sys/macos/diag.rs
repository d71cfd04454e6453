//! Questions about sockets. macOS answers for each process apart, and only for processes of this
//! user, so other users' sockets are invisible.

use std::cell::Cell;
use std::io;

use super::socket_info::SocketFdInfo;
use super::{libproc, proc};

/// A source of facts about sockets.
#[derive(Debug)]
pub(crate) struct Diag {
    /// The guard and the leader of the service in question. `None` means all processes.
    service: Cell<Option<(u32, u32)>>,
}

impl Diag {
    /// Whether the source covers the sockets of all processes, including other users'.
    pub(crate) const SEES_ALL: bool = false;

    #[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
    pub(crate) fn open() -> io::Result<Diag> {
        let service = Cell::new(None);
        Ok(Diag { service })
    }

    /// Names the service in question by its guard and its leader.
    pub(crate) fn about(&self, service: Option<(u32, u32)>) {
        self.service.set(service);
    }

    /// Lists the sockets of the processes in question. Fails if a process of the service is
    /// unreadable, since it may hold the wanted socket.
    pub(super) fn sockets(&self) -> io::Result<Vec<SocketFdInfo>> {
        let service = self.service.get();
        let asked = match service {
            Some((guard, leader)) => proc::service(guard, leader)?,
            None => libproc::all()?,
        };
        let mut found = Vec::new();
        for pid in asked {
            match libproc::sockets(pid) {
                Ok(sockets) => found.extend(sockets),
                // A process that ends between the list and the question holds nothing. Without a
                // service in question, unreadable processes are other users' and expected.
                Err(_) if service.is_none() || proc::has_ended(pid) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
