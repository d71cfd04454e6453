//! macOS: `libproc`, kqueues, and locks on files. It has no subreapers, no pidfds, and no sockets
//! with abstract names. `docs/platforms.md` says how this limits the promises.

mod ancestry;
mod arguments;
pub(crate) mod beneath;
pub(crate) mod clients;
#[path = "../no_containers.rs"]
pub(crate) mod containers;
pub(crate) mod contents;
pub(crate) mod diag;
pub(crate) mod ending;
pub(crate) mod events;
pub(crate) mod executable;
pub(crate) mod family;
#[path = "../no_file_watch.rs"]
pub(crate) mod file_watch;
pub(crate) mod interfaces;
mod kqueue;
mod libproc;
pub(crate) mod listeners;
#[path = "../no_memory.rs"]
pub(crate) mod memory;
pub(crate) mod notices;
pub(crate) mod peer;
pub(crate) mod pipes;
pub(crate) mod port_claims;
pub(crate) mod proc;
pub(crate) mod punch;
mod socket_info;
pub(crate) mod sockets;
pub(crate) mod splice;
pub(crate) mod streams;
pub(crate) mod surroundings;
mod sysctl;
pub(crate) mod thread;
pub(crate) mod title;
pub(crate) mod unix_sockets;
pub(crate) mod waker;

/// macOS lacks nothing.
pub(crate) fn unmet() -> Option<super::requirement::Unmet> {
    None
}
