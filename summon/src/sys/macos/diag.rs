//! Questions about sockets. The system is asked what each process holds, so what can be seen is what
//! processes of this user hold.

use std::io;

use super::{libproc, proc};

/// Somebody to ask.
#[derive(Debug)]
pub(crate) struct Diag {
    /// The guard whose family is asked about; everybody if there is none.
    guard: Option<u32>,
}

impl Diag {
    /// Whether it tells of every socket of the machine, whoever has it.
    pub(crate) const SEES_ALL: bool = false;

    #[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
    pub(crate) fn open(guard: Option<u32>) -> io::Result<Diag> {
        Ok(Diag { guard })
    }

    /// What each process that is asked about holds. It is an error if one of a family can't be seen:
    /// the socket that is looked for may be its.
    pub(super) fn sockets(&self) -> io::Result<Vec<super::socket_info::SocketFdInfo>> {
        let asked = match self.guard {
            Some(guard) => proc::try_descendants(guard)?,
            None => libproc::all()?,
        };
        let mut found = Vec::new();
        for pid in asked {
            match libproc::sockets(pid) {
                Ok(sockets) => found.extend(sockets),
                Err(_) if self.guard.is_none() || proc::has_ended(pid) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
