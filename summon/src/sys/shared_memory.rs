//! Shared memory that outlives its processes: segments of System V (`shmctl(2)`), and the files of
//! `shm_open(3)`.
//!
//! A PostgreSQL that was killed leaves both, and so does a killed `initdb`. The file `postmaster.pid`
//! in its data directory names the pid of the server in the first line, and the segment in the seventh.
//! The segment names the data directory, and the file in memory that lists all others.

use std::ffi::{OsStr, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags};

use super::dir::{Dir, FileStatus};
use super::memory::Memory;

/// The most bytes of such a `postmaster.pid`.
const LONGEST: u64 = 4096;
/// The most bytes of the file that lists the others. A server with 300 connections has 70 kB.
const LONGEST_LIST: u64 = 16 << 20;
/// The first number in a segment of PostgreSQL, and in the list.
const SEGMENT_MAGIC: i32 = 679_834_894;
const LIST_MAGIC: u32 = 0x9a50_3d32;

/// The beginning of a segment: `PGShmemHeader`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    magic: i32,
    creator: libc::pid_t,
    size: usize,
    free: usize,
    /// The number in the name of the list.
    list: u32,
    index: *const c_void,
    /// The data directory.
    device: libc::dev_t,
    inode: libc::ino_t,
}

/// Releases the memory of the dead server with this data directory.
pub(super) fn release(data: BorrowedFd<'_>) {
    let _ = try_release(data);
}

fn try_release(data: BorrowedFd<'_>) -> Option<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(data, "postmaster.pid", flags, Mode::empty()).ok()?;
    let (owner, text) = read(file.into(), LONGEST).ok()?;
    let text = String::from_utf8(text).ok()?;
    let mut lines = text.lines();
    // `initdb` runs single-user servers, which write a minus sign.
    let pid: i32 = lines.next()?.trim().parse().ok()?;
    let segment = lines.nth(5)?.split_whitespace().nth(1)?.parse().ok()?;
    let header = header(segment, pid.checked_abs()?, owner)?;
    // The text may be a copy: a directory may have been copied from a server that lives.
    let data = rustix::fs::fstat(data).ok()?;
    // Some systems have other types in the header.
    let is_here = i128::from(header.device) == i128::from(data.st_dev)
        && i128::from(header.inode) == i128::from(data.st_ino);
    if !is_here {
        return None;
    }
    // Before the segment, which alone names them.
    remove_files(header.list, owner);
    // Children of a killed server may have the segment for another moment. They keep it, and the
    // kernel removes it after the last one (`shmctl(2)`).
    // SAFETY: `IPC_RMID` ignores the structure.
    unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) };
    Some(())
}

/// Reads the beginning of a segment, if this process of this user has made it.
fn header(segment: i32, pid: i32, owner: u32) -> Option<Header> {
    let mut found = MaybeUninit::<libc::shmid_ds>::uninit();
    // SAFETY: `IPC_STAT` fills in the structure, which is valid for writes.
    if unsafe { libc::shmctl(segment, libc::IPC_STAT, found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call has succeeded, so it has filled in the structure.
    let found = unsafe { found.assume_init() };
    // The number may belong to another segment by now, or the file may lie.
    let is_its = found.shm_cpid == pid && found.shm_perm.cuid == owner;
    if !is_its || found.shm_segsz < size_of::<Header>() {
        return None;
    }
    // SAFETY: a null address lets the kernel choose a free one, so no other memory is replaced.
    let at = unsafe { libc::shmat(segment, std::ptr::null(), libc::SHM_RDONLY) };
    if at.addr() == usize::MAX {
        return None;
    }
    // SAFETY: the segment is at least as long, it is aligned to a page, and any bytes are a valid
    // header. The read is volatile, since a process may write there.
    let header = unsafe { at.cast::<Header>().read_volatile() };
    // SAFETY: it was attached above, and nothing refers to it any more.
    unsafe { libc::shmdt(at) };
    (header.magic == SEGMENT_MAGIC && header.creator == pid).then_some(header)
}

/// Removes the list with this number, and the files in it, if they belong to this user.
fn remove_files(list: u32, owner: u32) -> Option<()> {
    let memory = Dir::open(Memory::find()?.path).ok()?;
    let file = |number: u32| format!("PostgreSQL.{number}");
    let is_its = |name: &OsStr| {
        let found = memory.look(name).ok();
        found.is_some_and(|it| it.is_file() && it.owner() == owner)
    };
    let name = file(list);
    let (found, bytes) = read(memory.append(name.as_ref()).ok()?, LONGEST_LIST).ok()?;
    if found != owner {
        return None;
    }
    // A server that died while it wrote the list has no other files yet.
    let is_list = word(&bytes, 0) == Some(LIST_MAGIC);
    for number in is_list
        .then(|| listed(&bytes))
        .flatten()
        .unwrap_or_default()
    {
        let name = file(number);
        if is_its(name.as_ref()) {
            let _ = memory.remove_file(name.as_ref());
        }
    }
    memory.remove_file(name.as_ref()).ok()
}

/// Returns the numbers in a list. Each entry begins with a number, and with how many processes use it.
fn listed(bytes: &[u8]) -> Option<Vec<u32>> {
    /// Magic, entries in use, and all entries, up to the alignment of an entry.
    const BEFORE: usize = 16;
    let (used, room) = (word(bytes, 4)? as usize, word(bytes, 8)? as usize);
    // The size of an entry differs between versions.
    let size = bytes.len().checked_sub(BEFORE)?.checked_div(room)?;
    let entries = (0..used.min(room)).map(|number| BEFORE + number * size);
    let of_entry = |at| Some((word(bytes, at)?, word(bytes, at + 4)?));
    let entries = entries.filter_map(of_entry);
    Some(
        entries
            .filter(|(_, users)| *users > 0)
            .map(|it| it.0)
            .collect(),
    )
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}

/// Reads a file, up to a limit. Returns its owner, too.
fn read(file: File, limit: u64) -> io::Result<(u32, Vec<u8>)> {
    let status = FileStatus::of(&file)?;
    if !status.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((status.owner(), bytes))
}
