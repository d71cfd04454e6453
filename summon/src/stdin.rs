//! The standard input of a process.

use std::path::PathBuf;

/// The standard input of a process: empty, fixed bytes, a file, or a pipe that the test writes to.
///
/// Text and bytes convert to this type, so the usual call is `.stdin("a line\n")`. Default: empty.
///
/// ```
/// use summon::{SimpleExecutor, Stdin};
///
/// let nothing = SimpleExecutor::new("cat").stdin(Stdin::null());
/// let text = SimpleExecutor::new("cat").stdin("one line\n");
/// let file = SimpleExecutor::new("cat").stdin(Stdin::file("Cargo.toml"));
/// let written = SimpleExecutor::new("cat").stdin(Stdin::piped());
/// written.start()?;
/// written.write_stdin("hello\n")?;
/// assert_eq!(written.wait_for_output("hello", "5s")?, "hello");
/// # let _ = (nothing, text, file);
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stdin(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Null,
    Text(Vec<u8>),
    File(PathBuf),
    Piped,
}

impl Stdin {
    /// Gives the process an empty input (`/dev/null`). This is the default.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let cat = SimpleExecutor::new("cat").stdin(Stdin::null());
    /// cat.start()?;
    /// assert!(cat.wait("5s")?.success());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn null() -> Stdin {
        Stdin(Kind::Null)
    }

    /// Gives the process these bytes, followed by the end of file.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let cat = SimpleExecutor::new("cat").stdin(Stdin::bytes([0, 159, 146, 150]));
    /// cat.start()?;
    /// cat.wait("5s")?;
    /// assert_eq!(cat.output(), [0, 159, 146, 150]);
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Stdin {
        Stdin(Kind::Text(bytes.into()))
    }

    /// Gives the process a file. The path may contain placeholders. A relative path starts at the
    /// working directory of the program.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let cat = SimpleExecutor::new("cat").stdin(Stdin::file("{dir}/input"));
    /// std::fs::write(cat.dir().join("input"), "from a file")?;
    /// cat.start()?;
    /// cat.wait("5s")?;
    /// assert_eq!(cat.output(), b"from a file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn file(path: impl Into<PathBuf>) -> Stdin {
        Stdin(Kind::File(path.into()))
    }

    /// Gives the process a pipe. The test writes with [`write_stdin`](crate::Process::write_stdin), and
    /// ends the input with [`close_stdin`](crate::Process::close_stdin).
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let cat = SimpleExecutor::new("cat").stdin(Stdin::piped());
    /// cat.start()?;
    /// cat.write_stdin("from the test\n")?;
    /// cat.wait_for_output("^from the test$", "5s")?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn piped() -> Stdin {
        Stdin(Kind::Piped)
    }
}

impl Default for Stdin {
    fn default() -> Stdin {
        Stdin::null()
    }
}

impl From<&str> for Stdin {
    fn from(text: &str) -> Stdin {
        Stdin::bytes(text)
    }
}

impl From<String> for Stdin {
    fn from(text: String) -> Stdin {
        Stdin::bytes(text)
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Stdin {
        Stdin::bytes(bytes)
    }
}
