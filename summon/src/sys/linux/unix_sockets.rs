//! Who serves a Unix socket, asked of the kernel, so that the server sees no connection from us.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::diag::{CLOSE, Diag, LISTEN, attributes, u32_at};
use super::proc::SocketId;

/// One socket that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnixListener {
    pub(crate) inode: SocketId,
    /// It is bound to the very file that was asked for. Otherwise it is one of that name: where file
    /// systems are stacked (overlayfs), the file's number says less than it should.
    pub(crate) is_certain: bool,
}

const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_VFS: u16 = 1;
/// The length of `sun_path` without the NUL at its end (`unix(7)`).
pub(crate) const LONGEST_PATH: usize = 107;
/// `UDIAG_SHOW_NAME | UDIAG_SHOW_VFS`.
const SHOWN: u32 = 1 | 2;
/// `struct unix_diag_msg`.
const MESSAGE: usize = 16;

/// Every socket that listens at `path`, or was bound there for datagrams. `file`: its inode.
pub(crate) fn at_path(diag: &Diag, path: &Path, file: u64) -> io::Result<Vec<UnixListener>> {
    let mut found = Vec::new();
    let parse = |answer: &[u8]| {
        if answer.len() < MESSAGE {
            return;
        }
        let is_datagram = i32::from(answer[1]) == libc::SOCK_DGRAM;
        if (1 << answer[2] == LISTEN) == is_datagram {
            return;
        }
        let (mut name, mut same) = (None, false);
        for (kind, value) in attributes(&answer[MESSAGE..]) {
            match kind {
                UNIX_DIAG_NAME => name = Some(Path::new(OsStr::from_bytes(trimmed(value)))),
                // The kernel tells the lower half of the number.
                UNIX_DIAG_VFS if value.len() >= 4 => same = u32_at(value, 0) == file as u32,
                _ => {}
            }
        }
        let Some(name) = name.filter(|name| name.file_name() == path.file_name()) else {
            return;
        };
        found.push(UnixListener {
            inode: u32_at(answer, 4),
            is_certain: same || name == path,
        });
    };
    diag.ask(&question(), parse)?;
    Ok(found)
}

/// A `struct unix_diag_req` (`linux/unix_diag.h`).
fn question() -> Vec<u8> {
    let mut question = vec![libc::AF_UNIX as u8, 0, 0, 0];
    question.extend((LISTEN | CLOSE).to_ne_bytes());
    question.extend(0u32.to_ne_bytes()); // any inode
    question.extend(SHOWN.to_ne_bytes());
    question.extend([0xff; 8]); // any cookie
    question
}

/// A name may come with the NUL that ended it.
fn trimmed(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{UnixDatagram, UnixListener as Listener, UnixStream};

    #[test]
    fn the_kernel_tells_who_serves_a_unix_socket() {
        let home = crate::session::Home::create("unix", None, None).unwrap();
        // A name that no other test, here or elsewhere, has for a socket.
        let path = home.dir().join(format!("of-{}", std::process::id()));
        let diag = Diag::open().unwrap();
        let inode = || std::fs::metadata(&path).unwrap().ino();
        let listener = Listener::bind(&path).unwrap();
        let found = at_path(&diag, &path, inode()).unwrap();
        assert_eq!((found.len(), found[0].is_certain), (1, true));
        // Connections are no listeners.
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
