//! Where one process keeps its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Session, Streams, Written, base_of, log_options, streams};
use crate::error::{Error, Source};
use crate::sys;
use crate::sys::fd::OwnedFd;
use crate::sys::maker::Maker;
use crate::sys::users::User;

/// Where one process keeps its files, across its restarts. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    /// Its two streams apart, for those who want them so. Dropped before the log, which has the claim
    /// on their names too.
    streams: OnceLock<Arc<Streams>>,
    /// Dropped after the directory is removed: it is the claim on the name of both.
    log: Arc<Log>,
}

/// The log of a process. It is removed with its last holder, unless an error that was shown has
/// named it: then somebody will want to read it.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// Open, so that it is the log whatever a service does to the file of its name.
    file: File,
    named: AtomicBool,
    /// The process that removes it; `None` where another test process does.
    maker: Option<Maker>,
    /// Dropped after the file is removed, so that the session's directory is empty then.
    session: Arc<Session>,
}

impl Home {
    /// Makes one in that session, or in that of this process.
    pub(crate) fn create(
        name: &str,
        session: Option<Arc<Session>>,
        user: Option<User>,
    ) -> Result<Home, Error> {
        Home::try_create(&file_name(name), session, user).map_err(|error| {
            let uid = user.map_or_else(sys::user, |user| user.uid);
            let base = std::env::temp_dir().join(format!("summon-{uid}"));
            Error::new(format!("no private directory for {name}: {error}"))
                .fact("directory", base.display().to_string())
        })
    }

    fn try_create(
        name: &str,
        session: Option<Arc<Session>>,
        user: Option<User>,
    ) -> io::Result<Home> {
        let session = session.map_or_else(Session::current, Ok)?;
        // Another user can't get into ours.
        let others = user.map(|user| base_of(user.uid, |base| user.give(base)));
        let others = others.transpose()?;
        // Tests that run in parallel may well call their processes alike.
        for number in 1.. {
            let name = match number {
                1 => name.to_owned(),
                _ => format!("{name}-{number}"),
            };
            let dir = match &others {
                None => session.path.join(&name),
                Some(base) => base.join(format!("{}-{name}", session.name())),
            };
            let path = session.logs.join(format!("{name}.log"));
            // The file claims the name, for the directory too: it is made first and removed last,
            // so that nobody removes what belongs to the next one of that name.
            let file = match log_options().read(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
                Ok(file) => file,
            };
            let log = Arc::new(Log {
                path,
                file,
                named: AtomicBool::new(false),
                maker: Some(Maker::here()),
                session: Arc::clone(&session),
            });
            if keeps_all() {
                log.name_it();
            }
            match sys::private::directory().create(&dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    let streams = OnceLock::new();
                    let home = Home { dir, streams, log };
                    if let Some(user) = user {
                        user.give(&home.dir)?;
                    }
                    return Ok(home);
                }
            }
        }
        Err(io::Error::other("no free name"))
    }

    /// That of a process which another test process has started, and whose files it removes.
    pub(crate) fn of_others(
        dir: PathBuf,
        log: PathBuf,
        is_split: bool,
        session: Arc<Session>,
    ) -> io::Result<Home> {
        let streams = OnceLock::new();
        if is_split {
            let _ = streams.set(Arc::new(Streams::of_others(&log)?));
        }
        let log = Arc::new(Log {
            file: log_options().read(true).open(&log)?,
            path: log,
            named: AtomicBool::new(false),
            maker: None,
            session,
        });
        Ok(Home { dir, streams, log })
    }

    /// Whether it is that of the process which this one was forked from.
    pub(crate) fn is_copy(&self) -> bool {
        self.log.is_copy()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where all of this session is.
    pub(crate) fn session_dir(&self) -> &Path {
        &self.log.session.path
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The log, for whoever reads or names it.
    pub(crate) fn share_log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Where lines are looked for that were written after these places, or after those where the run
    /// has begun: in each stream by itself if they are apart.
    pub(crate) fn written(&self, log: u64, streams: Option<[u64; 2]>) -> Vec<(Written, u64)> {
        let Some(apart) = self.streams.get() else {
            return vec![(Written::Log(self.share_log()), log)];
        };
        let from = streams.unwrap_or_else(|| apart.begun()).into_iter();
        let part = |(index, from)| (Written::Stream(Arc::clone(apart), index), from);
        from.enumerate().map(part).collect()
    }

    /// The log for its writer, which appends.
    pub(crate) fn open_log(&self) -> io::Result<File> {
        self.log.file.try_clone()
    }

    /// The two streams apart, once they are there.
    pub(crate) fn streams(&self) -> Option<&Arc<Streams>> {
        self.streams.get()
    }

    /// The two streams apart, for their writer.
    pub(crate) fn open_streams(&self) -> io::Result<[File; 2]> {
        if self.streams.get().is_none() {
            let _ = self.streams.set(Arc::new(Streams::create(&self.log.path)?));
        }
        let files = self.streams.get().map(|streams| streams.files());
        let [stdout, stderr] = files.ok_or(io::ErrorKind::NotFound)?;
        Ok([stdout.try_clone()?, stderr.try_clone()?])
    }

    /// What a guard removes in our place, and the lock that it holds meanwhile.
    pub(crate) fn for_guard(&self) -> io::Result<(sys::guard::Sweep, OwnedFd)> {
        let sweep = sys::guard::Sweep {
            tree: Some(self.dir.clone()),
            file: Some(self.log.path.clone()),
            streams: streams::paths(&self.log.path).to_vec(),
            parents: self.log.session.dirs(),
        };
        Ok((sweep, self.log.session.lock.try_clone()?))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.log.is_ours() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

impl Log {
    fn is_copy(&self) -> bool {
        self.maker.is_some_and(|maker| !maker.is_here())
    }

    /// Whether it is this process that removes it.
    fn is_ours(&self) -> bool {
        self.maker.is_some_and(Maker::is_here)
    }
}

impl Source for Log {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    fn name_it(&self) {
        self.named.store(true, Ordering::Relaxed);
        if self.is_copy() {
            return;
        }
        // For a guard that may have to clean up after this process.
        let _ = sys::private::keep(&self.file);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let _ = match self.named.load(Ordering::Relaxed) {
            true => sys::holes::leave(&self.file, &self.path),
            false => fs::remove_file(&self.path),
        };
    }
}

/// Whether the user wants to see the logs of tests that pass, too.
fn keeps_all() -> bool {
    std::env::var_os("SUMMON_KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0")
}

/// A name that is a file name anywhere, and short: paths of Unix sockets end at 107 bytes, and at 103
/// where temporary directories have long names, too.
fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .chars()
        .take(32)
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_one_name_are_apart_and_go_when_dropped() {
        let (one, two) = (
            Home::create("redis", None, None).unwrap(),
            Home::create("redis", None, None).unwrap(),
        );
        assert_ne!(one.dir(), two.dir());
        assert!(sys::private::is_of(
            &fs::metadata(one.dir()).unwrap(),
            sys::user()
        ));
        one.open_log().unwrap();
        assert!(sys::private::is_of(
            &one.log().file.metadata().unwrap(),
            sys::user()
        ));
        let (dir, log) = (one.dir().to_owned(), one.log().path.clone());
        drop(one);
        assert!(!dir.exists() && !log.exists());
        assert!(two.dir().exists());
    }

    #[test]
    fn nobody_removes_what_belongs_to_the_next_one_of_its_name() {
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        let home = Home::create("contended", None, None).unwrap();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                        std::thread::yield_now();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                    }
                });
            }
        });
    }

    #[test]
    fn a_log_stays_if_it_was_named() {
        let home = Home::create("kept", None, None).unwrap();
        home.open_log().unwrap();
        home.share_log().name_it();
        let (dir, log) = (home.dir().to_owned(), home.log().path.clone());
        drop(home);
        assert!(!dir.exists() && log.exists());
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn names_make_file_names() {
        assert_eq!(file_name("redis"), "redis");
        assert_eq!(file_name("../../etc"), "_.._etc");
        assert_eq!(file_name(""), "process");
        assert_eq!(file_name("ä/b"), "__b");
    }
}
