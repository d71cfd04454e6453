//! The probe that waits for a file.

use std::path::Path;

use super::{AtTheEnd, Facts, NotReady, Probe, Target};
use crate::sys::at_path::Stamp;

/// A probe for a file, made by [`file()`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Daemon {
///     server: Coordinated<probe::File>,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct File {
    path: String,
    not_empty: bool,
}

/// Waits until a file, or a directory entry of any other type, exists at `path`. Its content does not
/// matter, and may be incomplete unless the program writes a temporary file and renames it.
///
/// The path may contain placeholders. A relative path starts at the program's working directory. If
/// the file existed before the start, for instance because a killed program left it, the probe waits
/// until the file is written to, touched, or replaced.
///
/// # Platform notes
///
/// On Linux `inotify(7)` reports the change. Where it reports nothing, as on network file systems,
/// summon polls.
///
/// ```
/// use summon::{Coordinated, probe};
///
/// let server = Coordinated::with(
///     ["sh", "-c", "echo $$ > {dir}/pid; exec sleep 100"],
///     probe::file("{dir}/pid"),
/// );
/// server.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub fn file(path: impl Into<String>) -> File {
    File {
        path: path.into(),
        not_empty: false,
    }
}

impl File {
    /// Waits until the file is not empty. Default: an empty file is enough. Use this for a program that
    /// creates its pid file first and writes the pid later. If the program writes in several pieces, the
    /// content may still be incomplete.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let server = Coordinated::with(
    ///     ["sh", "-c", ": > {dir}/pid; echo $$ > {dir}/pid; exec sleep 100"],
    ///     probe::file("{dir}/pid").not_empty(true),
    /// );
    /// server.start()?;
    /// assert!(!std::fs::read(server.dir().join("pid")).unwrap().is_empty());
    /// # Ok::<(), summon::Error>(())
    /// ```
    #[must_use]
    pub fn not_empty(mut self, not_empty: bool) -> File {
        self.not_empty = not_empty;
        self
    }
}

impl Probe for File {
    fn begin(&self, target: &Target<'_>) {
        // If a placeholder in the path has no value, the first look reports that.
        if let Ok(path) = target.values().path(&self.path) {
            let stamp = Stamp::of(&path).ok();
            self.before(target, |before| *before = stamp);
        }
    }

    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let path = target.values().path(&self.path)?;
        // Subscribe before the look: a change between the two would otherwise go unnoticed.
        let is_told = target.news.subscribe_to_file(&path);
        let why = match Stamp::of(&path) {
            Ok(stamp) if self.before(target, |before| *before) != Some(stamp) => {
                match self.not_empty && stamp.is_empty() {
                    false => return Ok(()),
                    true => "it is empty".to_owned(),
                }
            }
            Ok(_) => "it existed before the start, and has not changed".to_owned(),
            Err(error) => no_file(&error),
        };
        Err(NotReady::yet(why).unless_told(is_told && !is_link(&path)))
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let what = if self.not_empty {
            "file with content"
        } else {
            "file"
        };
        format!("{what} {}", target.shown_path(&self.path))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            texts: vec![&self.path],
            is_seen_in_files: true,
            at_the_end: AtTheEnd::Sign,
            ..Facts::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        super::check_path(&self.path, "file")
    }
}

impl File {
    /// Calls `act` with the stamp of the file from before the start.
    fn before<R>(&self, target: &Target<'_>, act: impl FnOnce(&mut Option<Stamp>) -> R) -> R {
        target.memory.with(&self.path, act)
    }
}

/// Returns the reason why a path could not be read.
pub(super) fn no_file(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "nothing is there".to_owned(),
        _ => error.to_string(),
    }
}

/// Returns whether a path is a symbolic link: inotify does not report changes of its destination.
pub(super) fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}
