//! Other users of the machine, to which root may switch.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;

use rustix::io::Errno;

pub(crate) use super::access::Access;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// Finds a user by name (`getpwnam_r(3)`).
    pub(crate) fn named(name: &str) -> io::Result<Option<User>> {
        let name = CString::new(name)?;
        let mut buffer = vec![0; 1024];
        loop {
            let mut entry = MaybeUninit::<libc::passwd>::uninit();
            let mut found = std::ptr::null_mut();
            // SAFETY: `name` is a C string, `entry` and `found` are valid for writes, and the
            // length is the buffer's.
            let errno = unsafe {
                libc::getpwnam_r(
                    CStr::as_ptr(&name),
                    entry.as_mut_ptr(),
                    buffer.as_mut_ptr(),
                    buffer.len(),
                    &raw mut found,
                )
            };
            match errno {
                0 if found.is_null() => return Ok(None),
                0 => {
                    // SAFETY: `found` is not null, so `getpwnam_r` has filled in the entry. Its two
                    // numbers don't point into the buffer.
                    let entry = unsafe { entry.assume_init() };
                    return Ok(Some(User {
                        uid: entry.pw_uid,
                        gid: entry.pw_gid,
                    }));
                }
                // The entry's strings need a larger buffer. The limit stops a name service that
                // always answers so.
                libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
                // POSIX leaves open how a missing user is reported, and systems differ
                // (`getpwnam_r(3)`).
                libc::ENOENT | libc::ESRCH => return Ok(None),
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }

    /// Switches this process, which runs as root and has one thread, to the user for good.
    pub(crate) fn become_it(self) -> io::Result<()> {
        // One thread only: on Linux these system calls change the calling thread, and the C
        // library's functions change the others by signals (`nptl(7)`).
        super::thread::become_user(self.uid, self.gid)?;
        // A sandbox may claim success and do nothing. Then the service would run as root, so check.
        let users = [rustix::process::getuid(), rustix::process::geteuid()];
        let groups = [rustix::process::getgid(), rustix::process::getegid()];
        let is_it = users.iter().all(|it| it.as_raw() == self.uid)
            && groups.iter().all(|it| it.as_raw() == self.gid);
        match is_it {
            true => Ok(()),
            false => Err(Errno::PERM.into()),
        }
    }
}

/// Returns the user for a program that refuses root, if this process runs as root: `own` if that
/// user exists, else `nobody`.
pub(crate) fn instead_of_root(own: &str) -> Option<String> {
    let exists = |name: &&str| matches!(User::named(name), Ok(Some(_)));
    // The program's own account comes first, since it can read the files of its package. `nobody`
    // exists on most systems, but a container may lack both.
    let found = [own, "nobody"].into_iter().find(exists);
    found.filter(|_| user() == 0).map(str::to_owned)
}

/// Whether the real user and group of this process are the effective ones.
pub(crate) fn has_one_user() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    // The saved ids need no check: `exec` sets them to the effective ones (`execve(2)`), so a
    // helper process can't return to a third user.
    getuid() == geteuid() && getgid() == getegid()
}

/// Returns the user that this process acts for.
pub(crate) fn user() -> u32 {
    // The effective user owns new files, and is the user that a socket's peer sees
    // (`credentials(7)`, `unix(7)`). So claims, directories, and sockets agree on it.
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let root = User { uid: 0, gid: 0 };
        assert_eq!(User::named("root").unwrap(), Some(root));
        assert_eq!(User::named("no such user").unwrap(), None);
        assert!(User::named("nul\0").is_err());
    }
}
