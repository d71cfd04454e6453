//! Turns on fixed ports. A process takes them before it starts, keeps them while it is restarted,
//! and gives them back when it and its descendants have ended.

use std::sync::Arc;

use super::{Process, lock};
use crate::error::Error;
use crate::port::{NoTurn, Turn};
use crate::probe::{self, Endpoint, Place};
use crate::sys::fd::AsFd;
use crate::sys::wait::Waker;
use crate::trace::Moment;

impl Process {
    /// Returns the fixed ports on this machine, lowest first. Does not include free ports that
    /// summon leases.
    pub(crate) fn fixed_ports(&self) -> Vec<u16> {
        let is_here = |endpoint: &Endpoint| {
            let host = self.fill(&endpoint.host);
            host.is_ok_and(|host| probe::is_this_machine(&host))
        };
        let endpoints = self.fixed().filter(is_here);
        let mut ports: Vec<u16> = endpoints.map(|endpoint| endpoint.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    fn fixed(&self) -> impl Iterator<Item = Endpoint> {
        self.endpoints().filter(|endpoint| endpoint.port != 0)
    }

    /// Waits for the turns on the fixed ports.
    pub(super) fn take_turns(&self) -> Result<(), Error> {
        let mut ports = self.fixed_ports().into_iter();
        ports.try_for_each(|port| self.take_turn(port))
    }

    /// Waits for the turn on a fixed port. Returns at once if the process already holds it.
    pub(crate) fn take_turn(&self, port: u16) -> Result<(), Error> {
        self.check_system()?;
        let has = |turn: &Turn| turn.port() == port;
        if lock(&self.inner.life).turns.iter().any(has) {
            return Ok(());
        }
        self.tell(Moment::Turn(port));
        let limit = self.limit(&self.inner.spec.turn_timeout)?;
        let cancel = Waker::new().map_err(|error| self.no_turn(port, NoTurn::Failed(error)))?;
        let cancel = Arc::new(cancel);
        {
            let mut life = lock(&self.inner.life);
            if life.cancelled || self.is_called_off() {
                return Err(self.no_turn(port, NoTurn::GivenUp));
            }
            life.cancel = Some(Arc::clone(&cancel));
        }
        let for_good = lock(&self.inner.fixture).is_some();
        let turn = Turn::take(port, self.name(), for_good, limit, Some(cancel.as_fd()))
            .map_err(|why| self.no_turn(port, why))?;
        lock(&self.inner.life).turns.push(turn);
        Ok(())
    }

    /// Gives the turns back, unless the process runs, is being started, or reuses a server.
    pub(crate) fn give_turns_back(&self) {
        let mut life = lock(&self.inner.life);
        if life.run.is_none() && life.reused.is_none() && !life.starting {
            life.turns.clear();
        }
    }

    fn no_turn(&self, port: u16, why: NoTurn) -> Error {
        let name = self.name();
        let did_not_come =
            format!("{name} could not be started: it did not get its turn on port {port}");
        match why {
            NoTurn::GivenUp => self.error(format!("{name} was stopped before it became ready")),
            NoTurn::Failed(error) => self.bad(format!("port {port} can't be leased: {error}")),
            NoTurn::Fixture(other) => self.error(format!(
                "{name} could not be started: the fixture {other} holds port {port} to the end, \
                 so it would never get its turn"
            )),
            NoTurn::Own(other) => self.error(format!(
                "{name} could not be started: {other} holds port {port}, and was started by this thread, \
                 which would wait forever"
            )),
            NoTurn::Late { holder, hint } => self
                .error(did_not_come)
                .timeout()
                .fact("port", format!("{port} is held by {holder}"))
                .fact("hint", hint),
        }
    }

    /// Looks for a server on the fixed ports. With `reuse`, returns its address, else an error.
    /// Returns `None` if no process serves the ports.
    pub(super) fn look_who_serves(&self) -> Result<Option<std::net::SocketAddr>, Error> {
        let reuse = self.inner.spec.reuse;
        let mut some = false;
        for endpoint in self.fixed() {
            some = true;
            let (port, host) = (endpoint.port, self.fill(&endpoint.host)?);
            let protocol = endpoint.protocol;
            match probe::somebody_serves(&host, Place { protocol, port }) {
                Some((addr, _)) if reuse => return Ok(Some(addr)),
                Some((_, who)) => {
                    return Err(self
                        .bad(format!("port {port} is in use"))
                        .fact("port", format!("{host}:{port} is served by {who}"))
                        .already_running());
                }
                None => {}
            }
        }
        match reuse && !some {
            true => Err(self.bad("`reuse` needs a fixed port, and it has none")),
            false => Ok(None),
        }
    }
}
