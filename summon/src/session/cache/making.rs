//! Results in the making.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use super::{Entry, UNFIT, is_damage, leftovers, shown};
use crate::session::base::name_of;
use crate::sys::dir::Dir;
use crate::sys::{self, Lock, trees};

impl Entry<'_> {
    /// Makes a directory for the commands to work in. The caller has the right to make the result.
    pub(crate) fn begin(&self) -> io::Result<Making<'_>> {
        let base = &self.cache.base;
        leftovers::remove_of(base, &self.name);
        let mut name = self.name.clone();
        name.push(format!(".{:08x}", sys::random() as u32));
        let made = base.dir.make(&name)?;
        // Locked before a process that tidies up finds it unlocked, or else its name is gone.
        let dir = base.dir.enter_locked(&name, Lock::Nobody)?;
        let making = Making {
            entry: self,
            path: base.path.join(&name),
            dir: dir.ok_or(io::ErrorKind::NotFound)?,
        };
        let tree = making.dir.make(OsStr::new("tree"))?;
        if let Some(user) = self.cache.access.user {
            made.give(user)?;
            tree.give(user)?;
        }
        Ok(making)
    }
}

/// A result in the making. Dropping it removes its directory, unless it is in the cache.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    entry: &'a Entry<'a>,
    path: PathBuf,
    dir: Dir,
}

impl Making<'_> {
    /// The directory for the result.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    pub(crate) fn open_tree(&self) -> io::Result<Dir> {
        self.dir.enter(OsStr::new("tree"))
    }

    /// Puts the result into the cache. Returns whether later looks find it.
    pub(crate) fn finish(self) -> bool {
        let tree = self.open_tree();
        match tree.and_then(|tree| trees::look(&tree, self.entry.cache.owner)) {
            Ok(print) => self.keep(&shown(print)).is_ok(),
            Err(error) => {
                if is_damage(&error) {
                    // Without the note, each start would run the commands twice.
                    self.dir.remove(OsStr::new("tree"), &self.path);
                    let _ = self.keep(UNFIT);
                }
                false
            }
        }
    }

    fn keep(&self, print: &str) -> io::Result<()> {
        let (cache, key) = (self.entry.cache, self.entry.key);
        cache.write(&self.dir, OsStr::new("key"), &format!("{print}\n{key}"))?;
        // Atomic: other processes find all of it, or nothing. Fails if there is another one.
        cache.base.dir.rename(name_of(&self.path), &self.entry.name)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let base = &self.entry.cache.base;
        // The name is gone if it is in the cache now.
        if base.dir.has(name_of(&self.path), &self.dir) {
            base.dir.remove(name_of(&self.path), &base.path);
        }
    }
}
