//! Acquires what a start needs: the directory with the log, ports, files, sockets. No other step of a
//! start takes a resource, except the turns on fixed ports.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use summon_syntax::template::{self, Part};

use super::nodes::Named;
use super::parts::Parts;
use super::report::invocation::Invocation;
use super::resolve::Resolved;
use crate::error::{Error, Source as _};
use crate::guard::{self, About, Program, StopPlan, Terms};
use crate::output;
use crate::probe;
use crate::session::Home;
use crate::stdin::Kind;
use crate::sys::fd::OwnedFd;
use crate::sys::listeners::Protocol;
use crate::sys::{self, pipe, walk};
use crate::trace;

/// The program, terms, and descriptors of one launch.
pub(super) struct Acquired {
    pub(super) program: Program,
    pub(super) terms: Terms,
    pub(super) invocation: Invocation,
    /// The write end of the standard input, for `Stdin::piped()`.
    pub(super) input: Option<File>,
}

impl Parts {
    /// Makes the directory and the log, and leases the ports.
    pub(super) fn acquire(&self) -> Result<Arc<Home>, Error> {
        // Hire the warden before creating files: it removes them however this process ends. Without
        // a warden, the launch fails with the reason.
        guard::prepare();
        let home = self.home()?;
        self.acquire_link()?;
        self.check_links_of_nodes()?;
        if self.declaration.spec.listen_fd || self.declaration.endpoints().next().is_some() {
            self.lease("")?;
        }
        for text in self.declaration.texts() {
            for part in template::parts(&text) {
                match part {
                    Part::Own("port") => self.lease("")?,
                    Part::Labelled("port", label) => self.lease(label)?,
                    Part::Own(word) if template::lists_ports(word) => self.lease_for_nodes("")?,
                    Part::Labelled(word, label) if template::lists_ports(word) => {
                        self.check_label(self, part)?;
                        self.lease_for_nodes(label)?;
                    }
                    Part::Other(name, word) => self.acquire_of(name, word, "", part)?,
                    Part::OtherLabelled(name, word, label) => {
                        self.acquire_of(name, word, label, part)?;
                    }
                    _ => {}
                }
            }
        }
        self.acquire_relays()?;
        Ok(home)
    }

    /// Makes another process acquire what a placeholder needs. A process without the port or directory
    /// in its own texts has none yet.
    fn acquire_of(&self, name: &str, word: &str, label: &str, part: Part<'_>) -> Result<(), Error> {
        let Some(Named::Process(other) | Named::Cluster(other)) = self.named(name) else {
            return Ok(());
        };
        // A node may ask before the other one has begun its start.
        if label.is_empty() && matches!(word, "port" | "host" | "url" | "link" | "link_port") {
            other.acquire_link()?;
        }
        match word {
            "port" => other.lease(label),
            "dir" => other.home().map(drop),
            word if template::lists_ports(word) => {
                self.check_label(&other, part)?;
                other.lease_for_nodes(label)
            }
            _ => Ok(()),
        }
    }

    /// Leases a port, unless it is fixed, or the banner reports it.
    pub(super) fn lease(&self, label: &str) -> Result<(), Error> {
        if let Ok(None) = self.declared_port(label) {
            let leased = self.resources.lease(label);
            leased.map_err(|error| self.declaration.bad(error.headline()))?;
        }
        Ok(())
    }

    /// Opens the files and sockets of one launch, without the relays.
    pub(super) fn open(&self, home: &Home, resolved: &Resolved) -> Result<Acquired, Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let mut env = resolved.env.clone();
        let mut probes = declaration.probes.iter();
        let is_told = probes.any(|it| it.facts().is_told_by_socket);
        let name = match declaration.has_image() {
            true => |dir: &Path, number| sys::notify_path(dir, number).display().to_string(),
            false => sys::notify_name,
        };
        let notify = is_told.then(|| name(home.session_dir(), sys::random()));
        if let (Some(name), false) = (&notify, declaration.has_image()) {
            env.retain(|(other, _)| other != "NOTIFY_SOCKET");
            env.push(("NOTIFY_SOCKET".into(), name.into()));
        }
        let no_file =
            |error: io::Error| declaration.bad(format!("its log can't be opened: {error}"));
        let mut sweep = home.sweep().map_err(no_file)?;
        let sockets = self.socket()?.into_iter().collect();
        let (stdin, input) = self.standard_input(resolved)?;
        let program = Program {
            name: self.name().to_owned(),
            argv: resolved.argv.clone(),
            env,
            dir: resolved.dir.clone(),
            user: resolved.user,
            attributes: spec.attributes.clone(),
            stdin,
            outlives_guard: false,
            sockets,
        };
        let is_private = self.resources.is_private(&program.dir);
        let mut invocation = Invocation::new(spec, &program, is_private);
        // The guard stops what nobody else has stopped, and then removes the files.
        let last = StopPlan {
            signal: self.last_signal(&resolved.stop),
            ..resolved.stop.clone()
        };
        let (mut program, mut stop, mut container) = (program, last, None);
        if let Some(contained) = self.new_container(home)? {
            let (commands, start) =
                self.container(&contained, resolved, home, notify.as_deref())?;
            invocation = self.shown_run(&contained, resolved)?;
            program = contained.client(program, start);
            // Also the last stop: the image says how its program ends.
            stop = contained.stop(&stop, resolved.stop.signal);
            container = Some(commands);
        }
        let log = home.open_log().map_err(no_file)?.into();
        let streams = match spec.split_output {
            true => Some(home.open_streams().map_err(no_file)?.map(OwnedFd::from)),
            false => None,
        };
        let leases = self.resources.claims().map_err(no_file)?;
        let sharing = self.resources.sharing().map_err(no_file)?;
        sweep.socket = sharing.as_ref().map(|sharing| sharing.path.clone());
        let terms = Terms {
            daemon: spec.daemon,
            stop,
            container,
            after_stop: resolved.after_stop.clone(),
            log,
            log_limit: resolved.log_limit,
            streams,
            notify,
            about: self.about(&invocation, home),
            sweep,
            sharing,
            leases,
            relays: Vec::new(),
        };
        Ok(Acquired {
            program,
            terms,
            invocation,
            input,
        })
    }

    /// Returns the facts that the guard reports if the test is killed.
    fn about(&self, invocation: &Invocation, home: &Home) -> About {
        let facts = self.declaration.error_as_launched("", invocation);
        let ready_at = home.log().ready_at();
        About {
            test: match self.life.fixture() {
                Some(_) => String::new(),
                None => trace::test_name(),
            },
            facts: facts.to_string(),
            // After a restart the log already holds output of this test, so the report begins at 0.
            since: match ready_at {
                None => output::length(home.log().file()),
                Some(_) => 0,
            },
            ready_at,
        }
    }

    /// Opens the standard input, unless it is empty. Also returns the write end for `Stdin::piped()`.
    fn standard_input(
        &self,
        resolved: &Resolved,
    ) -> Result<(Option<OwnedFd>, Option<File>), Error> {
        let opened = match (&self.declaration.spec.stdin.0, &resolved.stdin) {
            (Kind::Text(text), _) => pipe::of_text(text).map(|text| (Some(text), None)),
            (Kind::Piped, _) => pipe::to_write().map(|(read, write)| (Some(read), Some(write))),
            (Kind::File(_), Some(path)) => {
                let opened = match resolved.user {
                    None => File::open(path),
                    Some(user) => walk::file(path, user).map_err(walk::explain),
                };
                let opened = opened.map(|file| (Some(file.into()), None));
                opened.map_err(|error| {
                    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
                })
            }
            // The guard opens `/dev/null`.
            (Kind::Null | Kind::File(_), _) => Ok((None, None)),
        };
        opened.map_err(|error| {
            self.declaration
                .bad(format!("its standard input can't be opened: {error}"))
        })
    }

    /// Binds the socket that `listen_fd` passes to the program. Returns it with its name.
    fn socket(&self) -> Result<Option<(String, OwnedFd)>, Error> {
        let declaration = &self.declaration;
        if !declaration.spec.listen_fd {
            return Ok(None);
        }
        let port = self.port("").map_err(|why| declaration.bad(why))?;
        let (host, endpoint) = (self.host(), declaration.endpoint());
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
                let bad = declaration.bad(format!(
                    "its socket can't be bound to {host}:{port}: {error}"
                ));
                let hint = is_held.then(|| self.hint_at_held()).flatten();
                Err(bad.port_in_use(is_held).hints(hint))
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
