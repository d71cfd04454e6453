//! The container of a service: the guard lets the engine create it, and removes it.
//!
//! An engine cleans up after a container only if its client lives, so the guard kills no client that
//! answers. It removes the container while the client of the service runs, and repeats that until the
//! engine lists none.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use super::Guard;
use super::captured::Captured;
use super::command::Owner;
use super::recorder::Recorder;
use crate::guard::program::Program;
use crate::guard::protocol::message::News;
use crate::guard::spawn::spawn;
use crate::guard::state::Ran;
use crate::guard::terms::{Container, Removal};
use crate::sys::containers::{disposition, main_process, runs_its_program};
use crate::sys::family::ChildEnds;
use crate::sys::signal::Disposition;
use crate::sys::wait;

const COMMAND_LIMIT: Duration = Container::COMMAND_LIMIT;
/// How long to look at a container that has ended. The report can do without.
const INSPECT_LIMIT: Duration = Duration::from_secs(5);
/// How long to repeat the removal.
const REMOVAL_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for the end of all relays, which may be halted.
const RELAY_LIMIT: Duration = Duration::from_secs(2);
/// The first pause before the removal is repeated. It doubles up to a second. No engine tells a client when
/// a removal is worth another attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// What a guard needs to run a command of the engine.
pub(super) struct Engine<'a> {
    pub(super) program: &'a Program,
    pub(super) child_ended: &'a ChildEnds,
    /// Records the output of the service, if there is one.
    pub(super) recorder: Option<&'a mut Recorder>,
}

impl Engine<'_> {
    /// Runs the commands before the service. Returns the index of one that has failed. It ends early if
    /// the owner does.
    pub(super) fn run_before(
        &mut self,
        container: &Container,
        owner: &Owner<'_>,
    ) -> Result<(), (usize, Ran)> {
        for (index, argv) in container.before.iter().enumerate() {
            let until = Instant::now() + container.before_limit;
            let ran = self.try_run(argv, None, until, owner);
            let ran = ran.unwrap_or_else(|error| not_run(&error));
            if ran.status == Some(0) {
                continue;
            }
            // The client has not removed its container if it was killed.
            if ran.status.is_none() || self.lists(&container.removal) == Ok(true) {
                let _ = self.remove(&container.removal, false);
            }
            return Err((index, ran));
        }
        Ok(())
    }

    /// Creates the container with its files. If that fails, no container is left, as far as the
    /// engine answers.
    pub(super) fn create(&mut self, container: &Container) -> Result<Ran, Ran> {
        let created = self.run(&container.create, None, COMMAND_LIMIT);
        let mut failed = (created.status != Some(0)).then(|| created.clone());
        if let (None, Some((argv, archive))) = (&failed, &container.copy) {
            let copied = match archive.try_clone() {
                Ok(archive) => self.run(argv, Some(archive), COMMAND_LIMIT),
                Err(error) => not_run(&error),
            };
            failed = (copied.status != Some(0)).then_some(copied);
        }
        let Some(failed) = failed else {
            let id = container.id_file.as_deref().and_then(taken);
            return Ok(match id {
                Some(output) => Ran { output, ..created },
                None if created.container_id().is_none() => {
                    self.run(&container.removal.list, None, COMMAND_LIMIT)
                }
                None => created,
            });
        };
        // An engine that has refused the container and lists none, or that has ended, needs no more
        // commands. After a time-out the container may still come.
        let was_refused = created.status.is_some_and(|status| status != 0);
        if !was_refused || self.lists(&container.removal) == Ok(true) {
            let _ = self.remove(&container.removal, false);
        }
        Err(failed)
    }

    /// Removes the container. The error is why it is still there. `has_ended`: the client of the service has
    /// ended, so no command of the engine makes anything of the container any more.
    pub(super) fn remove(&mut self, removal: &Removal, has_ended: bool) -> Result<(), Ran> {
        let until = Instant::now() + REMOVAL_LIMIT;
        let mut pause = FIRST_PAUSE;
        loop {
            let removed = self.run(&removal.remove, None, COMMAND_LIMIT);
            if has_ended && removed.status == Some(0) {
                return Ok(());
            }
            let listed = self.lists(removal);
            if listed == Ok(false) {
                return Ok(());
            }
            if Instant::now() + pause >= until {
                // A removal that fails says more than the list.
                return Err(match (removed.status, listed) {
                    (Some(0), Err(listed)) => listed,
                    _ => removed,
                });
            }
            self.rest(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Returns whether the engine knows the container.
    fn lists(&mut self, removal: &Removal) -> Result<bool, Ran> {
        let listed = self.run(&removal.list, None, COMMAND_LIMIT);
        match listed.status {
            Some(0) => Ok(!listed.output.trim_ascii().is_empty()),
            _ => Err(listed),
        }
    }

    /// Keeps recording while it waits: a service with a full pipe could not end.
    pub(super) fn rest(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            let pipes: Vec<BorrowedFd<'_>> = self.pipes().collect();
            if wait::sleep(&pipes, Some(until)).is_err() {
                return;
            }
            self.pump();
        }
    }

    fn pipes(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let recorder = self.recorder.iter();
        recorder.flat_map(|recorder| recorder.pipes().map(AsFd::as_fd))
    }

    fn pump(&mut self) {
        self.recorder
            .iter_mut()
            .for_each(|recorder| recorder.pump());
    }

    /// Runs a command of the engine to its end, or to the limit. Other children stay as they are: the
    /// engine may have left helpers of the container to this guard.
    fn run(&mut self, argv: &[OsString], stdin: Option<OwnedFd>, limit: Duration) -> Ran {
        self.try_run(argv, stdin, Instant::now() + limit, &Owner::default())
            .unwrap_or_else(|error| not_run(&error))
    }

    fn try_run(
        &mut self,
        argv: &[OsString],
        stdin: Option<OwnedFd>,
        until: Instant,
        owner: &Owner<'_>,
    ) -> io::Result<Ran> {
        let (mut output, write) = Captured::new()?;
        let program = Program {
            stdin,
            ..self.program.helper(argv)
        };
        let pid = spawn(&program, [&write; 2]).map_err(|(_, error)| error)?;
        drop((write, program));
        self.child_ended.started(pid);
        let child = Pid::from_raw(pid as i32).ok_or(io::ErrorKind::InvalidInput)?;
        let mut status = None;
        while status.is_none() && !owner.is_gone() && Instant::now() < until {
            let mut fds: Vec<BorrowedFd<'_>> = vec![self.child_ended.as_fd()];
            fds.extend(owner.fds());
            fds.extend(output.fd());
            fds.extend(self.pipes());
            wait::sleep(&fds, Some(until))?;
            // The note before the look, so that an end after the look writes a new one. The caller
            // looks at all other children afterwards.
            self.child_ended.note();
            self.pump();
            output.pump();
            let ended = rustix::process::waitpid(Some(child), WaitOptions::NOHANG)?;
            status = ended.map(|(_, status)| status.as_raw());
        }
        if status.is_none() {
            let _ = rustix::process::kill_process(child, Signal::KILL);
            rustix::process::waitpid(Some(child), WaitOptions::empty())?;
        }
        output.pump();
        Ok(Ran {
            status,
            output: output.tail,
            ..Ran::default()
        })
    }
}

/// Reads a file, and removes it.
fn taken(path: &Path) -> Option<Vec<u8>> {
    let read = fs::read(path).ok()?;
    let _ = fs::remove_file(path);
    Some(read)
}

fn not_run(error: &io::Error) -> Ran {
    Ran {
        status: Some(127 << 8),
        output: error.to_string().into_bytes(),
        ..Ran::default()
    }
}

impl Guard {
    fn engine(&mut self) -> Engine<'_> {
        Engine {
            program: &self.program,
            child_ended: &self.child_ended,
            recorder: Some(&mut self.recorder),
        }
    }

    /// Returns whether the service is in a container whose main process never notices the stop signal. Then
    /// the grace would only take time.
    pub(super) fn is_deaf(&self) -> bool {
        let Some(main) = self.told.id().and_then(|id| main_process(&id, &[])) else {
            return false;
        };
        let signal = self.service.plan().signal.number();
        // The runtime passes no signal on to the program that it is about to become.
        !runs_its_program(main) || disposition(main, signal) == Disposition::Default
    }

    /// Notes the state of a container when its program has ended. The removal loses that state.
    pub(super) fn inspect_container(&mut self) {
        let Some(container) = self.terms.container.take() else {
            return;
        };
        let inspected = self.engine().run(&container.inspect, None, INSPECT_LIMIT);
        self.terms.container = Some(container);
        self.told.inspected = Some(inspected);
        self.tell(&News::Told(self.told.clone()));
    }

    /// Removes the container of a service that is to end.
    pub(super) fn remove_container(&mut self) {
        let Some(container) = self.terms.container.take() else {
            return;
        };
        let has_ended = self.service.exit.is_some();
        let removed = self.engine().remove(&container.removal, has_ended);
        if let Err(ran) = removed {
            let remove = container.removal.remove.join(" ".as_ref());
            let said = String::from_utf8_lossy(&ran.output);
            let line = format!(
                "[summon: the container is still there; remove it with `{}`: {}]\n",
                remove.to_string_lossy(),
                said.trim()
            );
            self.recorder.log.keep(line.as_bytes());
            self.told.left = Some(ran);
            self.tell(&News::Told(self.told.clone()));
        }
        self.terms.container = Some(container);
        self.end_relays();
        self.service.container_is_gone();
    }

    /// Ends the relays of the container. Their ports are free after this, for a restart.
    fn end_relays(&mut self) {
        let relays = std::mem::take(&mut self.terms.relays);
        for relay in &relays {
            // A relay sees the end even if a forked child of the test holds a copy of the socket.
            let _ = rustix::net::shutdown(relay, rustix::net::Shutdown::Write);
        }
        let until = Instant::now() + RELAY_LIMIT;
        for relay in &relays {
            // A relay closes its socket last.
            let _ = wait::sleep(&[relay.as_fd()], Some(until));
        }
    }
}
