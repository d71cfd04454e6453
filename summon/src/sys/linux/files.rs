//! Changes to files, as the kernel tells them (`inotify(7)`).
//!
//! A process has one inotify instance for all who watch, since a user may have 128 of them, and
//! keeps it: to close one takes the kernel 10 ms. There is no thread for it: each who sleeps also
//! polls the instance, and whoever wakes first hands out what is there to all.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::sys::maker::Maker;
use crate::sys::wait::Waker;

/// What one watches for. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Watch {
    inotify: &'static Inotify,
    waker: Arc<Waker>,
}

#[derive(Debug)]
struct Inotify {
    maker: Maker,
    instance: OwnedFd,
    interests: Mutex<Vec<Interest>>,
}

/// A name in a watched directory.
#[derive(Debug)]
struct Interest {
    directory: i32,
    name: OsString,
    waker: Arc<Waker>,
}

/// That of this process. Those that it has from processes that it was forked from stay theirs.
static INOTIFY: Mutex<Option<&Inotify>> = Mutex::new(None);

/// The tree of directories may change while it is walked; so often it is walked again.
const WALKS: usize = 16;

impl Watch {
    pub(crate) fn new() -> io::Result<Watch> {
        Ok(Watch {
            inotify: Inotify::get()?,
            waker: Arc::new(Waker::new()?),
        })
    }

    /// Watches for `path`, which is absolute, to come, to go, or to change. Look at it afterwards:
    /// a change from now on is told. Where its directory is not there yet that is watched for, so
    /// call it again before each look.
    pub(crate) fn add(&self, path: &Path) -> io::Result<()> {
        for _ in 0..WALKS {
            let (mut directory, mut name) = split(path)?;
            let parent = directory;
            loop {
                match self.inotify.watch(directory, name, &self.waker) {
                    Ok(()) => break,
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                        ) =>
                    {
                        (directory, name) = split(directory)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            // What came between two steps of the walk was seen by neither.
            if directory == parent || !directory.join(name).is_dir() {
                return Ok(());
            }
        }
        Err(io::Error::other("its directories change all the time"))
    }

    /// What to sleep on.
    pub(crate) fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.inotify.instance.as_fd(), self.waker.as_fd()]
    }

    /// Forgets the changes so far, and says whether there were any. Do it before a look.
    pub(crate) fn reset(&self) -> bool {
        self.inotify.hand_out();
        self.waker.reset()
    }
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent()
        .zip(path.file_name())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The kernel's list of what is watched is that of the instance, and so the maker's.
        if !self.inotify.maker.is_here() {
            return;
        }
        let mut interests = self.inotify.lock();
        let mine = |interest: &Interest| Arc::ptr_eq(&interest.waker, &self.waker);
        let left: Vec<i32> = interests
            .iter()
            .filter(|interest| mine(interest))
            .map(|interest| interest.directory)
            .collect();
        interests.retain(|interest| !mine(interest));
        for directory in left {
            if !interests.iter().any(|other| other.directory == directory) {
                // A directory that is gone has ended the watch itself.
                let _ = inotify::remove_watch(&self.inotify.instance, directory);
            }
        }
    }
}

impl Inotify {
    /// That of this process. Where there is none to be had now, there may be one later.
    fn get() -> io::Result<&'static Inotify> {
        let mut known = INOTIFY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inotify) = known.filter(|inotify| inotify.maker.is_here()) {
            return Ok(inotify);
        }
        let made = Inotify {
            maker: Maker::here(),
            instance: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            interests: Mutex::default(),
        };
        Ok(known.insert(Box::leak(Box::new(made))))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Interest>> {
        self.interests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, directory: &Path, name: &OsStr, waker: &Arc<Waker>) -> io::Result<()> {
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        // Held, so that whoever hands out an event of this directory finds this interest.
        let mut interests = self.lock();
        let directory = inotify::add_watch(&self.instance, directory, flags)?;
        let known = interests.iter().any(|other| {
            other.directory == directory && other.name == name && Arc::ptr_eq(&other.waker, waker)
        });
        if !known {
            interests.push(Interest {
                directory,
                name: name.to_owned(),
                waker: Arc::clone(waker),
            });
        }
        Ok(())
    }

    /// Wakes all who are concerned by what has happened.
    fn hand_out(&self) {
        let interests = self.lock();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.instance, &mut buffer);
        // It ends when there is nothing more.
        while let Ok(event) = events.next() {
            let lost_some = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let name = event
                .file_name()
                .map(|name| OsStr::from_bytes(name.to_bytes()));
            let concerns = |interest: &&Interest| {
                interest.directory == event.wd() && name.is_none_or(|name| name == interest.name)
            };
            let concerned = interests.iter().filter(|it| lost_some || concerns(it));
            concerned.for_each(|interest| interest.waker.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Sleeps until it is told of a change.
    fn told(watch: &Watch) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !watch.reset() {
            assert!(Instant::now() < limit, "no change is told");
            crate::sys::wait::sleep(&watch.fds(), Some(limit)).unwrap();
        }
    }

    #[test]
    fn a_file_is_told_though_its_directories_come_later() {
        let home = crate::session::Home::create("files", None, crate::sys::users::Access::PRIVATE)
            .unwrap();
        let path = home.dir().join("a/b/c");
        let watch = Watch::new().unwrap();
        watch.add(&path).unwrap();
        std::fs::create_dir(home.dir().join("a")).unwrap();
        told(&watch);
        watch.add(&path).unwrap();
        std::fs::create_dir(home.dir().join("a/b")).unwrap();
        told(&watch);
        watch.add(&path).unwrap();
        std::fs::write(home.dir().join("a/b/other"), "").unwrap();
        std::fs::write(&path, "").unwrap();
        told(&watch);
        watch.reset();
        std::fs::write(&path, "more").unwrap();
        told(&watch);
    }

    #[test]
    fn what_happens_to_others_is_not_told() {
        let home = crate::session::Home::create("files", None, crate::sys::users::Access::PRIVATE)
            .unwrap();
        let (one, two) = (Watch::new().unwrap(), Watch::new().unwrap());
        one.add(&home.dir().join("one")).unwrap();
        two.add(&home.dir().join("two")).unwrap();
        std::fs::write(home.dir().join("two"), "").unwrap();
        // Whoever looks hands it out to whom it concerns.
        assert!(!one.reset());
        assert!(two.reset());
        drop(two);
        std::fs::write(home.dir().join("one"), "").unwrap();
        assert!(one.reset());
    }
}
