//! Hints in reports: the probable cause of a failure, and the remedy.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitStatus;

use crate::command::Command;
use crate::error::Tail;
use crate::exec_error::Attempt;
use crate::guard::StopPlan;
use crate::probe::{self, Place, Waited, Why};
use crate::process::launched::Launched;
use crate::process::parts::Parts;
use crate::process::port_conflict;
use crate::sys::listeners::Protocol;
use crate::sys::{self, Signal, proc};

/// How to keep well-known programs in the foreground.
const FOREGROUND: [(&str, &str); 24] = [
    ("apache2", "-DFOREGROUND"),
    ("avahi-daemon", "without `-D`"),
    ("dnsmasq", "-k"),
    ("exim4", "-bdf"),
    ("haproxy", "-db"),
    ("httpd", "-DFOREGROUND"),
    ("lighttpd", "-D"),
    ("named", "-g"),
    ("nginx", "-g 'daemon off;'"),
    ("nmbd", "-F"),
    ("opendkim", "-f"),
    ("php-fpm", "-F"),
    ("proftpd", "-n"),
    ("pg_ctl", "run `postgres` itself"),
    ("rsync", "--no-detach"),
    ("slapd", "-d stats"),
    ("smbd", "-F"),
    ("snmpd", "-f"),
    ("squid", "-N"),
    ("sshd", "-D"),
    ("tinyproxy", "-d"),
    ("unbound", "-d"),
    ("varnishd", "-F"),
    ("vsftpd", "-obackground=NO"),
];

impl Parts {
    /// Returns hints for a process that did not become ready.
    pub(in crate::process) fn hints(
        &self,
        waited: &Waited,
        exit: Option<ExitStatus>,
        output: &Tail,
    ) -> Vec<String> {
        let mut hints = Vec::new();
        // Most probable first: the process state, its output, its exit code, and the probes'
        // findings.
        if waited.halted {
            hints.push("it is halted (SIGSTOP), and does nothing until it gets SIGCONT".to_owned());
        }
        hints.extend(self.refuses_root(&output.bytes));
        if port_conflict::is_said(&output.bytes) {
            hints.push(self.port_is_taken());
        }
        hints.extend(exit.and_then(|status| self.hint_at_exit(status, waited)));
        if !self.declaration.is_shell() && !self.declaration.spec.shell {
            let command = &self.declaration.spec.command;
            hints.extend(self.hint_at_missing_shell(command, &output.bytes));
        }
        let steps = waited.seen.iter().flatten();
        hints.extend(steps.filter_map(|seen| seen.hint.clone()));
        // These fit many programs, so they are left out if there is a specific hint.
        if hints.is_empty() {
            hints.extend(match exit {
                None if waited.result == Err(Why::Late) => self
                    .hint_at_shell(waited)
                    .or_else(|| self.hint_at_buffer(waited, &output.bytes)),
                Some(status) if status.success() => self
                    .hint_at_question()
                    .or_else(|| self.hint_at_empty_input()),
                _ => None,
            });
        }
        hints
    }

    /// Returns a hint for an unexpected exit code at the stop: clients that were still connected.
    pub(in crate::process) fn hint_at_connections(&self, plan: &StopPlan) -> Option<String> {
        let port = self.port("").ok()?;
        let count = match proc::connections_left(port) {
            0 => return None,
            1 => "a client was".to_owned(),
            count => format!("{count} clients were"),
        };
        let other = match plan.signal {
            Signal::TERM => Signal::INT,
            _ => Signal::TERM,
        };
        Some(format!(
            "{count} still connected to port {port}, and the exit code of some servers depends on that: \
             drop pooled clients first, or try `stop_signal = summon::Signal::{}`",
            other.to_string().trim_start_matches("SIG")
        ))
    }

    fn hint_at_exit(&self, status: ExitStatus, waited: &Waited) -> Option<String> {
        let is_shell = self.declaration.spec.shell || self.declaration.is_shell();
        if let (false, Some(hint)) = (status.success(), self.hint_at_script()) {
            return Some(hint);
        }
        match status.code() {
            Some(0) if self.declaration.has_image() => Some(
                "a container ends with its main process: keep that in the foreground".to_owned(),
            ),
            Some(0) if !waited.left.is_empty() => Some(self.hint_at_daemon(&waited.left)),
            Some(126) if is_shell => {
                Some("a shell exits with code 126 if it may not execute a program".to_owned())
            }
            Some(127) if is_shell => {
                Some("a shell exits with code 127 if it does not find a program".to_owned())
            }
            None if Signal::KILL.has_ended(status) => Some(
                "summon did not kill it; the kernel kills processes when memory runs out"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Returns a hint if the failed command looks like a shell command line.
    pub(in crate::process) fn hint_at_missing_shell(
        &self,
        command: &Command,
        output: &[u8],
    ) -> Option<String> {
        let output = String::from_utf8_lossy(output);
        // Some programs print their arguments, and that is no complaint.
        let complaints = output.lines().filter(|line| is_complaint(line));
        let complaints: Vec<&str> = complaints.collect();
        let said = |word: &str| {
            let word = self.fill(word).ok();
            word.is_some_and(|word| complaints.iter().any(|line| line.contains(&word)))
        };
        command.shell_hint(said)
    }

    /// Returns a hint for a program that was asked for its version or its help. Programs that give other
    /// meanings to short options have further arguments.
    fn hint_at_question(&self) -> Option<String> {
        let words = self.declaration.spec.command.words().ok()?;
        let arguments = words.get(1..).filter(|_| !self.declaration.spec.shell)?;
        let asks = |word: &&OsString| match word.to_str() {
            Some("--version" | "--help") => true,
            Some("-v" | "-V" | "-h" | "-version" | "version" | "help") => arguments.len() == 1,
            _ => false,
        };
        let word = arguments.iter().find(asks)?.to_string_lossy();
        Some(format!(
            "with `{word}`, most programs print a text and exit: remove it from the command"
        ))
    }

    /// Returns a hint for a script if its `#!` line ends with a carriage return, as on Windows.
    fn hint_at_script(&self) -> Option<String> {
        let (argv, env) = (self.argv().ok()?, self.environment().ok()?);
        let dir = self.working_directory().ok()?;
        let attempt = Attempt::new(&argv, &env, &dir);
        let script = argv.get(1).filter(|_| self.declaration.is_shell());
        attempt
            .ends_lines_as_windows()
            .or_else(|| attempt.reads_lines_of_windows(script?))
    }

    /// Returns a hint for a shell that waits for its child. The child's port, output, files, and
    /// notices count as the shell's. An inherited socket does not count: `LISTEN_PID` names the shell,
    /// so its child ignores the socket (`sd_listen_fds(3)`).
    fn hint_at_shell(&self, waited: &Waited) -> Option<String> {
        let spec = &self.declaration.spec;
        let child = waited
            .left
            .first()
            .filter(|_| self.declaration.is_shell() || spec.shell)?;
        if spec.listen_fd {
            return Some(format!(
                "the program is a shell, and `LISTEN_PID` does not name its child `{child}`: write \
                 `exec` before the command, so that it replaces the shell"
            ));
        }
        // Without output, the child may keep it in a buffer. Without a second command, the shell only waits
        // for the end of its child.
        let line = self.shell_line();
        let is_last = line.is_some_and(|line| !line.contains([';', '&', '|', '\n']));
        let is_seen_in_log = self.waits_for_output();
        (!is_seen_in_log && !is_last).then(|| {
            format!(
                "the program is a shell that waits for `{child}`, and runs the rest of its command \
                 after that"
            )
        })
    }

    /// Returns a hint if the program refuses to run as root, as PostgreSQL, memcached, and MySQL
    /// do.
    pub(in crate::process) fn refuses_root(&self, output: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(output);
        let complains = text.lines().any(|line| {
            line.contains("cannot be run as root")
                || line.contains("\"root\" execution")
                || line.contains("to run mysqld as root!")
                || line.contains("to run mariadbd as root!")
                || line.contains("can't run as root")
        });
        let is_root = sys::user() == 0 && self.declaration.spec.user.is_none();
        (complains && is_root).then(|| {
            "run it as another user, with `user = \"nobody\"` or the name of its own user"
                .to_owned()
        })
    }

    /// Returns a hint for a program that says its port is in use: the server or connection that
    /// holds it.
    fn port_is_taken(&self) -> String {
        let host = self.host();
        let place = self.port("").ok().map(|port| Place {
            protocol: self
                .declaration
                .endpoint()
                .map_or(Protocol::Tcp, |it| it.protocol),
            port,
        });
        let served = place.and_then(|place| {
            let (_, who) = probe::somebody_serves(&host, place)?;
            Some(format!("{host}:{} is served by {who}", place.port))
        });
        served.or_else(|| self.hint_at_held()).unwrap_or_else(|| {
            let port = place.map_or_else(String::new, |it| format!(" {}", it.port));
            if self.declaration.has_image() {
                return format!(
                    "no process serves its port{port}: if `engine_args` publish another port, let summon choose a \
                     free one by `{{port:80}}`, with the number inside"
                );
            }
            format!(
                "no process serves its port{port}: if the program binds another port too, \
                 `{{port:label}}` is a further free port"
            )
        })
    }

    /// Returns the hint if the program has forked away.
    pub(in crate::process) fn forked_away(&self, launched: &Launched) -> Option<String> {
        let left = launched.left_behind();
        (!left.is_empty()).then(|| self.hint_at_daemon(&left))
    }

    /// Returns the hint for a program that has left these descendants behind.
    pub(in crate::process) fn hint_at_daemon(&self, left: &[String]) -> String {
        let words = self.declaration.spec.command.words().unwrap_or_default();
        let program = words.first().map(Path::new).and_then(Path::file_name);
        let flag = FOREGROUND
            .iter()
            .find(|(name, _)| program.is_some_and(|it| it == *name))
            .map(|(_, flag)| match flag.starts_with('-') {
                true => format!(" (`{flag}`)"),
                false => format!(" ({flag})"),
            });
        format!(
            "it has left `{}` behind, so it forks away: keep it in the foreground{}, \
             or set `daemon = true`",
            left.join("`, `"),
            flag.unwrap_or_default()
        )
    }
}

/// Whether a line of output says that something is wrong.
fn is_complaint(line: &str) -> bool {
    const WORDS: [&str; 14] = [
        "no such",
        "not found",
        "cannot",
        "can't",
        "could not",
        "couldn't",
        "does not",
        "invalid",
        "unknown",
        "illegal",
        "unrecognized",
        "unexpected",
        "error",
        "fail",
    ];
    let line = line.to_lowercase();
    WORDS.iter().any(|word| line.contains(word))
}
