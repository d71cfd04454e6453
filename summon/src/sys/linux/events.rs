//! Readiness of many descriptors (`epoll(7)`), each change once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::sys::wait;

/// A descriptor became ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The socket has an error.
    pub(crate) failed: bool,
    /// The end of the stream or an urgent byte has come, which a read does not pass.
    pub(crate) has_mark: bool,
}

/// The descriptors to wait for.
pub(crate) struct Events {
    epoll: OwnedFd,
    found: Vec<epoll::Event>,
}

impl Events {
    pub(crate) fn new() -> io::Result<Events> {
        Ok(Events {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            found: Vec::with_capacity(256),
        })
    }

    /// Adds a descriptor. It is removed when it is closed. An event says that it has become readable or
    /// writable, so the caller must read or write until that would block before the next one comes.
    pub(crate) fn add(&self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        let flags = flags | EventFlags::RDHUP | EventFlags::PRI;
        Ok(epoll::add(&self.epoll, fd, data, flags)?)
    }

    /// Adds a descriptor. Each wait has an event while it is readable.
    pub(crate) fn add_while_readable(&self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN)?)
    }

    /// Removes a descriptor that another process also holds. Until all copies are closed, it would have
    /// events.
    pub(crate) fn remove(&self, fd: &impl AsFd) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Sleeps until something is ready, or until `until`.
    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<Vec<Event>> {
        if let Some(until) = until {
            // `epoll_wait` counts milliseconds, and some sandboxes don't know `epoll_pwait2`. `ppoll`
            // counts nanoseconds, and an epoll descriptor is readable when it has events.
            let left = wait::timespec(until.saturating_duration_since(Instant::now()));
            let mut polled = [PollFd::new(&self.epoll, PollFlags::IN)];
            match rustix::event::poll(&mut polled, Some(&left)) {
                Ok(0) => return Ok(Vec::new()),
                Ok(_) => {}
                Err(Errno::INTR) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            }
        }
        let now = Timespec::default();
        self.take(until.is_some().then_some(&now))
    }

    /// Returns what is ready now, without sleep.
    pub(crate) fn look(&mut self) -> io::Result<Vec<Event>> {
        self.take(Some(&Timespec::default()))
    }

    fn take(&mut self, left: Option<&Timespec>) -> io::Result<Vec<Event>> {
        self.found.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.found), left) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let event = |event: &epoll::Event| {
            let flags = event.flags;
            let failed = flags.contains(EventFlags::ERR);
            let closed = failed || flags.contains(EventFlags::HUP);
            let marks = EventFlags::RDHUP | EventFlags::PRI;
            Event {
                token: event.data.u64(),
                readable: closed || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
                writable: closed || flags.contains(EventFlags::OUT),
                failed,
                has_mark: closed || flags.intersects(marks),
            }
        };
        Ok(self.found.iter().map(event).collect())
    }
}
