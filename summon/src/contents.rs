//! Files and directories that summon creates for a process, and their modes.

use std::io;

/// The default mode of files.
const FILE: u32 = 0o600;
/// The default mode of directories.
pub(crate) const DIRECTORY: u32 = 0o700;

/// The text and the mode of a file for [`with_file`](crate::Coordinated::with_file).
///
/// A `&str` or `String` converts to this type, with mode `0o600`.
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents {
    pub(crate) text: String,
    mode: u32,
}

impl Contents {
    /// Creates contents from a text. summon fills in its placeholders, such as `{port}`.
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

    /// Sets the mode of the file, from `0o000` to `0o777`. The umask does not change it. Default:
    /// `0o600`, so that only the user of the process can read and write the file.
    ///
    /// # Errors
    ///
    /// With any other mode, the start fails. The usual cause is a decimal number, such as `644`.
    ///
    /// ```
    /// let script = summon::Contents::new("#!/bin/sh\nexec sleep 100\n").mode(0o755);
    /// summon::SimpleExecutor::new("{dir}/run").with_file("run", script);
    /// ```
    pub fn mode(self, mode: u32) -> Contents {
        Contents { mode, ..self }
    }

    /// Returns the mode, or an error if it has other bits than permissions.
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

/// Checks the mode of a directory. The owner must be able to list, change, and enter it.
pub(crate) fn directory_mode(mode: u32) -> io::Result<u32> {
    match mode & !0o7777 == 0 && mode & 0o700 == 0o700 {
        true => Ok(mode),
        false => Err(no_mode(mode, "0o755")),
    }
}

/// Explains why a mode is wrong. Shows it in octal too, since most wrong modes are decimal numbers.
fn no_mode(mode: u32, example: &str) -> io::Error {
    io::Error::other(format!(
        "`{mode}` (octal `{mode:#o}`) is not a valid mode; write it in octal, such as `{example}`"
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
