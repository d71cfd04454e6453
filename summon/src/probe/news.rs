//! Events that wake a waiting probe and save it from polling.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use once_cell::unsync::OnceCell;

use crate::guard::{Guarded, Interest, Sleeper};
use crate::sys::fd::{AsFd, BorrowedFd};
use crate::sys::file_watch::Watch;
use crate::sys::wait;

/// The events of one wait. A probe that subscribes before its look misses no event.
#[derive(Debug, Default)]
pub(super) struct News {
    /// `None` for a server that ran before the test, which has no guard.
    guarded: Option<Arc<Guarded>>,
    ends: OnceCell<Sleeper>,
    output: OnceCell<Sleeper>,
    notices: OnceCell<Sleeper>,
    /// Contains `None` if inotify is not available.
    files: OnceCell<Option<Watch>>,
}

impl News {
    /// Makes the events of a process that has just been launched.
    pub(super) fn of(guarded: Arc<Guarded>) -> io::Result<News> {
        let news = News {
            guarded: Some(guarded),
            ..News::default()
        };
        news.subscribe(&news.ends, Interest::Ends)?;
        Ok(news)
    }

    pub(super) fn guarded(&self) -> Option<&Arc<Guarded>> {
        self.guarded.as_ref()
    }

    fn subscribe(&self, to: &OnceCell<Sleeper>, interest: Interest) -> io::Result<()> {
        if let Some(guarded) = &self.guarded {
            to.get_or_try_init(|| guarded.sleeper(interest))?;
        }
        Ok(())
    }

    /// Subscribes to new output.
    pub(super) fn subscribe_to_output(&self) -> io::Result<()> {
        self.subscribe(&self.output, Interest::Output)
    }

    /// Subscribes to notifications of the process (`sd_notify(3)`).
    pub(super) fn subscribe_to_notices(&self) -> io::Result<()> {
        self.subscribe(&self.notices, Interest::Notices)
    }

    /// Subscribes to changes of a file, its creation and removal included. Returns `false` if the system
    /// does not report them.
    pub(super) fn subscribe_to_file(&self, path: &Path) -> bool {
        let watch = self.files.get_or_init(|| Watch::new().ok());
        watch.as_ref().is_some_and(|watch| watch.add(path).is_ok())
    }

    /// Resets the wakers, and returns whether there was an event. The order is look, sleep, reset: an
    /// event after the look then ends the sleep at once.
    pub(super) fn reset(&self) -> bool {
        // The end of a process is an event too: when the first process of a daemon ends, another
        // takes its place, and there is something new to see.
        let sleepers = [&self.ends, &self.output, &self.notices];
        let mut told = false;
        for sleeper in sleepers.into_iter().filter_map(OnceCell::get) {
            told |= sleeper.waker.reset();
        }
        if let Some(files) = self.files() {
            told |= files.reset();
        }
        told
    }

    fn files(&self) -> Option<&Watch> {
        self.files.get()?.as_ref()
    }

    /// Returns whether there may be an event.
    pub(super) fn sleep(
        &self,
        until: Instant,
        given_up: Option<BorrowedFd<'_>>,
    ) -> io::Result<bool> {
        let sleepers = [&self.ends, &self.output, &self.notices];
        let sleepers = sleepers.into_iter().filter_map(OnceCell::get);
        let mut fds: Vec<BorrowedFd<'_>> = sleepers.map(|it| it.waker.as_fd()).collect();
        fds.extend(self.files().into_iter().flat_map(Watch::fds));
        fds.extend(given_up);
        wait::sleep(&fds, Some(until))
    }
}
