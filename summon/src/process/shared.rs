//! Processes that are fixtures: limits on their methods, and sharing with other test processes.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::as_run::AsRun;
use super::life::Run;
use super::report::with_output;
use super::{Process, lock};
use crate::error::{Error, Source as _};
use crate::guard::{Guarded, Sharing};
use crate::probe::Probe;
use crate::session::{Home, Session};
use crate::sys;
use crate::sys::at_path::from_bytes;
use crate::sys::signal::how_it_ended;
use crate::trace::test_name;

/// The time-out of the guard's answer, which usually takes less than a millisecond.
const ANSWER: Duration = Duration::from_secs(10);

/// The fixture state of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixture {
    name: &'static str,
    /// Whether the first use has started the fixture and run its setup.
    begun: bool,
    /// The thread that stops the fixture for good. Set when that stop begins.
    ender: Option<u64>,
}

impl Process {
    /// Makes the process a fixture of this name, which tests may not stop.
    pub(crate) fn become_fixture(&self, name: &'static str) {
        self.suggest_name(name);
        *lock(&self.inner.fixture) = Some(Fixture {
            name,
            begun: false,
            ender: None,
        });
    }

    /// Notes that the first use has started the fixture.
    pub(crate) fn begin_as_fixture(&self) {
        if let Some(fixture) = &mut *lock(&self.inner.fixture) {
            fixture.begun = true;
        }
    }

    /// Allows this thread, and no other, to stop the fixture for good.
    pub(crate) fn end_as_fixture(&self) {
        if let Some(fixture) = &mut *lock(&self.inner.fixture) {
            fixture.ender = Some(sys::this_thread());
        }
    }

    /// Notes that a test begins to use the fixture, at the log offset `since`. Returns the number
    /// for `end_use`.
    pub(crate) fn begin_use(&self, since: u64) -> Option<u64> {
        let run = lock(&self.inner.life).run.clone()?;
        Some(run.guarded.begin_use(test_name(), since))
    }

    pub(crate) fn end_use(&self, number: u64) {
        if let Some(run) = &lock(&self.inner.life).run {
            run.guarded.end_use(number);
        }
    }

    /// Removes the files of a fixture. No destructor does this, since statics are never dropped.
    pub(crate) fn clear(&self) {
        lock(&self.inner.life).run = None;
        *lock(&self.inner.home) = None;
    }

    /// Returns an error if the operation would affect other tests, or the parent of a forked child.
    pub(super) fn check_own(&self, verb: &str) -> Result<(), Error> {
        let is_ours = |run: &Arc<Run>| run.guarded.is_ours();
        if !lock(&self.inner.life).run.as_ref().is_none_or(is_ours) {
            return Err(self.error(format!(
                "{} can't be {verb} by a forked child of the process that started it",
                self.name()
            )));
        }
        match &*lock(&self.inner.fixture) {
            None => Ok(()),
            Some(fixture) if fixture.ender == Some(sys::this_thread()) => Ok(()),
            Some(fixture) => Err(self.error(format!(
                "{} is a fixture that other tests use, so it can't be {verb}; \
                 declare a process for this test with `#[summon(..)]`",
                fixture.name
            ))),
        }
    }

    /// Returns an error if the first use has started the fixture, or a thread has stopped it for
    /// good. While a process exits, other threads still run, and could start the fixture again
    /// after its stop.
    pub(super) fn check_not_begun(&self) -> Result<(), Error> {
        match &*lock(&self.inner.fixture) {
            Some(fixture) if fixture.begun || fixture.ender.is_some() => Err(self
                .error(format!(
                    "{} is a fixture, which is started once, by its first use",
                    fixture.name
                ))
                .already_running()),
            _ => Ok(()),
        }
    }

    /// Returns an error with the output of the process, for a failed setup.
    pub(crate) fn explain(&self, why: String, panic: Option<Box<dyn Any + Send>>) -> Error {
        let failed = Instant::now();
        let run = lock(&self.inner.life).run.clone();
        let error = match &run {
            Some(run) => self.error_as_run(why, &run.as_run),
            None => self.error(why),
        };
        let error = match panic {
            Some(panic) => error.panicked(&*panic),
            None => error,
        };
        let Some(run) = run else { return error };
        let error = match run.guarded.post_mortem(failed).exit {
            Some(status) => error.fact("ended", format!("it {}", how_it_ended(status))),
            None => error,
        };
        with_output(error, &run)
    }

    /// Returns all options, which distinguish this process from other processes of its name.
    pub(crate) fn options(&self) -> String {
        let of_probe = |it: &Arc<dyn Probe>| {
            let facts = it.facts();
            format!("{:?} {:?}", facts.texts, facts.endpoint)
        };
        let probes: Vec<String> = self.inner.probes.iter().map(of_probe).collect();
        format!("{} {probes:?}", self.inner.spec.options())
    }

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
        let told = run.guarded.share(&self.told(&run));
        told.map_err(|error| lost(&error.to_string()))?;
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

    /// Encodes the facts that other test processes need. The fields are separated by NUL, which no
    /// path contains: directory, log, offset of this run in the log, address (empty if unknown),
    /// the fields of [`AsRun`], the number of ports, label and number of each port, and name and
    /// value of each value.
    fn told(&self, run: &Run) -> Vec<u8> {
        let addr = run
            .addr
            .get()
            .map(SocketAddr::to_string)
            .unwrap_or_default();
        let mut fields: Vec<OsString> = vec![
            run.home.dir().as_os_str().to_owned(),
            run.home.log().path().as_os_str().to_owned(),
            run.since.to_string().into(),
            addr.into(),
        ];
        fields.extend(run.as_run.fields().map(OsString::from));
        let leases = lock(&self.inner.leases);
        fields.push(leases.len().to_string().into());
        for (label, lease) in &*leases {
            fields.push(label.into());
            fields.push(lease.port.to_string().into());
        }
        for (name, value) in &*lock(&run.values) {
            fields.push(name.into());
            // NUL separates the fields. No useful value contains it.
            fields.push(value.replace('\0', "").into());
        }
        let bytes: Vec<&[u8]> = fields
            .iter()
            .map(|field| field.as_encoded_bytes())
            .collect();
        bytes.join(&0)
    }

    fn is_ready_at_exec(&self) -> bool {
        self.inner
            .probes
            .iter()
            .all(|it| it.facts().is_ready_at_exec)
    }

    /// Takes over a process that another test process has started. `told` is the result of `told`
    /// there.
    pub(crate) fn adopt(
        &self,
        guarded: Guarded,
        told: &[u8],
        session: Arc<Session>,
    ) -> Result<(), Error> {
        let garbled = || self.bad("the data from the test process that started it is invalid");
        let mut fields = told.split(|byte| *byte == 0);
        let mut next = || fields.next().ok_or_else(garbled);
        let (dir, log) = (from_bytes(next()?), from_bytes(next()?));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let since = text(next()?).parse().map_err(|_| garbled())?;
        let addr = text(next()?).parse().ok();
        let as_run = AsRun::of_fields([text(next()?), text(next()?), text(next()?)]);
        let count: usize = text(next()?).parse().map_err(|_| garbled())?;
        let mut ports = BTreeMap::new();
        for _ in 0..count {
            let (label, port) = (text(next()?), text(next()?));
            ports.insert(label, port.parse().map_err(|_| garbled())?);
        }
        let mut values = BTreeMap::new();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            values.insert(text(name), text(value));
        }
        let home = Home::of_others(dir, log, self.inner.spec.split_output, session)
            .map_err(|error| self.bad(format!("its log can't be read: {error}")))?;
        let home = Arc::new(home);
        let exit = guarded.state().exit;
        let run = Run::new(guarded, as_run, Arc::clone(&home), since);
        *lock(&run.values) = values;
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
        let _ = self.inner.told_ports.set(ports);
        for port in self.fixed_ports() {
            crate::port::note_fixture(port, self.name());
        }
        *lock(&self.inner.home) = Some(home);
        lock(&self.inner.life).run = Some(Arc::new(run));
        Ok(())
    }
}
