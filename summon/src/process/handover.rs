//! Hands a fixture's process over to other test processes: what its starter tells them, and how
//! they adopt the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Process;
use super::launched::Launched;
use super::report::invocation::Invocation;
use crate::error::{Error, Source as _};
use crate::guard::{Details, Guarded, Sharing};
use crate::session::{Home, Session};
use crate::sys::signal::how_it_ended;

/// The time-out of the guard's answer, which usually takes less than a millisecond.
const ANSWER: Duration = Duration::from_secs(10);

impl Process {
    /// Makes the launches from now on shared ones, with their files in the session of the run.
    pub(crate) fn share_in(&self, session: Arc<Session>, sharing: Sharing) -> Result<(), Error> {
        if self.parts.resources.share_in(session, sharing) {
            return Ok(());
        }
        let name = self.parts.life.fixture().map_or(self.name(), |it| it.name);
        let why = format!(
            "{name} could not be started: its directory was made before its start, so it would end \
             with this test process, and the fixture would not"
        );
        let hint =
            "use `with_file` instead, or call `dir` in the `start` of the executor or in the setup";
        Err(self.parts.declaration.error(why).fact("hint", hint))
    }

    /// Makes the launches from now on private ones.
    pub(crate) fn unshare(&self) {
        self.parts.resources.unshare();
    }

    /// Shares the process with other test processes, until the run ends. Returns whether its guard
    /// answers them.
    pub(crate) fn share(&self) -> Result<bool, Error> {
        if self.parts.life.is_reused() {
            // A reused server has no guard. Each test process finds the server itself.
            return Ok(false);
        }
        let launched = self.parts.life.launched();
        let declaration = &self.parts.declaration;
        let lost = |why: &str| declaration.bad(format!("it can't be shared: {why}"));
        let launched = launched.ok_or_else(|| lost("nothing was started"))?;
        let asked = launched.guarded.share(self.details(&launched));
        asked.map_err(|error| lost(&error.to_string()))?;
        // The process outlives this test process only after the guard has confirmed the order.
        let known = launched
            .guarded
            .wait_until(Instant::now() + ANSWER, &[], |state| {
                state.shared.is_some() || state.gone
            });
        match known {
            Ok(Some(state)) if state.shared.is_some() => Ok(true),
            Ok(_) => Err(launched.with_output(lost("its guard does not answer"))),
            Err(error) => Err(lost(&error.to_string())),
        }
    }

    /// Returns the facts that other test processes need.
    fn details(&self, launched: &Launched) -> Details {
        let Invocation {
            command,
            directory,
            environment,
        } = launched.invocation.clone();
        Details {
            dir: launched.home.dir().to_owned(),
            log: launched.home.log().path().to_owned(),
            since: launched.since,
            addr: launched.addr.get().copied(),
            command,
            directory,
            environment,
            ports: self.parts.resources.ports(),
            values: launched.values().iter().cloned().collect(),
        }
    }

    /// Takes over a process that another test process has started.
    pub(crate) fn adopt(
        &self,
        guarded: Guarded,
        details: &Details,
        session: Arc<Session>,
    ) -> Result<(), Error> {
        let (parts, declaration) = (&self.parts, &self.parts.declaration);
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
        let invocation = Invocation {
            command,
            directory,
            environment,
        };
        let is_split = declaration.spec.split_output;
        let home = Home::of_others(dir, log, is_split, session)
            .map_err(|error| declaration.bad(format!("its log can't be read: {error}")))?;
        let home = Arc::new(home);
        let exit = guarded.state().exit;
        let stop = parts.stop_by_signal();
        let last = parts.last_signal(&stop);
        let launched = Launched::new(guarded, invocation, Arc::clone(&home), since, stop, last);
        *launched.values() = values.into_iter().collect();
        if let Some(status) = exit.filter(|_| !declaration.is_job()) {
            let ended = how_it_ended(status);
            let why = format!("{} {ended} after another test had started it", self.name());
            let error = declaration.error(why).exit(exit);
            let error = error.hints(parts.forked_away(&launched));
            return Err(launched.with_output(error));
        }
        if let Some(addr) = addr {
            let _ = launched.addr.set(addr);
        }
        for port in parts.fixed_ports() {
            crate::port::note_fixture(port, self.name());
        }
        parts.resources.adopt(ports, home);
        parts.life.adopt(launched);
        Ok(())
    }
}
