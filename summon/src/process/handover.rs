//! Hands a fixture's process over to other test processes: what its starter tells them, and how
//! they adopt the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::as_run::AsRun;
use super::life::Run;
use super::report::with_output;
use super::{Process, lock};
use crate::error::{Error, Source as _};
use crate::guard::{Details, Guarded, Sharing};
use crate::session::{Home, Session};
use crate::sys::signal::how_it_ended;

/// The time-out of the guard's answer, which usually takes less than a millisecond.
const ANSWER: Duration = Duration::from_secs(10);

impl Process {
    /// Makes the next start a shared start, with its files in the session of the run.
    pub(crate) fn share_in(&self, session: Arc<Session>, sharing: Sharing) {
        *lock(&self.inner.session) = Some(session);
        *lock(&self.inner.sharing) = Some(sharing);
    }

    /// Drops the sharing of a start that has not used it.
    pub(crate) fn unshare(&self) {
        *lock(&self.inner.sharing) = None;
    }

    /// Shares the process with other test processes, until the run ends. Returns whether its guard
    /// answers them.
    pub(crate) fn share(&self) -> Result<bool, Error> {
        if lock(&self.inner.life).reused.is_some() {
            // A reused server has no guard. Each test process finds the server itself.
            return Ok(false);
        }
        let run = lock(&self.inner.life).run.clone();
        let lost = |why: &str| self.bad(format!("it can't be shared: {why}"));
        let run = run.ok_or_else(|| lost("nothing was started"))?;
        let asked = run.guarded.share(self.details(&run));
        asked.map_err(|error| lost(&error.to_string()))?;
        // The process outlives this test process only after the guard has confirmed the order.
        let known = run
            .guarded
            .wait_until(Instant::now() + ANSWER, &[], |state| {
                state.shared.is_some() || state.gone
            });
        match known {
            Ok(Some(state)) if state.shared.is_some() => Ok(true),
            Ok(_) => Err(with_output(lost("its guard does not answer"), &run)),
            Err(error) => Err(lost(&error.to_string())),
        }
    }

    /// Returns the facts that other test processes need.
    fn details(&self, run: &Run) -> Details {
        let leases = lock(&self.inner.leases);
        let ports = leases.iter().map(|(label, it)| (label.clone(), it.port));
        Details {
            dir: run.home.dir().to_owned(),
            log: run.home.log().path().to_owned(),
            since: run.since,
            addr: run.addr.get().copied(),
            command: run.as_run.command.clone(),
            directory: run.as_run.directory.clone(),
            environment: run.as_run.environment.clone(),
            ports: ports.collect(),
            values: lock(&run.values).clone().into_iter().collect(),
        }
    }

    fn is_ready_at_exec(&self) -> bool {
        self.inner
            .probes
            .iter()
            .all(|it| it.facts().is_ready_at_exec)
    }

    /// Takes over a process that another test process has started.
    pub(crate) fn adopt(
        &self,
        guarded: Guarded,
        details: &Details,
        session: Arc<Session>,
    ) -> Result<(), Error> {
        let Details {
            dir,
            log,
            since,
            addr,
            command,
            directory,
            environment,
            ports,
            values,
        } = details.clone();
        let as_run = AsRun {
            command,
            directory,
            environment,
        };
        let home = Home::of_others(dir, log, self.inner.spec.split_output, session)
            .map_err(|error| self.bad(format!("its log can't be read: {error}")))?;
        let home = Arc::new(home);
        let exit = guarded.state().exit;
        let run = Run::new(guarded, as_run, Arc::clone(&home), since);
        *lock(&run.values) = values.into_iter().collect();
        if let Some(status) = exit.filter(|_| !self.is_ready_at_exec()) {
            let ended = how_it_ended(status);
            let why = format!("{} {ended} after another test had started it", self.name());
            let mut error = self.error(why).exit(exit);
            if let Some(hint) = self.forked_away(&run) {
                error = error.fact("hint", hint);
            }
            return Err(with_output(error, &run));
        }
        if let Some(addr) = addr {
            let _ = run.addr.set(addr);
        }
        let _ = self.inner.told_ports.set(ports.into_iter().collect());
        for port in self.fixed_ports() {
            crate::port::note_fixture(port, self.name());
        }
        *lock(&self.inner.home) = Some(home);
        lock(&self.inner.life).run = Some(Arc::new(run));
        Ok(())
    }
}
