//! Options of the private directory: where it is, and what it contains before the start.

use std::path::PathBuf;

use crate::contents::Contents;
use crate::executor::Coordinated;

impl<P> Coordinated<P> {
    /// Writes a file into the private directory before the start, such as the server's
    /// configuration, and fills in its placeholders. The name is a path below `{dir}`; summon also
    /// makes its directories. summon writes the file before the commands of
    /// [`before`](Coordinated::before). A restart does not write it again, so a test may change the
    /// file in between; the container of an image gets it anew. Default: none.
    ///
    /// ```
    /// let config = "listener {port} 127.0.0.1\nallow_anonymous true\n";
    /// summon::SimpleExecutor::new("mosquitto -c {dir}/mosquitto.conf")
    ///     .with_file("mosquitto.conf", config);
    /// ```
    ///
    /// summon leaves other braces in the file as they are. `{{word}` is `{word}` ([`Coordinated`]).
    ///
    /// The file belongs to the user of the process, with mode 0600. In the container of an image it belongs to root,
    /// with mode 0644. [`Contents::mode`] sets another
    /// mode, for programs that change their user themselves. Such a program also needs
    /// [`dir_mode`](Coordinated::dir_mode) to reach the file.
    pub fn with_file(self, name: impl Into<PathBuf>, contents: impl Into<Contents>) -> Self {
        self.change(|spec| spec.files.push((name.into(), contents.into())))
    }

    /// Makes a directory below the private directory with this mode, independent of the umask.
    /// summon makes it before the files of [`with_file`](Coordinated::with_file). Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-queue --spool {dir}/spool").with_dir("spool", 0o700);
    /// ```
    pub fn with_dir(self, name: impl Into<PathBuf>, mode: u32) -> Self {
        self.change(|spec| spec.dirs.push((name.into(), mode)))
    }

    /// Sets the mode of the private directory, independent of the umask. The parent directories of
    /// [`with_file`](Coordinated::with_file) and [`with_dir`](Coordinated::with_dir) get the same
    /// mode. Default: `0o700`, only for the user of the process.
    ///
    /// Root may start a program that then changes its user itself, such as nginx with its workers.
    /// Such a program can't read root's directory with mode 0700. There are two remedies.
    /// [`user`](Coordinated::user) gives the directory to that user from the start. A mode lets
    /// other users in:
    ///
    /// ```
    /// use summon::{Contents, SimpleExecutor};
    ///
    /// SimpleExecutor::new("nginx -c {dir}/nginx.conf")
    ///     .dir_mode(0o755)
    ///     .with_file("nginx.conf", "user www-data; ..")
    ///     .with_file("www/index.html", Contents::new("Hello, Lisa.\n").mode(0o644))
    ///     .with_dir("uploads", 0o1777);
    /// ```
    ///
    /// With such a mode all users of the machine can read the files that allow it. The directory is
    /// then in `<temp>/summon-<uid>-open` with mode 0711: other users can pass through it, but
    /// can't list it. The log stays private.
    ///
    /// # Platform notes
    ///
    /// The temporary directory must let other users in too, like `/tmp`. On macOS it does not.
    pub fn dir_mode(self, mode: u32) -> Self {
        self.change(|spec| spec.dir_mode = mode)
    }

    /// Keeps the private directory in memory, in `/dev/shm`. If less than 2 GB are free there, as in
    /// Docker by default, the directory is on disk. `SUMMON_MEMORY=1` does this for all processes,
    /// and `SUMMON_MEMORY=0` for none. Default: in memory for a fixture with a `template` function, and
    /// on disk for all others.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().in_memory(true);
    /// ```
    ///
    /// The files take memory until the directory is removed. Programs in the directory can't be
    /// executed if the system mounts `/dev/shm` so. If a file of
    /// [`with_file`](Coordinated::with_file) is executable, the directory is then on disk. A
    /// directory that other users may enter ([`dir_mode`](Coordinated::dir_mode)) is always on disk.
    ///
    /// # Platform notes
    ///
    /// On macOS the directory is always on disk.
    pub fn in_memory(self, in_memory: bool) -> Self {
        self.change(|spec| spec.in_memory = Some(in_memory))
    }
}
