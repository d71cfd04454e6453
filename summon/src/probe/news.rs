//! What the system tells while somebody waits, so that it need not be asked again and again.

use std::cell::OnceCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::guard::{Guarded, Interest, Sleeper};
use crate::sys::fd::{AsFd, BorrowedFd};
use crate::sys::files::Watch;
use crate::sys::wait;

/// The news of one wait. A probe that subscribes before it looks misses nothing.
#[derive(Debug, Default)]
pub(super) struct News {
    /// `None` for a server that was there before, and that nobody guards.
    guarded: Option<Arc<Guarded>>,
    ends: OnceCell<Sleeper>,
    output: OnceCell<Sleeper>,
    notices: OnceCell<Sleeper>,
    /// `None` inside where there is no inotify to be had.
    files: OnceCell<Option<Watch>>,
}

impl News {
    /// Those of a process that has just been launched.
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
        if let (Some(guarded), None) = (&self.guarded, to.get()) {
            let _ = to.set(guarded.sleeper(interest)?);
        }
        Ok(())
    }

    /// Wakes when there is more output.
    pub(super) fn subscribe_to_output(&self) -> io::Result<()> {
        self.subscribe(&self.output, Interest::Output)
    }

    /// Wakes when the process says something of itself.
    pub(super) fn subscribe_to_notices(&self) -> io::Result<()> {
        self.subscribe(&self.notices, Interest::Notices)
    }

    /// Wakes when a file comes, goes, or changes. `false` where the system does not tell.
    pub(super) fn subscribe_to_file(&self, path: &Path) -> bool {
        let watch = self.files.get_or_init(|| Watch::new().ok());
        watch.as_ref().is_some_and(|watch| watch.add(path).is_ok())
    }

    /// Forgets the news so far, and says whether there were any. Forget, look, sleep: in this order
    /// news that come after the look end the sleep at once.
    pub(super) fn reset(&self) -> bool {
        // An end among them: a program that forks away ends, and its heir takes its place.
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

    pub(super) fn sleep(&self, until: Instant) -> io::Result<()> {
        let sleepers = [&self.ends, &self.output, &self.notices];
        let sleepers = sleepers.into_iter().filter_map(OnceCell::get);
        let mut fds: Vec<BorrowedFd<'_>> = sleepers.map(|it| it.waker.as_fd()).collect();
        fds.extend(self.files().into_iter().flat_map(Watch::fds));
        wait::sleep(&fds, Some(until))
    }
}
