//! Starts a process: from the call until it is ready, or until a failed start is cleaned up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acquire::Acquired;
use super::launched::Launched;
use super::life::{Busy, Starting};
use super::live_output::LiveOutput;
use super::parts::Parts;
use super::resolve::Resolved;
use crate::error::{Error, Source as _};
use crate::guard::{Guarded, LaunchError, StopPlan};
use crate::hold;
use crate::image;
use crate::output::{self, Pattern};
use crate::panicked;
use crate::probe::{self, Container, Listener, Place, Scene, Target, Waited, Why};
use crate::session::Home;
use crate::trace::{self, Moment};

/// The claim on a start, with its limits.
struct Start<'a> {
    starting: &'a Starting<'a>,
    /// The patterns of `unless`.
    failures: Vec<Pattern>,
    limit: Duration,
    deadline: Instant,
}

impl Parts {
    pub(super) fn start(&self) -> Result<(), Error> {
        self.check_system()?;
        // Record the times of panics from now on: the report of a failed test relates events to
        // them.
        panicked::note_panics();
        let starting = self.claim_start()?;
        let _span = trace::enter(trace::Span::Start, self.name());
        let began = Instant::now();
        let started = self.start_claimed(&starting);
        match &started {
            Ok(()) => self.tell(Moment::Ready(began.elapsed())),
            Err(error) => {
                self.tell(Moment::NotReady(error.headline()));
                self.resources.give_turns_back();
            }
        }
        started
    }

    /// Claims the start for this thread. Returns an error if the process runs or is being started.
    fn claim_start(&self) -> Result<Starting<'_>, Error> {
        let (declaration, name) = (&self.declaration, self.name());
        let (starting, ended) = self.life.start(|| self.is_called_off()).map_err(|busy| {
            let why = match busy {
                Busy::Failed(error) => return declaration.bad(error),
                Busy::CalledOff => return self.cancelled(),
                Busy::Running => format!("{name} is already running"),
                Busy::Starting => format!("{name} is already being started"),
                Busy::Fixture(fixture) => {
                    format!("{fixture} is a fixture, which is started once, by its first use")
                }
            };
            declaration.error(why).already_running()
        })?;
        if let Some(launched) = ended {
            // The last launch was killed, or ended unasked, and no stop has judged its output. Judge
            // it, and then stop its descendants before the next launch.
            let quiet = self.check_never_of(&launched);
            let lived = match declaration.spec.must_live {
                true => self.check_lived(&launched),
                false => Ok(()),
            };
            let ended = self.end(&launched);
            let ended = quiet.and(ended).and(lived);
            ended.inspect_err(|_| self.resources.give_turns_back())?;
        }
        Ok(starting)
    }

    fn start_claimed(&self, starting: &Starting<'_>) -> Result<(), Error> {
        let declaration = &self.declaration;
        let limit = declaration.limit(&declaration.spec.timeout)?;
        let failures = declaration.check()?;
        if !declaration.spec.reuse {
            self.check_there()?;
        }
        self.check_image()?;
        self.check_network()?;
        self.find_image()?;
        for port in self.fixed_ports() {
            self.take_turn(port, starting.cancelled())?;
        }
        // The time-out begins after the turn: the wait for other processes does not count.
        let mut start = Start {
            starting,
            failures,
            limit,
            deadline: Instant::now() + limit,
        };
        let served = self.look_who_serves()?;
        if declaration.spec.reuse && served.is_none() {
            self.check_there()?;
        }
        let home = self.acquire()?;
        if let Some(addr) = served {
            return self.reuse(&start, &home, addr);
        }
        let resolved = self.resolve()?;
        // One of the files may be the standard input. A container gets copies, unless it shares the
        // directory.
        if !self.declaration.has_image() || self.shares_dir() {
            self.open_to_container(&home)?;
            self.write_files(&home)?;
        }
        let mut died = None;
        loop {
            let error = match self.launch(&start, &home, &resolved) {
                Err(error) if error.is_port_in_use() => error,
                started => return started,
            };
            // The connections may have ended since the exit, so launch again after the first exit
            // even if the port is free. If the program then exits again, it means a different port.
            let is_free = died.is_some() && !self.is_port_held();
            let died = *died.get_or_insert_with(Instant::now);
            if is_free || !self.wait_for_ports(died, starting)? {
                return Err(self.not_free(error, died));
            }
            start.deadline = Instant::now() + limit;
        }
    }

    /// Launches the program. Returns when it is ready, or when a failed launch has ended completely.
    fn launch(
        &self,
        start: &Start<'_>,
        home: &Arc<Home>,
        resolved: &Resolved,
    ) -> Result<(), Error> {
        let mut acquired = self.open(home, resolved)?;
        acquired.terms.relays = self.start_relays()?;
        self.run_before(start.starting, start.deadline)?;
        let since = output::length(home.log().file());
        home.streams().into_iter().for_each(|it| it.begin());
        let mut target = self.target(home, since, start, false)?;
        let probes = &self.declaration.probes;
        probes.iter().for_each(|it| it.begin(&target));
        let launching = self.begin_launch();
        let launch = |Acquired { program, terms, .. }: &Acquired| {
            Guarded::launch(program, terms, start.deadline, start.starting.cancelled())
        };
        let mut guarded = launch(&acquired);
        // Another program has killed the guard or the warden, so a new warden tries once.
        if guarded.as_ref().is_err_and(LaunchError::is_lost) {
            if self.declaration.has_image() {
                // The first container may still come, and go. This one has another name.
                let relays = std::mem::take(&mut acquired.terms.relays);
                acquired = self.open(home, resolved)?;
                acquired.terms.relays = relays;
            }
            guarded = launch(&acquired);
        }
        let Acquired {
            program,
            terms,
            invocation,
            input,
        } = acquired;
        let guarded = guarded.map_err(|error| self.not_launched(&program, &invocation, error))?;
        if self.declaration.has_image() {
            // The guard has run the commands before.
            self.life.note_prepared();
        }
        let last = terms.stop;
        let stop = StopPlan {
            signal: resolved.stop.signal,
            ..last.clone()
        };
        let launched = Launched::new(
            guarded,
            invocation,
            Arc::clone(home),
            since,
            stop,
            last.signal,
        );
        let launched = match self.life.fixture() {
            Some(_) => launched,
            None => launched.watched(),
        };
        // Until the launch is published, so that each allowance is either noted here, or told to this
        // launch.
        let allowed = self.allowed();
        Parts::allow_in(&launched, &allowed);
        launched.input.set(input);
        let live = LiveOutput::of(
            &self.full_name(),
            &launched.guarded,
            home.share_log(),
            since,
        );
        if let Some(live) = live {
            let _ = launched.live_output.set(live);
        }
        let launched = Arc::new(launched);
        if let Some((_, pid)) = launched.guarded.state().pids {
            self.tell(Moment::Launched(pid));
        }
        start.starting.set_launched(Some(Arc::clone(&launched)));
        drop(allowed);
        // The links know the guard from now on.
        drop(launching);
        let ready = target
            .launched(Arc::clone(&launched.guarded))
            .map_err(|error| self.no_wait(&error))
            .and_then(|()| self.become_ready(start, &launched, &target));
        if let Err(error) = &ready {
            // Another launch follows if the port is in use.
            if !start.starting.is_cancelled() && !error.is_port_in_use() {
                hold::at_failed_start(error);
            }
            // The error holds the output so far. Output during this stop does not explain the
            // failure.
            if start.starting.is_cancelled() {
                // Before the stop: another thread that stops the process must not take the end for a
                // surprise.
                launched.expect_end();
            }
            let stopped = launched.stop(self.name(), &launched.stop);
            if stopped.is_ok_and(|state| state.guard_died) {
                // The error of the start says more than one of this removal. The warden tries it, too.
                let _ = self.remove_container_of(&launched);
            }
            start.starting.set_launched(None);
        }
        ready
    }

    fn become_ready(
        &self,
        start: &Start<'_>,
        launched: &Launched,
        target: &Target<'_>,
    ) -> Result<(), Error> {
        if start.starting.is_cancelled() {
            return Err(self.cancelled());
        }
        let waited = self.wait_for(target, &start.failures)?;
        let Err(why) = &waited.result else {
            if let Some(addr) = target.found() {
                let _ = launched.addr.set(addr);
            }
            self.lead_links();
            let _ = launched.ready.set(Instant::now());
            if let Some(engine) = self.engine()? {
                image::remove_orphans(engine);
            }
            // A job is ready at its exec, before its start-up.
            if !self.declaration.is_job() {
                // Output of the start-up may still be in the pipe. The test begins after it.
                if !waited.is_log_complete {
                    launched.guarded.complete_log();
                }
                let length = launched.home.log().note_ready();
                launched.guarded.note_ready(length);
            }
            return Ok(());
        };
        // Ask this first: a stop that comes during the next one is not the cause.
        let is_cancelled = start.starting.is_cancelled();
        if *why == Why::Exited || launched.guarded.state().exit.is_some() {
            // The guard reports the end of the output before the end of the program, but
            // descendants may still write. Stop them before the report reads the log.
            let _ = launched.stop(self.name(), &launched.stop);
        }
        Err(self.not_ready(Some(launched), &waited, why, start.limit, is_cancelled))
    }

    /// Looks for a server on the fixed ports. With `reuse`, returns its address, else an error.
    /// Returns `None` if no process serves the ports.
    fn look_who_serves(&self) -> Result<Option<SocketAddr>, Error> {
        let declaration = &self.declaration;
        let reuse = declaration.spec.reuse;
        let mut some = false;
        for endpoint in declaration.fixed() {
            some = true;
            let (port, host) = (endpoint.port, self.fill(&endpoint.host)?);
            let protocol = endpoint.protocol;
            match probe::somebody_serves(&host, Place { protocol, port }) {
                Some((addr, _)) if reuse => return Ok(Some(addr)),
                Some((_, who)) => {
                    return Err(declaration
                        .bad(format!("port {port} is in use"))
                        .fact("port", format!("{host}:{port} is served by {who}"))
                        .already_running());
                }
                None => {}
            }
        }
        match reuse && !some {
            true => Err(declaration.bad("`reuse` needs a fixed port, and it has none")),
            false => Ok(None),
        }
    }

    /// Reuses a server that already runs, once it is ready.
    fn reuse(&self, start: &Start<'_>, home: &Home, addr: SocketAddr) -> Result<(), Error> {
        let target = self.target(home, 0, start, true)?;
        let waited = self.wait_for(&target, &[])?;
        let is_cancelled = start.starting.is_cancelled();
        match &waited.result {
            Err(why) => {
                return Err(self.not_ready(None, &waited, why, start.limit, is_cancelled));
            }
            Ok(()) if is_cancelled => return Err(self.cancelled()),
            Ok(()) => {}
        }
        let addr = target.found().unwrap_or(addr);
        start.starting.set_reused(addr);
        self.links.lead_to(addr);
        Ok(())
    }

    /// Returns what the probes look at: a process about to be launched, or a server to reuse.
    fn target<'a>(
        &'a self,
        home: &'a Home,
        since: u64,
        start: &Start<'a>,
        is_reuse: bool,
    ) -> Result<Target<'a>, Error> {
        // A stop ends the program, and thereby the wait. A server that is reused does not end, and a
        // stop of a cluster only cancels the starts of its nodes.
        let ends_by_cancel = is_reuse || self.nodes.get().is_some();
        Ok(Target::new(Scene {
            name: self.name(),
            host: self.host(),
            values: self,
            dir: self.dir()?,
            log: home.share_log(),
            since,
            container: self
                .declaration
                .has_image()
                .then(|| Container::to_come(self.published(), !self.declaration.has_own_ports())),
            written: home.written(since, None),
            deadline: start.deadline,
            given_up: ends_by_cancel.then(|| start.starting.cancelled()),
            any_listener: is_reuse || self.declaration.spec.listener == Listener::Any,
        }))
    }

    fn wait_for(&self, target: &Target<'_>, failures: &[Pattern]) -> Result<Waited, Error> {
        probe::until_ready(target, &self.declaration.probes, failures)
            .map_err(|error| self.no_wait(&error))
    }

    pub(super) fn no_wait(&self, error: &std::io::Error) -> Error {
        self.declaration
            .bad(format!("waiting for it failed: {error}"))
    }
}
