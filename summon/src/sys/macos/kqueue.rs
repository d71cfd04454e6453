//! Queues of events (`kqueue(2)`). A queue is itself a descriptor that can be polled, but that
//! neither a fork nor a message takes along.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

#[derive(Debug)]
pub(super) struct Kqueue(OwnedFd);

/// What is told, and when.
pub(super) enum Wanted {
    /// A descriptor can be read.
    Readable(i32),
    /// The attributes of a file change, such as its times.
    Attributes(i32),
    /// A process ends.
    End(u32),
    /// A process ends, or forks.
    EndAndForks(u32),
    /// A millisecond has passed.
    Soon,
}

const NOTHING: libc::kevent = libc::kevent {
    ident: 0,
    filter: 0,
    flags: 0,
    fflags: 0,
    data: 0,
    udata: ptr::null_mut(),
};

impl Kqueue {
    pub(super) fn new() -> io::Result<Kqueue> {
        // SAFETY: it takes nothing.
        let queue = unsafe { libc::kqueue() };
        if queue == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just made, and nobody else knows it.
        let queue = unsafe { OwnedFd::from_raw_fd(queue) };
        rustix::io::ioctl_fioclex(&queue)?;
        Ok(Kqueue(queue))
    }

    /// Has something told from now on. What is wanted already may be wanted again. Of a process it is
    /// an error (`ESRCH`) that it has ended, or is about to.
    pub(super) fn add(&self, wanted: &Wanted) -> io::Result<()> {
        let mut change = NOTHING;
        change.flags = libc::EV_ADD;
        (change.ident, change.filter, change.fflags) = match *wanted {
            Wanted::Readable(fd) => (fd as usize, libc::EVFILT_READ, 0),
            Wanted::Attributes(fd) => (fd as usize, libc::EVFILT_VNODE, libc::NOTE_ATTRIB),
            Wanted::End(pid) => (pid as usize, libc::EVFILT_PROC, libc::NOTE_EXIT),
            Wanted::EndAndForks(pid) => {
                let notes = libc::NOTE_EXIT | libc::NOTE_FORK;
                (pid as usize, libc::EVFILT_PROC, notes)
            }
            Wanted::Soon => {
                change.flags |= libc::EV_ONESHOT;
                change.data = 1000;
                (0, libc::EVFILT_TIMER, libc::NOTE_USECONDS)
            }
        };
        let fd = self.0.as_raw_fd();
        // SAFETY: one change that is valid, and no room for events, of which none is asked for.
        let done =
            unsafe { libc::kevent(fd, &raw const change, 1, ptr::null_mut(), 0, ptr::null()) };
        match done {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Forgets what has been told so far, which but for descriptors that can still be read ends the
    /// queue's being readable.
    pub(super) fn forget(&self) {
        let mut told = [NOTHING; 64];
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let (fd, room) = (self.0.as_raw_fd(), told.len() as i32);
        // SAFETY: there is room for as many events as it is told, and the time is valid.
        unsafe { libc::kevent(fd, ptr::null(), 0, told.as_mut_ptr(), room, &raw const now) };
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Kqueue> for OwnedFd {
    fn from(queue: Kqueue) -> OwnedFd {
        queue.0
    }
}
