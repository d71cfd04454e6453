//! Finds the processes that serve a Unix socket. The kernel answers, so the server sees no
//! connection from summon.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;

use super::diag::Diag;
use super::netlink::{CLOSE, LISTEN, attributes, u32_at};
use super::proc::SocketId;
use super::proc_net::{self, UnixRow};

/// A socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnixListener {
    pub(crate) inode: SocketId,
    /// Whether it is bound to the very file in question. If not, only the name is known to be
    /// equal: with stacked file systems (overlayfs) the inode numbers can differ.
    pub(crate) is_certain: bool,
}

const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_VFS: u16 = 1;
const UNIX_DIAG_UID: u16 = 7;
/// The length of `sun_path` without the NUL at its end (`unix(7)`).
pub(crate) const LONGEST_PATH: usize = 107;
/// Whether sockets can have names without a file (abstract sockets).
pub(crate) const HAS_NAMES: bool = true;
/// `UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_UID`.
const SHOWN: u32 = 1 | 2 | 0x40;
/// `struct unix_diag_msg`.
const MESSAGE: usize = 16;

/// Lists the sockets that listen at `path`, or are bound there for datagrams. `file` is the path's
/// inode.
pub(crate) fn at_path(diag: &Diag, path: &Path, file: u64) -> io::Result<Vec<UnixListener>> {
    let mut found = Vec::new();
    each(diag, |socket| {
        let name = Path::new(OsStr::from_bytes(trimmed(socket.name)));
        // The server may have bound a relative path, or the directory may have been renamed since.
        // Only the last component stays comparable.
        if !socket.serves || name.file_name() != path.file_name() {
            return;
        }
        // The kernel reports the lower 32 bits of the inode (`struct unix_diag_vfs`).
        let same = socket.file == Some(file as u32);
        found.push(UnixListener {
            inode: socket.inode,
            is_certain: same || name == path,
        });
    })?;
    Ok(found)
}

/// Lists the sockets that listen at an abstract name, or are bound there for datagrams.
pub(crate) fn at_name(diag: &Diag, name: &[u8]) -> io::Result<Vec<UnixListener>> {
    let mut found = Vec::new();
    each(diag, |socket| {
        if socket.serves && socket.name.split_first() == Some((&0, name)) {
            found.push(UnixListener {
                inode: socket.inode,
                is_certain: true,
            });
        }
    })?;
    Ok(found)
}

/// Finds the socket with an abstract name, whether it listens or not, and the user who made it, if
/// the kernel names the user (Linux 5.3).
pub(crate) fn of_name(diag: &Diag, name: &[u8]) -> io::Result<Option<(SocketId, Option<u32>)>> {
    let mut found = None;
    each(diag, |socket| {
        // Accepted sockets have the same name, so prefer the listening socket.
        if socket.name.split_first() == Some((&0, name)) && (socket.serves || found.is_none()) {
            found = Some((socket.inode, socket.user));
        }
    })?;
    Ok(found)
}

/// Connects to an abstract name.
pub(crate) fn connect_to_name(name: &[u8]) -> io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

/// Passes each Unix socket with a name to `see`.
fn each(diag: &Diag, mut see: impl FnMut(UnixRow<'_>)) -> io::Result<()> {
    let parse = |answer: &[u8]| {
        if let Some(told) = parse(answer) {
            see(told);
        }
    };
    match diag
        .netlink()
        .map(|netlink| netlink.ask(&question(), parse))
    {
        // A kernel without `unix_diag` answers `ENOENT` for this family, and still answers for the
        // others.
        None => proc_net::unix_sockets(see),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => proc_net::unix_sockets(see),
        Some(asked) => asked,
    }
}

fn parse(answer: &[u8]) -> Option<UnixRow<'_>> {
    // Too short for the fields below, which are read at fixed offsets.
    if answer.len() < MESSAGE {
        return None;
    }
    let is_datagram = i32::from(answer[1]) == libc::SOCK_DGRAM;
    let (mut name, mut file, mut user) = (None, None, None);
    for (kind, value) in attributes(&answer[MESSAGE..]) {
        match kind {
            UNIX_DIAG_NAME => name = Some(value),
            UNIX_DIAG_VFS if value.len() >= 4 => file = Some(u32_at(value, 0)),
            UNIX_DIAG_UID if value.len() >= 4 => user = Some(u32_at(value, 0)),
            _ => {}
        }
    }
    Some(UnixRow {
        inode: u32_at(answer, 4),
        // A datagram socket never listens: its name alone makes it serve.
        serves: (1 << answer[2] == LISTEN) != is_datagram,
        name: name?,
        file,
        user,
    })
}

/// Makes a `struct unix_diag_req` (`linux/unix_diag.h`).
fn question() -> Vec<u8> {
    let mut question = vec![libc::AF_UNIX as u8, 0, 0, 0];
    question.extend((LISTEN | CLOSE).to_ne_bytes());
    question.extend(0u32.to_ne_bytes()); // any inode
    question.extend(SHOWN.to_ne_bytes());
    question.extend([0xff; 8]); // any cookie
    question
}

/// Removes the NUL that may end a name.
fn trimmed(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{UnixDatagram, UnixListener as Listener};

    #[test]
    fn the_kernel_tells_who_serves_a_unix_socket() {
        let home =
            crate::session::Home::create("unix", None, crate::sys::users::Access::PRIVATE).unwrap();
        // No other test, here or elsewhere, has a socket of this name.
        let path = home.dir().join(format!("of-{}", std::process::id()));
        let diag = Diag::open().unwrap();
        let inode = || std::fs::metadata(&path).unwrap().ino();
        let listener = Listener::bind(&path).unwrap();
        let found = at_path(&diag, &path, inode()).unwrap();
        assert_eq!((found.len(), found[0].is_certain), (1, true));
        // A connection is not a listener.
        let _client = UnixStream::connect(&path).unwrap();
        let _server = listener.accept().unwrap();
        assert_eq!(at_path(&diag, &path, inode()).unwrap(), found);
        drop(listener);
        assert_eq!(at_path(&diag, &path, inode()).unwrap(), []);
        std::fs::remove_file(&path).unwrap();
        let _datagrams = UnixDatagram::bind(&path).unwrap();
        assert_eq!(at_path(&diag, &path, inode()).unwrap().len(), 1);
    }
}
