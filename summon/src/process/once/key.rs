//! The text that describes the commands of `before_once`. Equal texts mean equal results.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use summon_syntax::template::{self, Part};

use crate::command::Command;
use crate::error::Error;
use crate::exec_error::Attempt;
use crate::guard::{Helper, Program};
use crate::process::parts::Parts;
use crate::sys::fd::BorrowedFd;
use crate::sys::{self, trees, wait};

/// The format of results.
const VERSION: u32 = 1;
/// The time-out of a server that tells its version.
const ANSWER: Duration = Duration::from_secs(5);

impl Parts {
    /// Returns the text. `None` if the commands depend on something that differs at each start,
    /// such as `{port}`, or if they can't run anyway.
    pub(super) fn key(&self) -> Result<Option<String>, Error> {
        let mut key = format!("summon {VERSION}\n");
        let Some(first) = self.declaration.spec.before_once.first() else {
            return Ok(None);
        };
        let user = self
            .declaration
            .user()?
            .map_or_else(sys::user, |user| user.uid);
        let _ = writeln!(key, "user {user}, {:?}", self.declaration.spec.attributes);
        let like = self.helper(first)?;
        if !self.declaration.spec.is_known {
            let _ = writeln!(key, "in {:?}", like.dir);
        }
        let is_complete = self.add_commands(&mut key, &like)?
            && self.add_server(&mut key, &like)?
            && self.add_files(&mut key)?;
        self.add_environment(&mut key, &like)?;
        Ok(is_complete.then_some(key))
    }

    fn add_commands(&self, key: &mut String, like: &Program) -> Result<bool, Error> {
        for command in &self.declaration.spec.before_once {
            let words = command.words().map_err(|why| self.declaration.bad(why))?;
            if words.iter().any(|word| is_foreign(word)) {
                return Ok(false);
            }
            let words = words.iter().map(|word| self.fill_in(word, "{dir}"));
            let words = words.collect::<Result<Vec<_>, _>>()?;
            let Some(program) = stamp_of_program(&words, like) else {
                return Ok(false);
            };
            let _ = writeln!(key, "run {words:?}\nprogram {program}");
            for word in words.iter().skip(1) {
                add_named(key, word, &like.dir);
            }
        }
        Ok(true)
    }

    fn add_server(&self, key: &mut String, like: &Program) -> Result<bool, Error> {
        let argv = self
            .declaration
            .spec
            .argv()
            .map_err(|why| self.declaration.bad(why))?;
        let program = self.fill_in(&argv[0], "{dir}")?;
        let Some(path) = find(&program, like) else {
            return Ok(false);
        };
        let Some(stamp) = stamp(&path) else {
            return Ok(false);
        };
        let _ = writeln!(key, "server {stamp}");
        // A script or a shim stays the same when the server that it runs is replaced.
        if self.declaration.spec.is_known && stands_for_another(&path) {
            let _ = writeln!(key, "version {:?}", version(&program, like));
        }
        Ok(true)
    }

    fn add_files(&self, key: &mut String) -> Result<bool, Error> {
        let spec = &self.declaration.spec;
        for (name, mode) in &spec.dirs {
            let _ = writeln!(key, "directory {name:?} {mode:o}");
        }
        let commands = spec.before_once.iter();
        let words: Vec<_> = commands.flat_map(Command::words).flatten().collect();
        for (name, contents) in &spec.files {
            let text = OsStr::new(contents.text.as_str());
            if !is_foreign(text) {
                let text = digest(&self.fill_in(text, "{dir}")?);
                let mode = contents.file_mode().ok();
                let _ = writeln!(key, "file {name:?} {mode:?} {text}");
                continue;
            }
            let named = name.to_string_lossy();
            if words
                .iter()
                .any(|word| word.to_string_lossy().contains(&*named))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn add_environment(&self, key: &mut String, like: &Program) -> Result<(), Error> {
        let is_of_locale = |name: &OsStr| {
            let name = name.to_string_lossy();
            name == "LANG" || name == "TZ" || name.starts_with("LC_")
        };
        let mut set: Vec<_> = like.env.iter().filter(|it| is_of_locale(&it.0)).collect();
        set.sort_unstable();
        for (name, value) in set {
            let _ = writeln!(key, "locale {name:?} {value:?}");
        }
        for (name, value) in &self.declaration.spec.env {
            match value {
                Some(value) if is_foreign(value) => {}
                Some(value) => {
                    let value = digest(&self.fill_in(value, "{dir}")?);
                    let _ = writeln!(key, "set {name:?} {value}");
                }
                None => {
                    let _ = writeln!(key, "remove {name:?}");
                }
            }
        }
        Ok(())
    }
}

/// Whether a text has a placeholder whose value differs from start to start.
pub(super) fn is_foreign(text: &OsStr) -> bool {
    let parts = text.to_str().map(template::parts).unwrap_or_default();
    parts
        .iter()
        .any(|part| !matches!(part, Part::Literal(_) | Part::Own("dir" | "name")))
}

/// Returns a digest of a text that may be a password. The key is in a file.
fn digest(text: &OsStr) -> String {
    format!("{:016x}", trees::digest_of(text.as_encoded_bytes()))
}

fn find(program: &OsStr, like: &Program) -> Option<PathBuf> {
    let argv = [program.to_owned()];
    Attempt::new(&argv, &like.env, &like.dir).find()
}

fn stamp_of_program(words: &[OsString], like: &Program) -> Option<String> {
    stamp(&find(words.first()?, like)?)
}

/// Returns the real path of a file, its size, and the time of its last change.
fn stamp(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let found = fs::metadata(&path).ok()?;
    let changed = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let (size, changed) = (found.len(), changed.as_nanos());
    Some(format!("{path:?} {size} {changed}"))
}

/// Adds the files and directories that a word names, such as `seed.sql` in `--file=seed.sql`, and
/// the files in such a directory.
fn add_named(key: &mut String, word: &OsStr, dir: &Path) {
    let word = word.to_string_lossy();
    let is_end = |c: char| c.is_whitespace() || "='\":;,()<>".contains(c);
    for name in word.split(is_end) {
        if !name.contains(char::is_alphanumeric) || name.contains("{dir}") {
            continue;
        }
        let path = dir.join(name);
        let Some(named) = stamp(&path) else {
            continue;
        };
        let _ = writeln!(key, "named {named}");
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.filter_map(|it| file_stamp(&it)).collect();
        files.sort_unstable();
        for file in files {
            let _ = writeln!(key, "in it {file}");
        }
    }
}

/// Returns the stamp of a regular file in a directory. Links in system directories may lead to
/// `/proc`, where times change all the time.
fn file_stamp(entry: &fs::DirEntry) -> Option<String> {
    let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
    is_file.then(|| stamp(&entry.path())).flatten()
}

/// Whether a program is a script, or a link to a program of another name, which chooses the real
/// one by its own name.
fn stands_for_another(path: &Path) -> bool {
    let real = fs::canonicalize(path).unwrap_or_default();
    let mut begin = [0; 2];
    let read = fs::File::open(&real).and_then(|mut file| file.read_exact(&mut begin));
    real.file_name() != path.file_name() || read.is_err() || &begin == b"#!"
}

/// Asks a server for its version.
fn version(program: &OsStr, like: &Program) -> Option<String> {
    let asked = like.helper(&[program.to_owned(), "--version".into()]);
    let until = Instant::now() + ANSWER;
    let helper = Helper::hire(&asked, until).ok()?;
    let sleep = |answer: BorrowedFd<'_>| {
        wait::sleep(&[answer], None)?;
        Ok(true)
    };
    let ran = helper.run(ANSWER, sleep).ok()?;
    Some(String::from_utf8_lossy(&ran.output).into_owned())
}
