//! Changes to files, as the kernel reports them (`inotify(7)`).
//!
//! All watches of a process share one inotify instance, since a user may have 128. It stays open,
//! since closing one takes the kernel 10 ms. No thread serves it: every sleeper polls the instance,
//! and the first to wake passes the events to all.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::sys::maker::{Maker, PerProcess};
use crate::sys::wait::Waker;

/// A watch for changes to files. Dropping it ends the watch.
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

/// The instance of this process. A forked child leaves its parent's instance alone, and makes one.
static INOTIFY: PerProcess<Inotify> = PerProcess::new();

/// How often to walk the directories again if they change during the walk.
const WALKS: usize = 16;

impl Watch {
    pub(crate) fn new() -> io::Result<Watch> {
        Ok(Watch {
            inotify: Inotify::get()?,
            waker: Arc::new(Waker::new()?),
        })
    }

    /// Watches for `path`, an absolute path, to appear, change, or disappear. Look at the file
    /// afterwards: the watch reports every later change.
    ///
    /// If its directory does not exist, the watch waits for the directory. So call it again before
    /// each look.
    pub(crate) fn add(&self, path: &Path) -> io::Result<()> {
        for _ in 0..WALKS {
            let (mut directory, mut name) = split(path)?;
            let parent = directory;
            loop {
                // Go up from the file's directory to the first that exists. Its watch reports the
                // next directory on the way, and the caller's next `add` starts again from the
                // bottom.
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
            // The directory may have appeared after its own step failed, and before the step that
            // watches for it. The kernel reports only what happens after a watch is set. So look
            // now, and walk again if the directory exists.
            if directory == parent || !directory.join(name).is_dir() {
                return Ok(());
            }
        }
        Err(io::Error::other("its directories change all the time"))
    }

    /// The descriptors to sleep on.
    pub(crate) fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.inotify.instance.as_fd(), self.waker.as_fd()]
    }

    /// Forgets the changes so far, and returns whether there were any. Call it before a look.
    pub(crate) fn reset(&self) -> bool {
        // Read the instance first: an event for this watch may wait there, read by no other sleeper
        // yet. If one comes after the reset, it wakes the next sleep, so the worst case is a
        // needless look.
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
        // The kernel keeps the watches in the instance, which a forked child shares with its maker.
        // A removal here would end the maker's watch too.
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
            // The kernel has one watch for a directory, however often it was added
            // (`inotify_add_watch(2)`), so only the last interest may remove it.
            if !interests.iter().any(|other| other.directory == directory) {
                // This fails if the directory was removed, since the kernel removed the watch with
                // it.
                let _ = inotify::remove_watch(&self.inotify.instance, directory);
            }
        }
    }
}

impl Inotify {
    /// Returns the instance of this process. If none can be made now, a later call tries again.
    fn get() -> io::Result<&'static Inotify> {
        INOTIFY.get_or_try_init(|| {
            Ok(Inotify {
                maker: Maker::here(),
                instance: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
                interests: Mutex::default(),
            })
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Interest>> {
        self.interests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, directory: &Path, name: &OsStr, waker: &Arc<Waker>) -> io::Result<()> {
        // A file appears by a creation or a rename, and changes by a write or a new mode. The last
        // two events are about the directory: a watch on a removed or renamed directory can't see
        // the next directory with its name. `ONLYDIR` refuses a file, so the walk continues above
        // it.
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        // Take the lock before the kernel knows of the watch. The directory's first event may
        // arrive at once, in another thread. That thread waits for the lock, and then finds this
        // interest.
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

    /// Wakes the watches that the events concern.
    fn hand_out(&self) {
        let interests = self.lock();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.instance, &mut buffer);
        // The instance is non-blocking, so `next` fails when the queue is empty.
        while let Ok(event) = events.next() {
            // A full queue loses events, and the kernel says so once (`IN_Q_OVERFLOW`). Any watch
            // may have missed one, so wake them all.
            let lost_some = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let name = event
                .file_name()
                .map(|name| OsStr::from_bytes(name.to_bytes()));
            // An event without a name is about the directory itself, and so about each name in it.
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

    /// Sleeps until the watch reports a change.
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
        // `one` reads the event from the instance, and wakes `two` with it.
        assert!(!one.reset());
        assert!(two.reset());
        drop(two);
        std::fs::write(home.dir().join("one"), "").unwrap();
        assert!(one.reset());
    }
}
