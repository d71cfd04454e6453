//! Ready when a file is there.

use std::path::Path;

use super::{Facts, NotReady, Probe, Target};
use crate::sys::at_path::Stamp;

/// Made by [`file()`].
///
/// It has a name for types that hold such an executor:
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

/// Ready when there is a file, or anything else, at `path`, whatever is in it. It may be incomplete
/// then, unless the program writes it elsewhere and renames it when it is done.
///
/// The path may contain placeholders; a relative one is taken from the program's working
/// directory. A file that was there before the start, such as one that a program which was killed
/// has left, counts once it has changed: written to, touched, or replaced. The system tells of it
/// (`inotify(7)`); where it does not, as on network file systems, it is looked for.
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
    /// Waits until the file has something in it. Default: an empty one will do. A program that makes a
    /// file and writes to it a moment later, such as one with its pid, wants this; what it writes in
    /// several pieces may be incomplete still.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let server = Coordinated::with(
    ///     ["sh", "-c", ": > {dir}/pid; echo $$ > {dir}/pid; exec sleep 100"],
    ///     probe::file("{dir}/pid").not_empty(),
    /// );
    /// server.start()?;
    /// assert!(!std::fs::read(server.dir().join("pid")).unwrap().is_empty());
    /// # Ok::<(), summon::Error>(())
    /// ```
    #[must_use]
    pub fn not_empty(mut self) -> File {
        self.not_empty = true;
        self
    }
}

impl Probe for File {
    fn begin(&self, target: &Target<'_>) {
        // A path that can't be filled in is told by the first look.
        if let Ok(path) = target.values().path(&self.path) {
            let stamp = Stamp::of(&path).ok();
            target.note_stamp(path, stamp);
        }
    }

    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let path = target.values().path(&self.path)?;
        // Before the look, so that nothing happens in between unnoticed.
        let is_told = target.news.subscribe_to_file(&path);
        let why = match Stamp::of(&path) {
            Ok(stamp) if target.stamp(&path) != Some(stamp) => {
                match self.not_empty && stamp.is_empty() {
                    false => return Ok(()),
                    true => "it is empty".to_owned(),
                }
            }
            Ok(_) => "it was there before the start, and has not changed".to_owned(),
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
            ..Facts::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        super::check_path(&self.path, "file")
    }
}

/// Why something that should be at a path is not there.
pub(super) fn no_file(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "nothing is there".to_owned(),
        _ => error.to_string(),
    }
}

/// What a link points to may come and go untold.
pub(super) fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}
