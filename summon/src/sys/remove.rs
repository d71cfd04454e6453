//! Removes directories with everything that programs have left in them. The removal follows no
//! link, enters no mount, and reports everything that stays.
//!
//! Each step goes from an open directory to a name in it. If a program replaces a directory by a
//! link during the removal, the removal does not follow that link.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use super::beneath;
use super::dir::Dir;

/// Something that could not be removed, and the reason.
#[derive(Debug)]
pub(crate) struct Left {
    path: PathBuf,
    why: io::Error,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match Errno::from_io_error(&self.why) {
            Some(Errno::XDEV | Errno::BUSY) => write!(
                f,
                "`{path}` is left, since something is mounted there: unmount it, then remove it"
            ),
            _ => write!(f, "`{path}` is left: it can't be removed: {}", self.why),
        }
    }
}

/// The most directories open at a time. Deeper ones are moved up first.
const DEEPEST: usize = 24;
/// How often a directory is read while new entries appear in it.
const ROUNDS: usize = 10;
/// The most entries in the report about what stays.
const TOLD: usize = 10;

impl Dir {
    /// Removes the entry `name` with everything in it, and the shared memory of servers whose data
    /// was there. Returns what could not be removed. `path` is the path of this directory, for messages.
    pub(crate) fn remove(&self, name: &OsStr, path: &Path) -> Vec<Left> {
        let mut removal = Removal::default();
        // Most private directories are empty. The kernel checks that as part of the removal.
        if self.remove_empty(name).is_err() {
            removal.remove(self.as_fd(), name, path, None);
        }
        removal.left
    }
}

#[derive(Default)]
struct Removal {
    left: Vec<Left>,
    /// The directories that were too deep, by their names at the top.
    moved: Vec<OsString>,
}

/// The directory where a removal began, and the number of steps down from it.
#[derive(Clone, Copy)]
struct Depth<'a> {
    top: BorrowedFd<'a>,
    steps: usize,
}

impl Removal {
    /// Removes an entry. Returns true if it no longer exists.
    fn remove(
        &mut self,
        at: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        depth: Option<Depth<'_>>,
    ) -> bool {
        // Try a file first: most entries are files. `unlinkat` removes a link itself, so even if a
        // program swaps a directory for a link just before, nothing behind the link is touched.
        let why = match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return true,
            Err(error) => error,
        };
        let opened = match beneath::enter(at, name) {
            // The owner may lack permission to read it, as in caches with protected directories.
            Err(Errno::ACCESS) => {
                beneath::open_up(at, name).and_then(|()| beneath::enter(at, name))
            }
            other => other,
        };
        match opened {
            Ok(dir) => {
                let path = path.join(name);
                let known = self.left.len();
                // The descriptor pins the directory. If a program renames it now, its entries are
                // still removed, and only the name is left to fail below.
                if let Err(error) = self.empty(dir.as_fd(), &path, depth) {
                    return self.leave(path, error);
                }
                match rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT) => true,
                    // The report already has the entries that keep it from being empty.
                    Err(Errno::NOTEMPTY | Errno::EXIST) if self.left.len() > known => false,
                    // A program has replaced the directory by a file meanwhile.
                    Err(Errno::NOTDIR) => self.unlink(at, name, &path),
                    Err(error) => self.leave(path, error),
                }
            }
            Err(Errno::NOENT) => true,
            // It is a file or a link after all, so the error of the first attempt is the reason.
            Err(Errno::NOTDIR | Errno::LOOP) => self.leave(path.join(name), why),
            Err(error) => self.leave(path.join(name), error),
        }
    }

    fn unlink(&mut self, at: BorrowedFd<'_>, name: &OsStr, path: &Path) -> bool {
        match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => true,
            Err(error) => self.leave(path.to_owned(), error),
        }
    }

    /// Removes everything in a directory.
    fn empty(
        &mut self,
        at: BorrowedFd<'_>,
        path: &Path,
        depth: Option<Depth<'_>>,
    ) -> rustix::io::Result<()> {
        // Before the files, which name the memory.
        super::shared_memory::release(at);
        let found = rustix::fs::fstat(at)?;
        // Removing an entry needs write and search permission on its directory (`unlink(2)`).
        if !Mode::from_raw_mode(found.st_mode).contains(Mode::RWXU) {
            // This fails for directories of other users. Then the removals below report it.
            let _ = rustix::fs::fchmod(at, Mode::RWXU);
        }
        let (top, steps) = match depth {
            None => (at, 1),
            Some(depth) => (depth.top, depth.steps + 1),
        };
        let below = Depth { top, steps };
        let mut stays: Vec<OsString> = Vec::new();
        // A process of the service may still write here. Read again until a round finds nothing
        // new, but not for ever. Read all names before removing any: POSIX leaves open whether
        // `readdir` returns entries that change during the read.
        for _ in 0..ROUNDS {
            let mut read = rustix::fs::Dir::read_from(at)?;
            let names = super::dir::names(&mut read).map_err(|error| errno(&error))?;
            drop(read);
            // Entries that could not be removed come back in each round. Without this filter the
            // rounds would repeat their errors.
            let names: Vec<_> = names.into_iter().filter(|it| !stays.contains(it)).collect();
            if names.is_empty() {
                break;
            }
            for name in names {
                let gone = match steps < DEEPEST {
                    true => self.remove(at, &name, path, Some(below)),
                    // The recursion holds one descriptor and one stack frame for each step, and a
                    // program can nest directories far deeper than either allows.
                    false => self.move_up(at, &name, path, top),
                };
                if !gone {
                    stays.push(name);
                }
            }
        }
        if depth.is_none() {
            // These directories may be too deep again.
            while let Some(name) = self.moved.pop() {
                self.remove(at, &name, path, Some(below));
            }
        }
        Ok(())
    }

    /// Removes a file. Moves a directory up to the top, to be removed later, since each further
    /// step down would need another open descriptor.
    fn move_up(
        &mut self,
        at: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        top: BorrowedFd<'_>,
    ) -> bool {
        match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return true,
            Err(_) => {}
        }
        // `rename` changes the entry `..` of a directory, which needs write permission on it
        // (`rename(2)`).
        let _ = beneath::open_up(at, name);
        // A random name: a program could block a foreseeable one.
        let place: OsString = format!(".deep-{:016x}", super::random()).into();
        // `top` is on the same file system, since `enter` refuses mounts, so `rename` can't fail
        // with `EXDEV`.
        match rustix::fs::renameat(at, name, top, &place) {
            Ok(()) => {
                self.moved.push(place);
                true
            }
            Err(error) => self.leave(path.join(name), error),
        }
    }

    fn leave(&mut self, path: PathBuf, why: Errno) -> bool {
        if self.left.len() < TOLD {
            self.left.push(Left {
                path,
                why: why.into(),
            });
        }
        false
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use crate::session::Home;
    use crate::sys::dir::Dir;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Makes a directory for a test.
    fn home() -> (Home, Dir) {
        let home = Home::create("remove", None, crate::sys::users::Access::PRIVATE).unwrap();
        let dir = Dir::open(home.dir()).unwrap();
        (home, dir)
    }

    #[test]
    fn all_kinds_go_and_what_links_lead_to_stays() {
        let (home, dir) = home();
        let victim = home.dir().join("victim");
        fs::create_dir_all(victim.join("sub")).unwrap();
        fs::write(victim.join("precious"), "data").unwrap();
        let tree = home.dir().join("tree");
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        symlink(&victim, tree.join("a/link")).unwrap();
        symlink("../..", tree.join("a/b/up")).unwrap();
        std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
        for number in 0..500 {
            fs::write(tree.join(format!("a/{number}")), "").unwrap();
        }
        let left = dir.remove("tree".as_ref(), home.dir());
        assert!(left.is_empty(), "{left:?}");
        assert!(!tree.exists() && victim.join("precious").exists());
        // The removal removes a link itself, and leaves its target.
        symlink(&victim, &tree).unwrap();
        assert!(dir.remove("tree".as_ref(), home.dir()).is_empty());
        assert!(tree.symlink_metadata().is_err() && victim.join("sub").exists());
        assert!(dir.remove("tree".as_ref(), home.dir()).is_empty());
    }

    // Root passes every mode. `cleaning::` has a test as another user.
    #[test]
    fn what_is_protected_goes() {
        let (home, dir) = home();
        let tree = home.dir().join("tree");
        for (name, mode) in [("a", 0o555), ("b", 0o000), ("c", 0o300)] {
            let below = tree.join(name);
            fs::create_dir_all(below.join("d")).unwrap();
            fs::write(below.join("d/file"), "").unwrap();
            for dir in [&below.join("d"), &below] {
                fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        let left = dir.remove("tree".as_ref(), home.dir());
        assert!(left.is_empty() && !tree.exists(), "{left:?}");
    }

    #[test]
    fn what_is_deeper_than_descriptors_go_goes() {
        let (home, dir) = home();
        let mut at = dir.make("tree".as_ref()).unwrap();
        for depth in 0..2000 {
            if depth % 50 == 0 {
                at.create("file".as_ref()).unwrap();
                at.make("other".as_ref()).unwrap();
            }
            at = at.make("d".as_ref()).unwrap();
        }
        let left = dir.remove("tree".as_ref(), home.dir());
        assert!(
            left.is_empty() && !home.dir().join("tree").exists(),
            "{left:?}"
        );
    }

    #[test]
    fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
        let (home, dir) = home();
        let victim = home.dir().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("precious"), "data").unwrap();
        symlink(&victim, home.dir().join("link")).unwrap();
        let other = home.dir().join("link");
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let exchange = rustix::fs::RenameFlags::EXCHANGE;
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    let swapped = home.dir().join("tree/swapped");
                    let here = rustix::fs::CWD;
                    let _ = rustix::fs::renameat_with(here, &swapped, here, &other, exchange);
                }
            });
            for _ in 0..300 {
                let _ = fs::create_dir_all(home.dir().join("tree/swapped"));
                let _ = fs::write(home.dir().join("tree/swapped/file"), "");
                dir.remove("tree".as_ref(), home.dir());
            }
            over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let kept = fs::read_to_string(victim.join("precious"));
        assert_eq!(kept.unwrap(), "data");
    }
}
