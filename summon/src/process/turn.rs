//! The turn of a process on its fixed port: taken before it starts, kept while it is restarted,
//! and given back when nothing of it is left.

use super::{Process, lock};
use crate::error::Error;
use crate::port::{NoTurn, Turn};
use crate::probe::{self, Endpoint, Place};

impl Process {
    /// The port of this machine that the process was given, if it does not take whichever is free.
    pub(crate) fn fixed_port(&self) -> Option<u16> {
        let endpoint = self.fixed()?;
        let host = self.fill_host(&endpoint).ok()?;
        probe::is_this_machine(&host).then_some(endpoint.port)
    }

    fn fixed(&self) -> Option<Endpoint> {
        self.endpoint().filter(|endpoint| endpoint.port != 0)
    }

    /// Waits for the turn on the fixed port, unless the process has it.
    pub(crate) fn take_turn(&self) -> Result<(), Error> {
        let Some(port) = self.fixed_port() else {
            return Ok(());
        };
        if lock(&self.inner.life).turn.is_some() {
            return Ok(());
        }
        let limit = self.limit(&self.inner.spec.turn_timeout)?;
        let given_up = || lock(&self.inner.life).cancelled;
        let for_good = lock(&self.inner.fixture).is_some();
        let turn = Turn::take(port, self.name(), for_good, limit, given_up)
            .map_err(|why| self.no_turn(port, why, limit))?;
        lock(&self.inner.life).turn = Some(turn);
        Ok(())
    }

    /// Gives the turn back, unless something of the process may need it still.
    pub(crate) fn give_turn_back(&self) {
        let mut life = lock(&self.inner.life);
        if life.run.is_none() && life.reused.is_none() && !life.starting {
            life.turn = None;
        }
    }

    fn no_turn(&self, port: u16, why: NoTurn, limit: std::time::Duration) -> Error {
        let name = self.name();
        let did_not_come =
            format!("{name} could not be started: its turn on port {port} did not come");
        match why {
            NoTurn::GivenUp => self.error(format!("{name} was stopped before it was ready")),
            NoTurn::Failed(error) => self.bad(format!("port {port} can't be leased: {error}")),
            NoTurn::Fixture(other) => self.error(format!(
                "{name} could not be started: {other}, a fixture, has port {port} to the end, \
                 so its turn would never come"
            )),
            NoTurn::Own(other) => self.error(format!(
                "{name} could not be started: {other} has port {port}, and was started by this very thread, \
                 which would wait for itself"
            )),
            NoTurn::Late { holder, holding } => {
                let error = self.error(did_not_come).timeout();
                let error = error.fact("port", format!("{port} is held by {holder}"));
                if holding {
                    error.fact(
                        "hint",
                        "this thread has another fixed port meanwhile, so the two may wait for each other;\n\
                         in one set (stacked attributes, or `orchestrated`) ports are taken in order",
                    )
                } else {
                    error.fact("hint", format!("it waited for {limit:?}; `turn_timeout` sets that"))
                }
            }
        }
    }

    /// What to do about somebody who serves the fixed port already: nothing, if there is nobody.
    pub(super) fn look_who_serves(&self) -> Result<Option<std::net::SocketAddr>, Error> {
        let Some(endpoint) = self.fixed() else {
            return match self.inner.spec.reuse {
                true => Err(self.bad("`reuse` is for a fixed port, and it has none")),
                false => Ok(None),
            };
        };
        let (port, host) = (endpoint.port, self.fill_host(&endpoint)?);
        let place = Place {
            protocol: endpoint.protocol,
            port,
        };
        match probe::somebody_serves(&host, place) {
            Some((addr, _)) if self.inner.spec.reuse => Ok(Some(addr)),
            Some((_, who)) => Err(self
                .bad(format!("port {port} is taken"))
                .fact("port", format!("{host}:{port} is served by {who}"))
                .already_running()),
            None => Ok(None),
        }
    }
}
