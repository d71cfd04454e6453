//! Windows. Everything compiles, and each start is an error that names the missing parts. Functions
//! that answer a question report nothing. Types of values that only a start makes have no values.
#![allow(dead_code, reason = "it is there for what would be used after a start")]

pub(crate) mod at_path;
#[path = "../no_containers.rs"]
pub(crate) mod containers;
pub(crate) mod diag;
pub(crate) mod dir;
pub(crate) mod ending;
pub(crate) mod fd;
#[path = "../no_file_watch.rs"]
pub(crate) mod file_watch;
pub(crate) mod foreign_dir;
pub(crate) mod holes;
pub(crate) mod interfaces;
pub(crate) mod listeners;
pub(crate) mod locks;
#[path = "../no_memory.rs"]
pub(crate) mod memory;
pub(crate) mod notices;
pub(crate) mod pipe;
pub(crate) mod port_claims;
pub(crate) mod ports;
pub(crate) mod private;
pub(crate) mod proc;
pub(crate) mod remove;
pub(crate) mod rendezvous;
pub(crate) mod status;
pub(crate) mod terminal;
pub(crate) mod thread;
pub(crate) mod unix_sockets;
pub(crate) mod users;
pub(crate) mod wait;
pub(crate) mod walk;

use std::io;

use super::requirement::Unmet;

/// Whether the file of the program has privileges that its caller lacks. Windows has no such files.
pub(crate) fn is_privileged() -> bool {
    false
}

/// Describes what Windows lacks: guards, first of all.
#[expect(clippy::unnecessary_wraps, reason = "other systems lack nothing")]
pub(crate) fn unmet() -> Option<Unmet> {
    Some(Unmet {
        what: "summon can't start programs on Windows yet",
        lacks: "guards, the processes that see to it that nothing outlives a test: here they will be \
                job objects",
        hint: "run the tests in WSL, or skip them here: `#[cfg_attr(windows, ignore)]`",
    })
}

/// Makes the error of each function that a start would need.
pub(crate) fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not supported on Windows yet")
}
