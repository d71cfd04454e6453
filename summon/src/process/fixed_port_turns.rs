//! The turns of a process on its fixed ports.

use super::Process;
use super::life::Busy;
use super::parts::Parts;
use crate::error::Error;
use crate::port::{NoTurn, Turn};
use crate::probe::{self, Endpoint};
use crate::sys::fd::{AsFd, BorrowedFd};
use crate::trace::Moment;

impl Parts {
    /// Returns the fixed ports on this machine, lowest first. Does not include free ports that
    /// summon leases.
    pub(super) fn fixed_ports(&self) -> Vec<u16> {
        let is_here = |endpoint: &Endpoint| {
            let host = self.fill(&endpoint.host);
            host.is_ok_and(|host| probe::is_this_machine(&host))
        };
        let endpoints = self.declaration.fixed().filter(is_here);
        let mut ports: Vec<u16> = endpoints.map(|endpoint| endpoint.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Waits for the turn on a fixed port. Returns at once if the process already holds it.
    /// Gives up when `given_up` is readable.
    pub(super) fn take_turn(&self, port: u16, given_up: BorrowedFd<'_>) -> Result<(), Error> {
        if self.resources.has_turn(port) {
            return Ok(());
        }
        self.tell(Moment::Turn(port));
        let limit = self
            .declaration
            .limit(&self.declaration.spec.turn_timeout)?;
        let for_good = self.life.fixture().is_some();
        let turn = Turn::take(port, self.name(), for_good, limit, Some(given_up))
            .map_err(|why| self.no_turn(port, why))?;
        self.resources.add_turn(turn);
        Ok(())
    }

    /// Gives the turns back, unless the process runs, is being started, or reuses a server.
    pub(super) fn give_turns_back(&self) {
        // Under the lock of the life: a start could otherwise begin in between, and count on turns
        // that are then given back.
        self.life.if_stopped(|| self.resources.give_turns_back());
    }

    fn no_turn(&self, port: u16, why: NoTurn) -> Error {
        let (declaration, name) = (&self.declaration, self.name());
        let not_started =
            |why: String| declaration.error(format!("{name} could not be started: {why}"));
        match why {
            NoTurn::GivenUp => self.cancelled(),
            NoTurn::Failed(error) => {
                declaration.bad(format!("port {port} can't be leased: {error}"))
            }
            NoTurn::Fixture(other) => not_started(format!(
                "the fixture {other} holds port {port} to the end, so it would never get its turn"
            )),
            NoTurn::Own(other) => not_started(format!(
                "{other} holds port {port}, and was started by this thread, which would wait forever"
            )),
            NoTurn::Late { holder, hint } => {
                not_started(format!("it did not get its turn on port {port}"))
                    .timeout()
                    .fact("port", format!("{port} is held by {holder}"))
                    .fact("hint", hint)
            }
        }
    }
}

impl Process {
    /// Waits for the turn on a fixed port before the start, as the processes of a set do. Returns at
    /// once if the process already holds it.
    pub(crate) fn take_turn(&self, port: u16) -> Result<(), Error> {
        let parts = &self.parts;
        parts.check_system()?;
        if parts.resources.has_turn(port) {
            return Ok(());
        }
        let waker = parts.life.wait_early(|| parts.is_called_off());
        let waker = waker.map_err(|busy| match busy {
            Busy::Failed(error) => parts.no_turn(port, NoTurn::Failed(error)),
            _ => parts.cancelled(),
        })?;
        parts.take_turn(port, waker.as_fd())
    }
}
