//! Files and directories that a process is given, and their permissions.

use std::io;

/// The mode of files, unless one is set.
const FILE: u32 = 0o600;
/// The mode of directories, unless one is set.
pub(crate) const DIRECTORY: u32 = 0o700;

/// What a file of [`with_file`](crate::Coordinated::with_file) contains, and its mode.
///
/// Text converts to it, with mode 0600.
///
/// ```
/// use std::os::unix::fs::PermissionsExt;
/// use summon::{Contents, SimpleExecutor};
///
/// let server = SimpleExecutor::new("sleep 100")
///     .with_file("secret", "for its user alone")
///     .with_file("page.html", Contents::new("for all users").mode(0o644));
/// server.start()?;
/// let mode = |name| std::fs::metadata(server.dir().join(name)).unwrap().permissions().mode() & 0o777;
/// assert_eq!((mode("secret"), mode("page.html")), (0o600, 0o644));
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub(crate) text: String,
    mode: u32,
}

impl Contents {
    /// The text of a file, in which placeholders are filled in.
    ///
    /// ```
    /// let config = summon::Contents::new("listen {port}\n");
    /// summon::SimpleExecutor::new("my-server").with_file("my.conf", config);
    /// ```
    pub fn new(text: impl Into<String>) -> Contents {
        Contents {
            text: text.into(),
            mode: FILE,
        }
    }

    /// Sets the mode of the file, whatever the umask. Default: `0o600`, for the user of the process
    /// alone.
    ///
    /// ```
    /// let script = summon::Contents::new("#!/bin/sh\nexec sleep 100\n").mode(0o755);
    /// summon::SimpleExecutor::new("{dir}/run").with_file("run", script);
    /// ```
    pub fn mode(self, mode: u32) -> Contents {
        Contents { mode, ..self }
    }

    /// The mode, if it is one.
    pub(crate) fn file_mode(&self) -> io::Result<u32> {
        match self.mode & !0o777 {
            0 => Ok(self.mode),
            _ => Err(no_mode(self.mode, "0o644")),
        }
    }
}

impl From<&str> for Contents {
    fn from(text: &str) -> Contents {
        Contents::new(text)
    }
}

impl From<&String> for Contents {
    fn from(text: &String) -> Contents {
        Contents::new(text)
    }
}

impl From<String> for Contents {
    fn from(text: String) -> Contents {
        Contents::new(text)
    }
}

/// The mode of a directory, if it is one that its owner can use.
pub(crate) fn directory_mode(mode: u32) -> io::Result<u32> {
    match mode & !0o7777 == 0 && mode & 0o700 == 0o700 {
        true => Ok(mode),
        false => Err(no_mode(mode, "0o755")),
    }
}

/// Most that are none were written as decimal numbers.
fn no_mode(mode: u32, example: &str) -> io::Error {
    io::Error::other(format!(
        "`{mode}`, which is `{mode:#o}`, is no mode for it; a mode is octal, such as `{example}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_not_decimal() {
        for mode in [644, 600, 755, 0o4755, u32::MAX] {
            let error = Contents::new("").mode(mode).file_mode().unwrap_err();
            assert!(error.to_string().contains("such as `0o644`"), "{error}");
        }
        for mode in [755, 700, 777, 1777, 0o077, 0o10777, u32::MAX] {
            assert!(directory_mode(mode).is_err(), "{mode}");
        }
        for mode in [0o700, 0o755, 0o1777, 0o2775] {
            assert_eq!(directory_mode(mode).unwrap(), mode);
        }
    }
}
