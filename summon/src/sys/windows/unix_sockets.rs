//! Finds the processes that serve a Unix socket. Not supported.

use std::io;
use std::path::Path;

use super::diag::Diag;
use super::proc::SocketId;

/// A socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnixListener {
    pub(crate) inode: SocketId,
    pub(crate) is_certain: bool,
}

/// The length of `sun_path` without the NUL at its end.
pub(crate) const LONGEST_PATH: usize = 107;
/// Whether sockets can have names without a file (abstract sockets).
pub(crate) const HAS_NAMES: bool = false;

/// Lists the sockets that listen at `path`.
pub(crate) fn at_path(diag: &Diag, _path: &Path, _file: u64) -> io::Result<Vec<UnixListener>> {
    match diag.0 {}
}

/// Lists the sockets that listen at an abstract name.
pub(crate) fn at_name(diag: &Diag, _name: &[u8]) -> io::Result<Vec<UnixListener>> {
    match diag.0 {}
}
