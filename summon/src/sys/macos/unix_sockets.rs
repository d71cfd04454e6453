//! Finds the processes that serve a Unix socket, as far as they are visible.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::diag::Diag;
use super::proc::SocketId;

/// A socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnixListener {
    pub(crate) inode: SocketId,
    /// Whether it is bound to the very path in question. If not, only the name is equal: a link or
    /// another directory may lead to it.
    pub(crate) is_certain: bool,
}

/// The length of `sun_path` without the NUL at its end (`unix(4)`).
pub(crate) const LONGEST_PATH: usize = 103;
/// Whether sockets can have names without a file (abstract sockets).
pub(crate) const HAS_NAMES: bool = false;

/// Lists the sockets that listen at `path`, or are bound there for datagrams.
pub(crate) fn at_path(diag: &Diag, path: &Path, _file: u64) -> io::Result<Vec<UnixListener>> {
    let mut found = Vec::new();
    for socket in diag.sockets()? {
        let name = socket.serves_at();
        // The server may have bound a relative path, or the directory may have been renamed since.
        // Only the last component stays comparable.
        if let Some(name) = name.filter(|name| name.file_name() == path.file_name()) {
            found.push(UnixListener {
                inode: socket.id,
                is_certain: name == path,
            });
        }
    }
    Ok(found)
}

/// Lists the sockets that listen at an abstract name. macOS has no such names.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn at_name(_diag: &Diag, _name: &[u8]) -> io::Result<Vec<UnixListener>> {
    Ok(Vec::new())
}

/// Connects to an abstract name. macOS has no such names.
pub(crate) fn connect_to_name(_name: &[u8]) -> io::Result<UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}
