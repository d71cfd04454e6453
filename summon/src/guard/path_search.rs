//! Becoming a program.
//!
//! PATH is searched as shells search it. A text file without an interpreter line is an error:
//! `execvp(3)` would pass it to a shell.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::ptr;

use crate::small_map::SmallMap;

/// The search path if PATH is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program with everything that exec needs allocated.
pub(super) struct Image {
    /// Candidate paths, in the order of PATH.
    paths: Vec<CString>,
    _texts: Vec<CString>,
    /// Pointers to the texts, which end in a null pointer.
    argv: Vec<*const libc::c_char>,
    /// The same, with room for one more variable.
    env: Vec<*const libc::c_char>,
}

impl Image {
    pub(super) fn new(argv: &[OsString], env: &SmallMap<OsString, OsString>) -> io::Result<Image> {
        let program = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        let path = env.get(OsStr::new("PATH"));
        let path = path.map_or(OsStr::new(DEFAULT_PATH), OsString::as_os_str);
        let pairs = env.iter().map(|(name, value)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            text(&pair)
        });
        let words = argv.iter().map(|word| text(word));
        let mut texts = words.collect::<io::Result<Vec<_>>>()?;
        let argv = pointers(&texts);
        let mut variables = pairs.collect::<io::Result<Vec<_>>>()?;
        let mut env = pointers(&variables);
        env.push(ptr::null());
        texts.append(&mut variables);
        Ok(Image {
            paths: places(program, path)?,
            _texts: texts,
            argv,
            env,
        })
    }

    /// Executes the program, with one more variable if there is one. Returns only if that fails.
    /// Allocates no memory.
    pub(super) fn execute(&mut self, variable: Option<&CStr>) -> io::Error {
        let place = self.env.len() - 2;
        self.env[place] = variable.map_or(ptr::null(), CStr::as_ptr);
        let mut why = io::Error::from_raw_os_error(libc::ENOENT);
        // A successful `execve` does not return, so each round is a failed candidate. A check with
        // `access(2)` first would race with a change of the file, and could disagree with the
        // kernel.
        for path in &self.paths {
            // SAFETY: the path and all strings end in NUL, both lists end in a null pointer, and
            // all of them outlive the call.
            unsafe { libc::execve(path.as_ptr(), self.argv.as_ptr(), self.env.as_ptr()) };
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                // The program is not at this place, so try the next one. glibc's `execvpe` also
                // continues after most of these.
                Some(
                    libc::ENOENT
                    | libc::ENOTDIR
                    | libc::ENAMETOOLONG
                    | libc::ELOOP
                    | libc::ENODEV
                    | libc::ESTALE
                    | libc::ETIMEDOUT,
                ) => {}
                // EACCES has two meanings. A file that can't be executed is reported if no later
                // candidate works. A directory that this user can't enter does not count, since
                // nothing says that the program is in it.
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

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr());
    pointers.chain([ptr::null()]).collect()
}

/// Returns the candidate paths of a program. A name with a slash is a path.
fn places(program: &OsStr, path: &OsStr) -> io::Result<Vec<CString>> {
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![text(program)?]);
    }
    std::env::split_paths(path)
        // An empty entry means the working directory (POSIX). It joins to the bare name, which
        // `execve` resolves there.
        .map(|dir| text(dir.join(program).as_os_str()))
        .collect()
}

fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.to_owned().into_vec())?)
}
