//! Hints: what is probably wrong, where the cause is known, and what to do about it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use super::Process;
use crate::error::Tail;
use crate::probe::{self, Place, Waited};
use crate::program;
use crate::sys::guard::Plan;
use crate::sys::listeners::Protocol;
use crate::sys::{self, Signal};

/// Well-known servers: the program, and the packages that have it, of Debian and of Homebrew.
const PACKAGES: [(&str, &str, &str); 22] = [
    ("redis-server", "redis-server", "redis"),
    ("valkey-server", "valkey-server", "valkey"),
    ("postgres", "postgresql", "postgresql"),
    ("initdb", "postgresql", "postgresql"),
    ("pg_ctl", "postgresql", "postgresql"),
    ("pg_isready", "postgresql-client", "libpq"),
    ("mariadbd", "mariadb-server", "mariadb"),
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
    ("docker", "docker.io", "docker"),
];

/// Why a program could not be executed, and what to do.
pub(super) fn no_exec(error: &io::Error, program: &str, plan: &Plan) -> (String, Option<String>) {
    let path = plan.dir.join(program);
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => match interpreter(&path) {
            Some(interpreter) => (
                format!("`{program}` names an interpreter that does not exist, `{interpreter}`"),
                Some("see its first line".to_owned()),
            ),
            None => (
                format!("`{program}` does not exist"),
                unbuilt(&path).or_else(|| relative(program, plan)),
            ),
        },
        io::ErrorKind::NotFound => {
            let path = plan.env.iter().find(|(name, _)| name == "PATH");
            let path = path.map_or("not set".into(), |(_, path)| path.to_string_lossy());
            let why = format!("there is no such program as `{program}` in PATH, which is {path}");
            (why, missing(program))
        }
        io::ErrorKind::PermissionDenied => (
            format!("`{program}` is not executable"),
            Some(format!("`chmod +x {program}`, unless its file system or directory forbids it")),
        ),
        // ENOEXEC has no kind.
        _ if error.raw_os_error() == Some(8) => (
            format!("`{program}` can't be executed: {error}"),
            Some("a script needs `#!` and its interpreter in the first line; a binary must be one for this machine".to_owned()),
        ),
        io::ErrorKind::ArgumentListTooLong => (
            format!("`{program}` can't be executed: {error}"),
            Some("its arguments and its environment together are longer than the system allows".to_owned()),
        ),
        _ => (format!("`{program}` can't be executed: {error}"), None),
    }
}

/// The interpreter of a script, if there is none such.
fn interpreter(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let line = text
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line);
    line.split_ascii_whitespace().next().map(str::to_owned)
}

fn relative(program: &str, plan: &Plan) -> Option<String> {
    let is_relative = Path::new(program).is_relative();
    is_relative.then(|| format!("it is looked for from {}", plan.dir.display()))
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

impl Process {
    /// What is probably wrong with one that did not become ready.
    pub(super) fn hints(
        &self,
        waited: &Waited,
        exit: Option<ExitStatus>,
        output: &Tail,
    ) -> Vec<String> {
        let steps = waited.seen.iter().flatten();
        let mut hints: Vec<String> = steps.filter_map(|seen| seen.hint.clone()).collect();
        hints.extend(match exit {
            Some(status) => self.hint_at_exit(status, waited),
            None => self.hint_at_shell(waited),
        });
        hints.extend(self.port_is_taken(output));
        hints.extend(self.refuses_root(&output.bytes));
        if waited.halted {
            hints.push("it is halted (SIGSTOP), and does nothing until it gets SIGCONT".to_owned());
        }
        hints
    }

    fn hint_at_exit(&self, status: ExitStatus, waited: &Waited) -> Option<String> {
        let is_shell = self.inner.spec.shell || self.is_shell();
        match status.code() {
            Some(0) if !waited.left.is_empty() => Some(format!(
                "it has left `{}` behind, so it forks away: have it stay in the foreground, \
                 or say `daemon = true`",
                waited.left.join("`, `")
            )),
            Some(126) if is_shell => {
                Some("126 is what a shell says of a program that it may not execute".to_owned())
            }
            Some(127) if is_shell => {
                Some("127 is what a shell says of a program that it does not find".to_owned())
            }
            None if Signal::KILL.has_ended(status) => {
                Some("summon did not kill it; when memory runs out, the system does".to_owned())
            }
            _ => None,
        }
    }

    /// A shell that waits for the real program.
    fn hint_at_shell(&self, waited: &Waited) -> Option<String> {
        let child = waited
            .left
            .first()
            .filter(|_| self.is_shell() || self.inner.spec.shell)?;
        Some(format!(
            "the program is a shell, which runs `{child}`: with `exec` before that, it becomes the program itself"
        ))
    }

    /// Whether the program is a shell.
    pub(super) fn is_shell(&self) -> bool {
        let words = self.inner.spec.command.words().unwrap_or_default();
        let program = words.first().map(Path::new).and_then(Path::file_name);
        let shells = ["sh", "bash", "dash", "zsh", "ksh", "ash"];
        program.is_some_and(|program| shells.iter().any(|shell| program == *shell))
    }

    /// It complains of who runs it: PostgreSQL and memcached do, and MySQL.
    pub(super) fn refuses_root(&self, output: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(output);
        let complains = text.lines().any(|line| {
            line.contains("cannot be run as root")
                || line.contains("\"root\" execution")
                || line.contains("to run mysqld as root!")
                || line.contains("to run mariadbd as root!")
                || line.contains("can't run as root")
        });
        let is_root = sys::user() == 0 && self.inner.spec.user.is_none();
        (complains && is_root)
            .then(|| "run it as another user: `user = \"nobody\"`, or its own".to_owned())
    }

    /// It complains that its port is taken, and this is by whom.
    fn port_is_taken(&self, output: &Tail) -> Option<String> {
        let text = String::from_utf8_lossy(&output.bytes).to_ascii_lowercase();
        if !text.contains("address already in use") && !text.contains("eaddrinuse") {
            return None;
        }
        let (host, port) = (self.host(), self.try_port("").ok()?);
        let place = Place {
            protocol: self.endpoint().map_or(Protocol::Tcp, |it| it.protocol),
            port,
        };
        match probe::somebody_serves(&host, place) {
            Some((_, who)) => Some(format!("{host}:{port} is served by {who}")),
            None => Some(format!(
                "nobody serves its port, {port}: does it bind another one too? `{{port:label}}` is a further free port"
            )),
        }
    }
}
