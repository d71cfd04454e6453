//! Queues of events (`kqueue(2)`). A queue is a descriptor that can be polled. A fork does not copy
//! it, and a message can't carry it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

#[derive(Debug)]
pub(super) struct Kqueue(OwnedFd);

/// An event to wait for.
pub(super) enum Wanted {
    /// A descriptor is readable.
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
        // SAFETY: `kqueue` takes nothing.
        let queue = unsafe { libc::kqueue() };
        if queue == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `kqueue` has just made it, so no other value owns it.
        let queue = unsafe { OwnedFd::from_raw_fd(queue) };
        // A fork drops the queue. xnu also closes it on `exec` (`kqueue_internal`), but `kqueue(2)`
        // does not promise that.
        rustix::io::ioctl_fioclex(&queue)?;
        Ok(Kqueue(queue))
    }

    /// Asks for an event from now on. Asking for it again is harmless. For a process that has
    /// ended, or is about to, it fails with `ESRCH`.
    pub(super) fn add(&self, wanted: &Wanted) -> io::Result<()> {
        // `EV_ADD` changes an event that is in the queue already, so there are no duplicates
        // (`kqueue(2)`).
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
                // Once only: a periodic timer would keep waking the guard after the cause has
                // passed.
                change.flags |= libc::EV_ONESHOT;
                change.data = 1000;
                (0, libc::EVFILT_TIMER, libc::NOTE_USECONDS)
            }
        };
        let fd = self.0.as_raw_fd();
        // SAFETY: `change` is one valid change. With room for 0 events the kernel writes none.
        let done =
            unsafe { libc::kevent(fd, &raw const change, 1, ptr::null_mut(), 0, ptr::null()) };
        match done {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Forgets the events so far. The queue is then no longer readable, unless a watched descriptor
    /// still is.
    pub(super) fn forget(&self) {
        // With more than 64 events the queue stays readable, and the next call reads the rest.
        let mut told = [NOTHING; 64];
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let (fd, room) = (self.0.as_raw_fd(), told.len() as i32);
        // SAFETY: `told` has room for `room` events, and the time is valid.
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
