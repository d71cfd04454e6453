//! Other users of the machine, whom root may become.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;

use rustix::io::Errno;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// The user of that name (`getpwnam_r(3)`); none if there is no such.
    pub(crate) fn named(name: &str) -> io::Result<Option<User>> {
        let name = CString::new(name)?;
        let mut buffer = vec![0; 1024];
        loop {
            let mut entry = MaybeUninit::<libc::passwd>::uninit();
            let mut found = std::ptr::null_mut();
            // SAFETY: all places are valid, and the buffer is as long as is said.
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
                    // SAFETY: it was found, so the entry is filled in.
                    let entry = unsafe { entry.assume_init() };
                    return Ok(Some(User {
                        uid: entry.pw_uid,
                        gid: entry.pw_gid,
                    }));
                }
                libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
                // What the standard says of a user who is not there differs from system to system.
                libc::ENOENT | libc::ESRCH => return Ok(None),
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
    }

    /// Turns this process, which is root's and has one thread, into one of the user's, for good.
    pub(crate) fn become_it(self) -> io::Result<()> {
        super::thread::become_user(self.uid, self.gid)?;
        // A sandbox may answer such calls with success, and do nothing.
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

/// Who may use the directories that are made for a process: the user to whom they are given, and
/// others as the mode says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) user: Option<User>,
    pub(crate) mode: u32,
}

impl Access {
    #[cfg(test)]
    pub(crate) const PRIVATE: Access = Access {
        user: None,
        mode: 0o700,
    };

    /// Whether other users may enter them.
    pub(crate) fn is_open(self) -> bool {
        self.mode & 0o077 != 0
    }
}

/// Who is to run a program that refuses root, if that is who we are: this user, or else nobody.
pub(crate) fn instead_of_root(own: &str) -> Option<String> {
    let exists = |name: &&str| matches!(User::named(name), Ok(Some(_)));
    let found = [own, "nobody"].into_iter().find(exists);
    found.filter(|_| super::user() == 0).map(str::to_owned)
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
