//! Turns a declaration into orders for the guard: fills in placeholders, and checks every value.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;

use super::{Process, lock};
use crate::command::Command;
use crate::contents::directory_mode;
use crate::error::Error;
use crate::guard::{Program, StopPlan, Terms};
use crate::port::{Lease, Turn};
use crate::probe;
use crate::stdin::Kind;
use crate::sys::fd::OwnedFd;
use crate::sys::listeners::Protocol;
use crate::sys::users::{Access, User};
use crate::sys::{self, pipe, walk};

/// Variables that a service manager sets for the test process alone. Processes do not inherit them.
const OF_SERVICE_MANAGERS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

impl Process {
    /// Returns the program, the guard's terms, and the write end of standard input for
    /// `Stdin::piped()`.
    pub(super) fn plan(&self) -> Result<(Program, Terms, Option<File>), Error> {
        let home = self.home()?;
        let (spec, stop) = (&self.inner.spec, self.stop_plan()?);
        let argv = self.argv()?;
        let mut env = self.environment()?;
        let texts = argv.iter().chain(env.iter().map(|(_, value)| value));
        if let Some(text) = texts.into_iter().find(|text| has_nul(text)) {
            return Err(self.bad(format!("{text:?} contains a NUL byte")));
        }
        let is_told = self
            .inner
            .probes
            .iter()
            .any(|it| it.facts().is_told_by_socket);
        let notify = is_told.then(|| sys::notify_name(home.session_dir(), sys::random()));
        if let Some(name) = &notify {
            env.retain(|(other, _)| other != "NOTIFY_SOCKET");
            env.push(("NOTIFY_SOCKET".into(), name.into()));
        }
        let no_file = |error: io::Error| self.bad(format!("its log can't be opened: {error}"));
        let mut sweep = home.sweep().map_err(no_file)?;
        let sockets = self.socket()?.into_iter().collect();
        // Taken after the steps that can fail, so that a retry finds it.
        let sharing = lock(&self.inner.sharing).take();
        sweep.socket = sharing.as_ref().map(|sharing| sharing.path.clone());
        let (stdin, writer) = self.standard_input()?;
        let after_stop = spec.after_stop.iter().map(|it| self.words_of(it));
        let program = Program {
            name: self.name().to_owned(),
            argv,
            env,
            dir: self.working_directory()?,
            user: self.user()?,
            attributes: spec.attributes.clone(),
            stdin: Some(stdin),
            sockets,
        };
        let terms = Terms {
            daemon: spec.daemon,
            stop,
            after_stop: after_stop.collect::<Result<_, _>>()?,
            log: home.open_log().map_err(no_file)?.into(),
            log_limit: spec.log_limit.get().map_err(|why| self.bad(why))?,
            streams: match spec.split_output {
                true => Some(home.open_streams().map_err(no_file)?.map(OwnedFd::from)),
                false => None,
            },
            notify,
            about: self.as_run(&program).about(self),
            sweep,
            sharing,
            leases: self.shared_leases().map_err(no_file)?,
        };
        Ok((program, terms, writer))
    }

    /// Duplicates the leases, so that the guard holds them too.
    fn shared_leases(&self) -> io::Result<Vec<OwnedFd>> {
        let free = lock(&self.inner.leases);
        let free = free.values().map(Lease::share);
        let life = lock(&self.inner.life);
        free.chain(life.turns.iter().map(Turn::share)).collect()
    }

    /// Returns the user that the program runs as. `None` is the current user.
    pub(super) fn user(&self) -> Result<Option<User>, Error> {
        let Some(name) = &self.inner.spec.user else {
            return Ok(None);
        };
        let no = |why: String| self.bad(format!("it can't run as user `{name}`: {why}"));
        let found = User::named(name).map_err(|error| no(error.to_string()))?;
        let user = found.ok_or_else(|| no("there is no such user".to_owned()))?;
        match sys::user() {
            own if own == user.uid => Ok(None),
            0 => Ok(Some(user)),
            _ => Err(no("only root may run programs as other users".to_owned())),
        }
    }

    /// Returns the owner and the mode of the private directory.
    pub(super) fn access(&self) -> Result<Access, Error> {
        let mode = directory_mode(self.inner.spec.dir_mode)
            .map_err(|error| self.bad(format!("`dir_mode`: {error}")))?;
        let user = self.user()?;
        Ok(Access { user, mode })
    }

    /// Opens the standard input. Also returns the write end for `Stdin::piped()`.
    fn standard_input(&self) -> Result<(OwnedFd, Option<File>), Error> {
        let opened = match &self.inner.spec.stdin.0 {
            Kind::Null => File::open("/dev/null").map(|null| (null.into(), None)),
            Kind::Text(text) => pipe::of_text(text).map(|text| (text, None)),
            Kind::Piped => pipe::to_write().map(|(read, write)| (read, Some(write))),
            Kind::File(path) => {
                let path = self
                    .working_directory()?
                    .join(self.fill_os(path.as_os_str())?);
                let opened = match self.user()? {
                    None => File::open(&path),
                    Some(user) => walk::file(&path, user).map_err(walk::explain),
                };
                let opened = opened.map(|file| (file.into(), None));
                opened.map_err(|error| {
                    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
                })
            }
        };
        opened.map_err(|error| self.bad(format!("its standard input can't be opened: {error}")))
    }

    pub(super) fn stop_plan(&self) -> Result<StopPlan, Error> {
        Ok(StopPlan {
            signal: self.inner.spec.stop_signal,
            only_leader: self.inner.spec.signal_only_leader,
            command: self
                .inner
                .spec
                .stop_command
                .as_ref()
                .map(|command| self.words_of(command))
                .transpose()?,
            grace: self.limit(&self.inner.spec.stop_timeout)?,
        })
    }

    pub(super) fn limit(&self, limit: &crate::limit::Limit) -> Result<std::time::Duration, Error> {
        limit
            .get()
            .map_err(|why| self.error(format!("{}: {why}", self.name())))
    }

    /// Returns the words of the command line, with placeholders filled in.
    pub(super) fn argv(&self) -> Result<Vec<OsString>, Error> {
        let words = self.inner.spec.argv().map_err(|why| self.bad(why))?;
        let fill = |(index, word): (usize, &OsString)| match word.to_str() {
            // The command line after `/bin/sh -c`.
            Some(line) if self.inner.spec.shell && index == 2 => {
                Ok(self.fill_for_shell(line)?.into())
            }
            _ => self.fill_os(word),
        };
        words.iter().enumerate().map(fill).collect()
    }

    /// Returns the test's environment with the declared changes.
    pub(super) fn environment(&self) -> Result<Vec<(OsString, OsString)>, Error> {
        let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        env.retain(|(name, _)| !OF_SERVICE_MANAGERS.iter().any(|other| name == other));
        for (name, value) in &self.inner.spec.env {
            self.check_name(name)?;
            env.retain(|(other, _)| other != name);
            if let Some(value) = value {
                env.push((name.clone(), self.fill_os(value)?));
            }
        }
        Ok(env)
    }

    /// Returns the words of a helper command, with placeholders filled in.
    pub(super) fn words_of(&self, command: &Command) -> Result<Vec<OsString>, Error> {
        let words = command.words().map_err(|why| self.bad(why))?;
        words.iter().map(|word| self.fill_os(word)).collect()
    }

    fn check_name(&self, name: &OsString) -> Result<(), Error> {
        let bytes = name.as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&b'=') || has_nul(name) {
            return Err(self.bad(format!(
                "{name:?} is not a valid name of an environment variable"
            )));
        }
        Ok(())
    }

    /// Returns the working directory as an absolute path, since the guard has a different working
    /// directory than the test.
    pub(super) fn working_directory(&self) -> Result<PathBuf, Error> {
        let here = std::env::current_dir()
            .map_err(|error| self.bad(format!("the test has no working directory: {error}")))?;
        Ok(match &self.inner.spec.current_dir {
            Some(dir) => here.join(self.fill_os(dir.as_os_str())?),
            None => here,
        })
    }

    /// Binds the socket that `listen_fd` passes to the program. Returns it with its name.
    fn socket(&self) -> Result<Option<(String, OwnedFd)>, Error> {
        if !self.inner.spec.listen_fd {
            return Ok(None);
        }
        let (host, port) = (self.host(), self.try_port("").map_err(|why| self.bad(why))?);
        let endpoint = self.endpoint();
        let bound = address(&host, port).and_then(|addr| {
            Ok(match endpoint.map(|endpoint| endpoint.protocol) {
                Some(Protocol::Udp) => UdpSocket::bind(addr)?.into(),
                _ => OwnedFd::from(TcpListener::bind(addr)?),
            })
        });
        match bound {
            Ok(socket) => Ok(Some((self.name().replace(':', "_"), socket))),
            Err(error) => {
                let is_held = error.kind() == io::ErrorKind::AddrInUse;
                let bad = self.bad(format!(
                    "its socket can't be bound to {host}:{port}: {error}"
                ));
                let hint = is_held.then(|| self.hint_at_held()).flatten();
                let bad = bad.port_in_use(is_held);
                Err(hint
                    .into_iter()
                    .fold(bad, |bad, hint| bad.fact("hint", hint)))
            }
        }
    }
}

fn address(host: &str, port: u16) -> io::Result<SocketAddr> {
    if probe::is_localhost(host) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut addrs = (host, port).to_socket_addrs()?;
    addrs.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn has_nul(text: &OsStr) -> bool {
    text.as_encoded_bytes().contains(&0)
}
