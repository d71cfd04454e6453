//! Why a program can't be executed, and what to do about it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::program;
use crate::shell;

/// Well-known programs, and the packages that have them, of Debian and of Homebrew.
const PACKAGES: [(&str, &str, &str); 27] = [
    ("redis-server", "redis-server", "redis"),
    ("redis-cli", "redis-tools", "redis"),
    ("valkey-server", "valkey-server", "valkey"),
    ("postgres", "postgresql", "postgresql"),
    ("initdb", "postgresql", "postgresql"),
    ("pg_ctl", "postgresql", "postgresql"),
    ("pg_isready", "postgresql-client", "libpq"),
    ("psql", "postgresql-client", "libpq"),
    ("mariadbd", "mariadb-server", "mariadb"),
    ("mariadb-admin", "mariadb-client", "mariadb"),
    ("mysqladmin", "mariadb-client", "mysql-client"),
    ("mysqld", "mariadb-server", "mysql"),
    ("nginx", "nginx", "nginx"),
    ("haproxy", "haproxy", "haproxy"),
    ("memcached", "memcached", "memcached"),
    ("nats-server", "nats-server", "nats-server"),
    ("mosquitto", "mosquitto", "mosquitto"),
    ("rabbitmq-server", "rabbitmq-server", "rabbitmq"),
    ("etcd", "etcd-server", "etcd"),
    ("dnsmasq", "dnsmasq-base", "dnsmasq"),
    ("caddy", "caddy", "caddy"),
    ("python3", "python3", "python"),
    ("node", "nodejs", "node"),
    ("java", "default-jre-headless", "openjdk"),
    ("nc", "netcat-openbsd", "netcat"),
    ("curl", "curl", "curl"),
    ("docker", "docker.io", "docker"),
];

/// ENOEXEC, which has no kind.
const NO_FORMAT: i32 = 8;
/// The kernel reads no more of a first line (`execve(2)`).
const FIRST_LINE: u64 = 256;

/// What was to be executed, and in which surroundings.
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

    /// What is wrong, with the whole PATH where that was searched, and what to do.
    pub(crate) fn explain(&self, error: &io::Error) -> (String, Option<String>) {
        let Some(hint) = self.is_nowhere(error) else {
            return self.reason(error);
        };
        let path = self.path().map_or("not set".into(), OsStr::to_string_lossy);
        let program = self.program.to_string_lossy();
        let why = format!("there is no such program as `{program}` in PATH, which is {path}");
        (why, hint)
    }

    /// The same in one line, without the PATH.
    pub(crate) fn in_one_line(&self, error: &io::Error) -> String {
        let (why, hint) = match self.is_nowhere(error) {
            Some(hint) => {
                let program = self.program.to_string_lossy();
                (format!("there is no such program as `{program}`"), hint)
            }
            None => self.reason(error),
        };
        match hint {
            Some(hint) => format!("{why}; {hint}"),
            None => why,
        }
    }

    /// The hint for a program that is not in PATH. `None` if something else is wrong.
    fn is_nowhere(&self, error: &io::Error) -> Option<Option<String>> {
        let is_path = self.program.as_encoded_bytes().contains(&b'/');
        if error.kind() != io::ErrorKind::NotFound || is_path {
            return None;
        }
        let Some(found) = self.find() else {
            let program = self.program.to_string_lossy();
            return Some(shell::instead(&program).or_else(|| missing(&program)));
        };
        if first_line(&found).is_some_and(|line| !has_interpreter(&line)) {
            return None;
        }
        let found = found.display();
        Some(Some(format!(
            "{found} is one, in a directory that its user may not enter"
        )))
    }

    fn reason(&self, error: &io::Error) -> (String, Option<String>) {
        let program = self.program.to_string_lossy();
        let found = self.find();
        let path = found.clone().unwrap_or_else(|| self.dir.join(self.program));
        match error.kind() {
            io::ErrorKind::NotFound => match first_line(&path) {
                Some(line) if found.is_some() && !has_interpreter(&line) => {
                    no_interpreter(&program, &path, &line)
                }
                _ => (
                    format!("`{program}` does not exist"),
                    shell::instead(&program)
                        .or_else(|| unbuilt(&path))
                        .or_else(|| self.relative()),
                ),
            },
            io::ErrorKind::PermissionDenied => (
                format!("`{program}` is not executable"),
                Some(format!(
                    "`chmod +x {}`, unless its file system or directory forbids it",
                    match found {
                        Some(path) => path.display().to_string(),
                        None => program.into_owned(),
                    }
                )),
            ),
            _ if error.raw_os_error() == Some(NO_FORMAT) => (
                format!("`{program}` can't be executed: {error}"),
                Some(
                    "a script needs `#!` and its interpreter in the first line; a binary must be \
                     one for this machine"
                        .to_owned(),
                ),
            ),
            io::ErrorKind::ArgumentListTooLong => (
                format!("`{program}` can't be executed: {error}"),
                Some(
                    "its arguments and its environment together are longer than the system allows"
                        .to_owned(),
                ),
            ),
            _ => (format!("`{program}` can't be executed: {error}"), None),
        }
    }

    fn path(&self) -> Option<&OsStr> {
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        path.map(|(_, path)| path.as_os_str())
    }

    /// The file that was meant, as far as this process sees it.
    fn find(&self) -> Option<PathBuf> {
        if self.program.as_encoded_bytes().contains(&b'/') {
            return Some(self.dir.join(self.program)).filter(|path| path.is_file());
        }
        let dirs = env::split_paths(self.path()?);
        let mut places = dirs.map(|dir| self.dir.join(dir).join(self.program));
        places.find(|path| path.is_file())
    }

    fn relative(&self) -> Option<String> {
        let is_relative = Path::new(self.program).is_relative();
        is_relative.then(|| format!("it is looked for from {}", self.dir.display()))
    }

    /// Whether it is a script that was written on Windows: its interpreter gets a name that ends in
    /// a carriage return.
    pub(crate) fn ends_lines_as_windows(&self) -> Option<String> {
        let path = self.find()?;
        let line = first_line(&path)?;
        line.ends_with('\r').then(|| without_returns(&path))
    }
}

/// Whether the interpreter in a script's first line exists.
fn has_interpreter(line: &str) -> bool {
    let interpreter = line.split([' ', '\t']).find(|word| !word.is_empty());
    interpreter.is_some_and(|path| Path::new(path).exists())
}

/// The interpreter of a script does not exist.
fn no_interpreter(program: &str, path: &Path, line: &str) -> (String, Option<String>) {
    let interpreter = line.split_ascii_whitespace().next().unwrap_or_default();
    match line.ends_with('\r') {
        true => (
            format!("the first line of `{program}`, `#!{line}`, ends in a carriage return"),
            Some(without_returns(path)),
        ),
        false => (
            format!("`{program}` names an interpreter that does not exist, `{interpreter}`"),
            Some(match program.contains('/') {
                true => "see its first line".to_owned(),
                false => format!("see the first line of {}", path.display()),
            }),
        ),
    }
}

fn without_returns(path: &Path) -> String {
    let path = path.display();
    format!(
        "{path} has the line ends of Windows: `sed -i 's/\\r$//' {path}`, and `* text=auto eol=lf` \
         in .gitattributes"
    )
}

/// The first line of a script, behind `#!`.
fn first_line(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    // Not a device or a pipe, which could keep the reader.
    let file = path.is_file().then(|| File::open(path))?.ok()?;
    file.take(FIRST_LINE).read_to_end(&mut text).ok()?;
    let line = text.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    Some(String::from_utf8_lossy(line).into_owned())
}

/// An example, which cargo does not build for each command that runs tests.
fn unbuilt(program: &Path) -> Option<String> {
    let is_example = program.parent()?.ends_with("examples");
    let name = program.file_stem()?.to_string_lossy();
    is_example.then(|| {
        format!(
            "`cargo build --example {name}` builds it, and so does a `cargo test` without `--test`"
        )
    })
}

/// Where a program that is not in PATH is to be had.
fn missing(name: &str) -> Option<String> {
    if let Some(path) = program::hidden(name) {
        return Some(format!("it is here: {}", path.display()));
    }
    let (_, apt, brew) = PACKAGES.iter().find(|(known, ..)| *known == name)?;
    Some(format!("`apt install {apt}` or `brew install {brew}`"))
}
