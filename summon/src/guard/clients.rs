//! The engine's clients of a container whose guard was killed, and the helpers that they have started.
//!
//! An engine cleans up after a container only if its clients live. So the warden spares them until its
//! remover has ended. They are children of the warden since the death of the guard.

use std::ffi::OsString;

use rustix::process::{Pid, getsid};

use super::terms::Removal;
use crate::sys::{containers, proc};

pub(super) struct Clients {
    /// The dead guard. Its clients are in its session, and the kernel does not reuse the number of a session
    /// that has a process.
    guard: u32,
    /// The name of the container. Podman's monitor starts a new session, but its command line has this name.
    container: String,
}

impl Clients {
    pub(super) fn new(guard: u32, removal: &Removal) -> Clients {
        let name = removal.remove.last().map(OsString::as_os_str);
        Clients {
            guard,
            container: name.unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Returns whether this process is a client or a helper of one.
    pub(super) fn has(&self, pid: u32) -> bool {
        let session = Pid::from_raw(pid as i32).and_then(|pid| getsid(Some(pid)).ok());
        let is_named = || proc::command_line(pid).is_some_and(|it| it.contains(&self.container));
        session.is_some_and(|it| it.as_raw_nonzero().get() as u32 == self.guard)
            || (!self.container.is_empty() && is_named())
    }

    /// Returns a client that lives, if there is one.
    pub(super) fn any(&self, warden: u32) -> Option<u32> {
        let mut all = containers::processes().into_iter();
        all.find(|pid| {
            proc::parent(*pid) == Some(warden) && !proc::has_ended(*pid) && self.has(*pid)
        })
    }
}
