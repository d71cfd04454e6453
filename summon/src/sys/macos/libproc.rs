//! The kernel's tables of processes (`<libproc.h>`, `<sys/proc_info.h>`).

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::socket_info::SocketFdInfo;
use super::thread::errno_place;

/// Asks about zombies too, in a question about one process.
const ZOMBIES_TOO: u64 = 1;
/// `PROC_PIDT_SHORTBSDINFO`: facts that are public, even about other users' processes.
const SHORT: c_int = 13;
/// `PROC_PIDUNIQIDENTIFIERINFO`: public too.
const UNIQUE: c_int = 17;
/// `PROC_PIDFDSOCKETINFO`.
const SOCKET: c_int = 3;
/// `PROX_FDTYPE_SOCKET`.
const IS_SOCKET: u32 = 2;

/// `struct proc_bsdshortinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct ShortInfo {
    pid: u32,
    pub(super) parent: u32,
    group: u32,
    pub(super) status: u32,
    name: [u8; 16],
    pub(super) flags: u32,
    pub(super) user: u32,
    ids: [u32; 5],
    reserved: u32,
}

const _: () = assert!(size_of::<ShortInfo>() == 64);

/// `struct proc_uniqidentifierinfo`. Its layout is stable, though the public headers lack it.
#[repr(C)]
pub(super) struct Unique {
    executable: [u8; 16],
    /// The identity. No other process ever gets it, and `exec` keeps it.
    pub(super) id: u64,
    /// The identity of the forker, even if the process has another parent by now.
    pub(super) forked_by: u64,
    versions: [i32; 2],
    reserved: [u64; 2],
}

const _: () = assert!(size_of::<Unique>() == 56);

/// Lists all processes, zombies included.
pub(super) fn all() -> io::Result<Vec<u32>> {
    // SAFETY: `list` passes a buffer that has room for `bytes` bytes.
    let found = list(|buffer, bytes| unsafe { libc::proc_listallpids(buffer, bytes) });
    match found.is_empty() {
        true => Err(io::Error::last_os_error()),
        false => Ok(found),
    }
}

/// Lists pids. `ask` fills the buffer and returns their number, or fails with a negative one.
fn list(ask: impl Fn(*mut c_void, c_int) -> c_int) -> Vec<u32> {
    let mut room = 1024;
    loop {
        let mut pids = vec![0u32; room];
        let bytes = (room * size_of::<u32>()) as c_int;
        let found = usize::try_from(ask(pids.as_mut_ptr().cast(), bytes)).unwrap_or(0);
        // A full list may be cut: processes are forked while the kernel fills it. So ask again with
        // more room, until some of it stays unused.
        if found < room {
            pids.truncate(found);
            // The kernel itself has pid 0.
            pids.retain(|pid| *pid != 0);
            return pids;
        }
        room *= 2;
    }
}

/// Returns the public facts about a process, or `None` if it does not exist.
pub(super) fn short_info(pid: u32) -> Option<ShortInfo> {
    // SAFETY: all zeroes is valid for a struct of numbers and bytes.
    let mut info: ShortInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel answers `SHORT` with a `proc_bsdshortinfo`, which is numbers and bytes.
    unsafe { ask(pid, SHORT, ZOMBIES_TOO, &mut info) }.ok()?;
    Some(info)
}

/// Returns the identity of a process, or `None` if it does not exist.
pub(super) fn unique(pid: u32) -> Option<Unique> {
    // SAFETY: all zeroes is valid for a struct of numbers and bytes.
    let mut unique: Unique = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel answers `UNIQUE` with a `proc_uniqidentifierinfo`, which is numbers and
    // bytes.
    unsafe { ask(pid, UNIQUE, ZOMBIES_TOO, &mut unique) }.ok()?;
    Some(unique)
}

/// Returns the directory where a process looks for files with relative paths.
pub(super) fn working_directory(pid: u32) -> Option<PathBuf> {
    // SAFETY: all zeroes is valid for a struct of numbers and bytes.
    let mut info: libc::proc_vnodepathinfo = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel answers this question with a `proc_vnodepathinfo`, which is numbers and
    // bytes.
    unsafe { ask(pid, libc::PROC_PIDVNODEPATHINFO, 0, &mut info) }.ok()?;
    let path: Vec<u8> = info
        .pvi_cdir
        .vip_path
        .iter()
        .flatten()
        .map(|c| *c as u8)
        .collect();
    let path = CStr::from_bytes_until_nul(&path).ok()?.to_bytes();
    Some(OsStr::from_bytes(path).into())
}

/// Asks a question, and expects a whole struct as the answer.
///
/// # Safety
///
/// `T` is the struct that answers the question, and all bytes are valid in it.
unsafe fn ask<T>(pid: u32, question: c_int, argument: u64, answer: &mut T) -> io::Result<()> {
    let size = size_of::<T>() as c_int;
    let place = std::ptr::from_mut(answer).cast();
    // SAFETY: `answer` is valid for a write of `size` bytes.
    let told = unsafe { libc::proc_pidinfo(pid as i32, question, argument, place, size) };
    // A short answer means another version of the struct, whose end would stay zero.
    match told == size {
        true => Ok(()),
        false => Err(io::Error::last_os_error()),
    }
}

/// Returns the executable of a process.
pub(super) fn executable(pid: u32) -> Option<PathBuf> {
    /// `PROC_PIDPATHINFO_MAXSIZE`.
    const LONGEST: u32 = 4096;
    let mut path = vec![0u8; LONGEST as usize];
    // SAFETY: `path` has room for `LONGEST` bytes.
    let length = unsafe { libc::proc_pidpath(pid as i32, path.as_mut_ptr().cast(), LONGEST) };
    // The result is the length of the path. 0 or less means an error, such as an ended process.
    path.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(OsStr::from_bytes(&path).into())
}

/// Returns the short name of a process. It is public, even for other users' processes.
pub(super) fn name(pid: u32) -> Option<String> {
    let info = short_info(pid)?;
    let name = info.name.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// Lists the sockets of a process. The list is empty if the process has ended, or is about to.
/// Fails if the sockets are not readable.
pub(super) fn sockets(pid: u32) -> io::Result<Vec<SocketFdInfo>> {
    let mut found = Vec::new();
    for descriptor in descriptors(pid)? {
        if descriptor.proc_fdtype == IS_SOCKET {
            // The process may have closed it since the list was made.
            found.extend(socket(pid, descriptor.proc_fd));
        }
    }
    Ok(found)
}

fn descriptors(pid: u32) -> io::Result<Vec<libc::proc_fdinfo>> {
    let mut room = 256;
    loop {
        let nothing = libc::proc_fdinfo {
            proc_fd: 0,
            proc_fdtype: 0,
        };
        let mut found = vec![nothing; room];
        let bytes = (room * size_of::<libc::proc_fdinfo>()) as c_int;
        let place = found.as_mut_ptr().cast();
        // `proc_pidinfo` returns 0 for an error and for an empty list. The difference is in
        // `errno`, so clear it first.
        //
        // SAFETY: `errno_place` takes nothing, and returns a pointer that is valid in this thread.
        let errno = unsafe { errno_place() };
        // SAFETY: the pointer is valid, and belongs to this thread alone.
        unsafe { *errno = 0 };
        // SAFETY: `found` has room for `bytes` bytes.
        let told =
            unsafe { libc::proc_pidinfo(pid as i32, libc::PROC_PIDLISTFDS, 0, place, bytes) };
        let told = usize::try_from(told).unwrap_or(0);
        if told == 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                // A process that is about to end can't be asked any more, long before it is a
                // zombie. As an error this would let a stranger's server count as the service's,
                // see `Diag`.
                Some(0 | libc::ESRCH) => Ok(Vec::new()),
                _ => Err(error),
            };
        }
        let count = told / size_of::<libc::proc_fdinfo>();
        // A full list may be cut, so ask again with more room.
        if count < room {
            found.truncate(count);
            return Ok(found);
        }
        room *= 2;
    }
}

fn socket(pid: u32, fd: i32) -> Option<SocketFdInfo> {
    // SAFETY: all zeroes is valid for a struct of numbers and bytes.
    let mut info: SocketFdInfo = unsafe { std::mem::zeroed() };
    let size = size_of::<SocketFdInfo>() as c_int;
    let place = (&raw mut info).cast();
    // SAFETY: `info` is valid for a write of `size` bytes.
    let told = unsafe { libc::proc_pidfdinfo(pid as i32, fd, SOCKET, place, size) };
    // The process may have closed the socket, and opened another file with its number. The kernel
    // then refuses the question.
    (told == size).then_some(info)
}
