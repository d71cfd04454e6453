//! Becoming a program. PATH is searched as shells search it, and no shell ever runs a text file
//! that does not say which interpreter it wants: `execvp(3)` does both otherwise.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::ptr;

/// Where programs are if there is no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program that is ready to be executed, all memory included.
pub(super) struct Image {
    /// The places where it may be, in the order of PATH.
    paths: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
}

impl Image {
    pub(super) fn new(argv: &[OsString], env: &BTreeMap<OsString, OsString>) -> io::Result<Image> {
        let program = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        let path = env.get(OsStr::new("PATH"));
        let path = path.map_or(OsStr::new(DEFAULT_PATH), OsString::as_os_str);
        let pairs = env.iter().map(|(name, value)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            text(&pair)
        });
        Ok(Image {
            paths: places(program, path)?,
            argv: argv
                .iter()
                .map(|word| text(word))
                .collect::<Result<_, _>>()?,
            env: pairs.collect::<Result<_, _>>()?,
        })
    }

    /// Returns only if that fails, and says why.
    pub(super) fn execute(&self) -> io::Error {
        let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([ptr::null()]).collect()
        };
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        let mut why = io::Error::from_raw_os_error(libc::ENOENT);
        for path in &self.paths {
            // SAFETY: the path and all texts end in NUL, both lists end in null, and all of them
            // live longer than the call.
            unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                // Not here: look on.
                Some(
                    libc::ENOENT
                    | libc::ENOTDIR
                    | libc::ENAMETOOLONG
                    | libc::ELOOP
                    | libc::ENODEV
                    | libc::ESTALE
                    | libc::ETIMEDOUT,
                ) => {}
                // Either a file that is not executable, which counts if there is no other; or a
                // directory that this user may not enter, which counts for nothing.
                Some(libc::EACCES) => {
                    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
                    if self.paths.len() == 1 || path.is_file() {
                        why = error;
                    }
                }
                _ => return error,
            }
        }
        why
    }
}

/// Where a program may be. A name with a slash is a path.
fn places(program: &OsStr, path: &OsStr) -> io::Result<Vec<CString>> {
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![text(program)?]);
    }
    std::env::split_paths(path)
        .map(|dir| text(dir.join(program).as_os_str()))
        .collect()
}

fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.to_owned().into_vec())?)
}
