//! Questions about sockets. The system is asked what each process holds, so what can be seen is what
//! processes of this user hold.

use std::cell::Cell;
use std::io;

use super::socket_info::SocketFdInfo;
use super::{libproc, proc};

/// Somebody to ask.
#[derive(Debug)]
pub(crate) struct Diag {
    /// The guard and the leader of the service that is asked about; everybody if there is none.
    service: Cell<Option<(u32, u32)>>,
}

impl Diag {
    /// Whether it tells of every socket of the machine, whoever has it.
    pub(crate) const SEES_ALL: bool = false;

    #[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
    pub(crate) fn open() -> io::Result<Diag> {
        let service = Cell::new(None);
        Ok(Diag { service })
    }

    /// Says which service is asked about, its guard and its leader.
    pub(crate) fn about(&self, service: Option<(u32, u32)>) {
        self.service.set(service);
    }

    /// What each process that is asked about holds. It is an error if one of a service can't be
    /// seen: the socket that is looked for may be its.
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
                Err(_) if service.is_none() || proc::has_ended(pid) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
