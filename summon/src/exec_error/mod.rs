//! Explains why a program can't be executed, and how to fix that.

mod file_format;
mod input;
mod install_hints;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use file_format::Format;
use summon_syntax::shell;

use crate::sys::at_path;

/// `ENOEXEC`. `io::ErrorKind` has no stable variant for it.
const NO_FORMAT: i32 = 8;

const TOO_LONG: &str = "its arguments and its environment together are longer than the system allows; shorten \
    them, or pass the arguments in a file";

/// A failed attempt to execute a program, with its environment and working directory.
pub(crate) struct Attempt<'a> {
    program: &'a OsStr,
    env: &'a [(OsString, OsString)],
    dir: &'a Path,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        argv: &'a [OsString],
        env: &'a [(OsString, OsString)],
        dir: &'a Path,
    ) -> Attempt<'a> {
        let program = argv.first().map_or(OsStr::new(""), OsString::as_os_str);
        Attempt { program, env, dir }
    }

    /// Returns the reason and a hint. The reason contains PATH if the program was searched there.
    pub(crate) fn explain(&self, error: &io::Error) -> (String, Option<String>) {
        let Some((why, hint)) = self.not_in_path(error) else {
            return self.reason(error);
        };
        let path = self.path().map_or("not set".into(), OsStr::to_string_lossy);
        (format!("{why}, which is {path}"), hint)
    }

    /// Returns the reason and the hint in one line, without PATH.
    pub(crate) fn in_one_line(&self, error: &io::Error) -> String {
        let (why, hint) = self
            .not_in_path(error)
            .unwrap_or_else(|| self.reason(error));
        match hint {
            Some(hint) => format!("{why}; {hint}"),
            None => why,
        }
    }

    /// Returns the reason and a hint if the program is not in PATH, and `None` if the error has
    /// another cause.
    fn not_in_path(&self, error: &io::Error) -> Option<(String, Option<String>)> {
        if error.kind() != io::ErrorKind::NotFound || self.is_path() {
            return None;
        }
        let program = self.program.to_string_lossy();
        let hint = match self.find() {
            Some(found) if lacks(&program, &found).is_some() => return None,
            Some(found) => Some(format!(
                "{} exists, but the user of the process may not enter its directory",
                found.display()
            )),
            None => {
                let dangling = self.places().find_map(|place| link(&place));
                let directory = self.places().find(|place| place.is_dir());
                let directory = directory.map(|it| format!("{} is a directory", it.display()));
                dangling
                    .map(|to| format!("a symbolic link in PATH leads to {to}"))
                    .or(directory)
                    .or_else(|| shell::instead(&program))
                    .or_else(|| install_hints::missing(&program))
            }
        };
        Some((format!("`{program}` is not in PATH"), hint))
    }

    fn reason(&self, error: &io::Error) -> (String, Option<String>) {
        let program = self.program.to_string_lossy();
        let path = self.find().unwrap_or_else(|| self.dir.join(self.program));
        let no = |why: &dyn Display, hint: Option<&str>| {
            let why = format!("`{program}` can't be executed: {why}");
            (why, hint.map(str::to_owned))
        };
        match error.kind() {
            io::ErrorKind::NotFound => match (lacks(&program, &path), link(&path)) {
                (Some(why), _) => why,
                (None, Some(to)) => (format!("`{program}` is a symbolic link to {to}"), None),
                (None, None) => (
                    format!("`{program}` does not exist"),
                    shell::instead(&program)
                        .or_else(|| unbuilt(&path))
                        .or_else(|| self.relative()),
                ),
            },
            io::ErrorKind::PermissionDenied => forbidden(&program, &path),
            io::ErrorKind::ArgumentListTooLong => no(error, Some(TOO_LONG)),
            _ if error.raw_os_error() == Some(NO_FORMAT) => {
                match Format::of(&path).as_ref().and_then(Format::why_not) {
                    Some((why, hint)) => no(&why, Some(hint)),
                    None => no(error, Some(file_format::TO_INSTALL)),
                }
            }
            _ => no(error, None),
        }
    }

    /// Returns whether nothing is at the place, or at all the places, where the program would be.
    pub(crate) fn is_absent(&self) -> bool {
        let is_nothing = |path: &Path| {
            let found = fs::symlink_metadata(path);
            found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        match self.is_path() {
            true => is_nothing(&self.dir.join(self.program)),
            false => {
                let is_no_program = |path: PathBuf| is_nothing(&path) || path.is_dir();
                self.path().is_some() && self.places().all(is_no_program)
            }
        }
    }

    fn is_path(&self) -> bool {
        self.program.as_encoded_bytes().contains(&b'/')
    }

    fn path(&self) -> Option<&OsStr> {
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        path.map(|(_, path)| path.as_os_str())
    }

    /// Finds the file of the program, if this process can see it.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        if self.is_path() {
            return Some(self.dir.join(self.program)).filter(|path| path.is_file());
        }
        self.places().find(|path| path.is_file())
    }

    /// Lists the paths where a search of PATH looks.
    fn places(&self) -> impl Iterator<Item = PathBuf> {
        let dirs = self.path().into_iter().flat_map(env::split_paths);
        dirs.map(|dir| self.dir.join(dir).join(self.program))
    }

    fn relative(&self) -> Option<String> {
        let is_relative = Path::new(self.program).is_relative();
        is_relative.then(|| {
            format!(
                "the path starts at the working directory, {}",
                self.dir.display()
            )
        })
    }

    /// Returns the first line of a script, after `#!`.
    pub(crate) fn first_line(&self) -> Option<String> {
        match Format::of(&self.find()?)? {
            Format::Script(line) => Some(line),
            _ => None,
        }
    }

    /// Returns a hint for a script with the line ends of Windows. The name of its interpreter, or its last
    /// argument, ends in a carriage return. To a shell each of its lines does.
    pub(crate) fn ends_lines_as_windows(&self) -> Option<String> {
        let path = self.find()?;
        let Format::Script(line) = Format::of(&path)? else {
            return None;
        };
        let is_of_shell = line.split([' ', '\t', '/']).any(is_shell);
        let ends = line.ends_with('\r') || is_of_shell && file_format::has_returns(&path);
        ends.then(|| without_returns(&path))
    }

    /// Returns the same hint for a script that is the argument of a shell.
    pub(crate) fn reads_lines_of_windows(&self, script: &OsStr) -> Option<String> {
        let path = self.dir.join(script);
        file_format::has_returns(&path).then(|| without_returns(&path))
    }

    /// Returns whether the program can read its standard input. `None` if there is no such program.
    pub(crate) fn may_read(&self) -> Option<bool> {
        self.find().map(|path| input::may_read(&path))
    }
}

/// Returns whether this is the name of a shell.
pub(crate) fn is_shell(program: &str) -> bool {
    ["sh", "bash", "dash", "zsh", "ksh", "ash"].contains(&program)
}

/// Checks whether the interpreter or the dynamic loader of an existing program is missing.
fn lacks(program: &str, path: &Path) -> Option<(String, Option<String>)> {
    match Format::of(path)? {
        Format::Script(line) if !interpreter(&line).exists() => {
            Some(no_interpreter(program, path, &line))
        }
        Format::Elf {
            loader: Some(loader),
            machine,
        } if !loader.exists() => Some((
            format!(
                "`{program}` needs the dynamic loader `{}`, which does not exist",
                loader.display()
            ),
            Some(format!(
                "it was built for another system ({machine}); build it for this one, or install the \
                 libraries of that system"
            )),
        )),
        _ => None,
    }
}

/// Returns the interpreter of a script from its first line.
fn interpreter(line: &str) -> &Path {
    // To the kernel, a carriage return is part of the name.
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    Path::new(words.next().unwrap_or_default())
}

/// Explains why the kernel denied the permission (`EACCES`).
fn forbidden(program: &str, path: &Path) -> (String, Option<String>) {
    let not_executable = |hint: String| {
        let why = format!("`{program}` is not executable");
        (why, Some(hint))
    };
    let (path_shown, metadata) = (path.display(), fs::metadata(path));
    let Ok(metadata) = metadata else {
        return not_executable(
            "the user of the process may not enter one of the directories above it".to_owned(),
        );
    };
    if metadata.is_dir() {
        return (
            format!("`{program}` is a directory"),
            Some("write the path of the program in that directory".to_owned()),
        );
    }
    if !metadata.is_file() {
        return (format!("`{program}` is not a file"), None);
    }
    if !at_path::is_executable(&metadata) {
        return not_executable(format!("make it executable: `chmod +x {path_shown}`"));
    }
    if let Some(Format::Script(line)) = Format::of(path) {
        let interpreter = interpreter(&line);
        let may_run = |it: &fs::Metadata| it.is_file() && at_path::is_executable(it);
        if !fs::metadata(interpreter).is_ok_and(|it| may_run(&it)) {
            let shown = interpreter.display();
            return (
                format!("the interpreter of `{program}`, `{shown}`, is not executable"),
                Some(format!("check the first line of {path_shown}")),
            );
        }
    }
    not_executable(
        "another user may execute it; check its mode, the modes of the directories above it, and \
         whether its file system is mounted with `noexec`"
            .to_owned(),
    )
}

/// Describes the target of a broken symbolic link.
fn link(path: &Path) -> Option<String> {
    let to = fs::read_link(path).ok().filter(|_| !path.exists())?;
    Some(format!("{}, which does not exist", to.display()))
}

/// Explains that the interpreter of a script does not exist.
fn no_interpreter(program: &str, path: &Path, line: &str) -> (String, Option<String>) {
    let interpreter = interpreter(line).display();
    match line.ends_with('\r') {
        true => (
            format!("the first line of `{program}`, `#!{line}`, ends in a carriage return"),
            Some(without_returns(path)),
        ),
        false => (
            format!("the interpreter of `{program}`, `{interpreter}`, does not exist"),
            Some(match program.contains('/') {
                true => "check its first line".to_owned(),
                false => format!("check the first line of {}", path.display()),
            }),
        ),
    }
}

fn without_returns(path: &Path) -> String {
    let path = path.display();
    format!(
        "{path} has Windows line endings; remove them with `sed -i 's/\\r$//' {path}`, and set \
         `* text=auto eol=lf` in .gitattributes"
    )
}

/// Returns a hint for an example that is not built. `cargo test --test NAME` builds no examples.
fn unbuilt(program: &Path) -> Option<String> {
    let is_example = program.parent()?.ends_with("examples");
    let name = program.file_stem()?.to_string_lossy();
    is_example.then(|| {
        format!(
            "build it with `cargo build --example {name}`; `cargo test` without `--test` also builds it"
        )
    })
}
