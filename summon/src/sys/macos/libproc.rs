//! The system's tables of processes (`<libproc.h>`, `<sys/proc_info.h>`).

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::socket_info::SocketFdInfo;
use super::thread::errno_place;

/// For questions about one process: zombies are asked about, too.
const ZOMBIES_TOO: u64 = 1;
/// `PROC_PIDT_SHORTBSDINFO`: what may be known of other users' processes.
const SHORT: c_int = 13;
/// `PROC_PIDUNIQIDENTIFIERINFO`: the same.
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

/// `struct proc_uniqidentifierinfo`, which is kept as it is, though the headers for users lack it.
#[repr(C)]
pub(super) struct Unique {
    executable: [u8; 16],
    /// No process ever gets it again, and this one keeps it when it execs another program.
    pub(super) id: u64,
    /// The one of whoever has forked it, whoever its parent is by now.
    pub(super) forked_by: u64,
    versions: [i32; 2],
    reserved: [u64; 2],
}

const _: () = assert!(size_of::<Unique>() == 56);

/// Every process, zombies included.
pub(super) fn all() -> io::Result<Vec<u32>> {
    // SAFETY: there is room for as many bytes as it is told.
    let found = list(|buffer, bytes| unsafe { libc::proc_listallpids(buffer, bytes) });
    match found.is_empty() {
        true => Err(io::Error::last_os_error()),
        false => Ok(found),
    }
}

/// `ask` says how many there are, as far as there is room; none if it fails.
fn list(ask: impl Fn(*mut c_void, c_int) -> c_int) -> Vec<u32> {
    let mut room = 1024;
    loop {
        let mut pids = vec![0u32; room];
        let bytes = (room * size_of::<u32>()) as c_int;
        let found = usize::try_from(ask(pids.as_mut_ptr().cast(), bytes)).unwrap_or(0);
        // A list that is full may be cut.
        if found < room {
            pids.truncate(found);
            // The kernel's own has number 0.
            pids.retain(|pid| *pid != 0);
            return pids;
        }
        room *= 2;
    }
}

/// What is known of any process: `None` if it is not there.
pub(super) fn short_info(pid: u32) -> Option<ShortInfo> {
    // SAFETY: all zeroes is valid for these numbers and texts.
    let mut info: ShortInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is the one that is answered with.
    unsafe { ask(pid, SHORT, ZOMBIES_TOO, &mut info) }.ok()?;
    Some(info)
}

/// What tells any process from all others, ever: `None` if it is not there.
pub(super) fn unique(pid: u32) -> Option<Unique> {
    // SAFETY: as above.
    let mut unique: Unique = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { ask(pid, UNIQUE, ZOMBIES_TOO, &mut unique) }.ok()?;
    Some(unique)
}

/// The directory that relative names are taken from.
pub(super) fn working_directory(pid: u32) -> Option<PathBuf> {
    // SAFETY: as above.
    let mut info: libc::proc_vnodepathinfo = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
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

/// Asks for all of a struct.
///
/// # Safety
///
/// `T` is the struct that the question is answered with, and all bytes are valid in it.
unsafe fn ask<T>(pid: u32, question: c_int, argument: u64, answer: &mut T) -> io::Result<()> {
    let size = size_of::<T>() as c_int;
    let place = std::ptr::from_mut(answer).cast();
    // SAFETY: there is room for as many bytes as it is told.
    let told = unsafe { libc::proc_pidinfo(pid as i32, question, argument, place, size) };
    match told == size {
        true => Ok(()),
        false => Err(io::Error::last_os_error()),
    }
}

/// The executable of a process.
pub(super) fn executable(pid: u32) -> Option<PathBuf> {
    /// `PROC_PIDPATHINFO_MAXSIZE`.
    const LONGEST: u32 = 4096;
    let mut path = vec![0u8; LONGEST as usize];
    // SAFETY: there is room for as many bytes as it is told.
    let length = unsafe { libc::proc_pidpath(pid as i32, path.as_mut_ptr().cast(), LONGEST) };
    path.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(OsStr::from_bytes(&path).into())
}

/// The short name of a process, which may be known of other users' too.
pub(super) fn name(pid: u32) -> Option<String> {
    let info = short_info(pid)?;
    let name = info.name.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// The sockets of a process: none if it has ended, or is about to. An error says that they can't be
/// seen.
pub(super) fn sockets(pid: u32) -> io::Result<Vec<SocketFdInfo>> {
    let mut found = Vec::new();
    for descriptor in descriptors(pid)? {
        if descriptor.proc_fdtype == IS_SOCKET {
            // One that was closed meanwhile is none any more.
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
        // It answers 0 for an error, and for no descriptors at all.
        // SAFETY: it takes nothing, and returns a place that is this thread's and valid.
        let errno = unsafe { errno_place() };
        // SAFETY: as above.
        unsafe { *errno = 0 };
        // SAFETY: there is room for as many bytes as it is told.
        let told =
            unsafe { libc::proc_pidinfo(pid as i32, libc::PROC_PIDLISTFDS, 0, place, bytes) };
        let told = usize::try_from(told).unwrap_or(0);
        if told == 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                // One that is about to end can't be asked any more, long before it is a zombie. Were
                // that an error, a stranger's server could count as the service's, see `Diag`.
                Some(0 | libc::ESRCH) => Ok(Vec::new()),
                _ => Err(error),
            };
        }
        let count = told / size_of::<libc::proc_fdinfo>();
        // A list that is full may be cut.
        if count < room {
            found.truncate(count);
            return Ok(found);
        }
        room *= 2;
    }
}

fn socket(pid: u32, fd: i32) -> Option<SocketFdInfo> {
    // SAFETY: all zeroes is valid for these numbers and bytes.
    let mut info: SocketFdInfo = unsafe { std::mem::zeroed() };
    let size = size_of::<SocketFdInfo>() as c_int;
    let place = (&raw mut info).cast();
    // SAFETY: there is room for as many bytes as it is told.
    let told = unsafe { libc::proc_pidfdinfo(pid as i32, fd, SOCKET, place, size) };
    (told == size).then_some(info)
}
