//! Hands a fixture's process over to other test processes: what its starter tells them, and how
//! they adopt the process.

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
use crate::session::{Home, Session};
use crate::sys::at_path::from_bytes;
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
