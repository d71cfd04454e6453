//! The answer to the question whether a process holds a socket.

/// Whether a process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "Windows can't tell so far")]
pub(crate) enum Holds {
    Yes,
    No,
    /// Its descriptors can't be read: another user's process, or a privileged program.
    Unknown,
}
