//! Who serves a Unix socket, as far as the processes can be seen that are asked about.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::diag::Diag;
use super::proc::SocketId;

/// One socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnixListener {
    pub(crate) inode: SocketId,
    /// It is bound to the very path that was asked for. Otherwise it is one of that name, perhaps by
    /// way of a link or of another directory.
    pub(crate) is_certain: bool,
}

/// The length of `sun_path` without the NUL at its end (`unix(4)`).
pub(crate) const LONGEST_PATH: usize = 103;
/// Whether there are names without a file (abstract sockets).
pub(crate) const HAS_NAMES: bool = false;

/// Every socket that listens at `path`, or was bound there for datagrams.
pub(crate) fn at_path(diag: &Diag, path: &Path, _file: u64) -> io::Result<Vec<UnixListener>> {
    let mut found = Vec::new();
    for socket in diag.sockets()? {
        let name = socket.serves_at();
        if let Some(name) = name.filter(|name| name.file_name() == path.file_name()) {
            found.push(UnixListener {
                inode: socket.id,
                is_certain: name == path,
            });
        }
    }
    Ok(found)
}

/// Every socket that listens at an abstract name: there are no such names.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn at_name(_diag: &Diag, _name: &[u8]) -> io::Result<Vec<UnixListener>> {
    Ok(Vec::new())
}

/// Connects to an abstract name: there are no such names.
pub(crate) fn connect_to_name(_name: &[u8]) -> io::Result<UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}
