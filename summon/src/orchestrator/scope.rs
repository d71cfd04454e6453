//! A test's set: started by a call, stopped when a value is dropped.

use std::sync::OnceLock;
use std::time::Instant;

use super::{Executors, Orchestrator};
use crate::annotation::{self, SourceLine};
use crate::error::Error;
use crate::executor::{Executor, Settled};
use crate::hold::{self, KnownFailure, Part, Setting};
use crate::panicked::{self, Failure};
use crate::process::Process;
use crate::sys::maker::Maker;
use crate::trace::{Test, test_name};

/// Starts executors. Returns a guard that stops them in reverse order when it is dropped.
///
/// ```
/// use summon::{SimpleExecutor, orchestrated};
///
/// let db = SimpleExecutor::new("sleep 100").named("db");
/// let api = SimpleExecutor::new("sleep 100").named("api").after("db");
/// let scope = orchestrated((&db, &api))?;
/// assert!(db.is_running() && api.is_running());
/// drop(scope);
/// assert!(!db.is_running() && !api.is_running());
/// # Ok::<(), summon::Error>(())
/// ```
///
/// # Errors
///
/// The first error of a start. By then, the executors that had started are stopped. Also if two
/// processes have the same name, if a process names a process that is not in the set, or if their
/// dependencies form a cycle.
pub fn orchestrated<'a>(executors: impl Executors<'a>) -> Result<Scope<'a>, Error> {
    begin(executors, None)
}

/// A test with attributes.
#[derive(Clone, Copy)]
pub(crate) struct Attributed<'t> {
    pub(crate) name: &'t str,
    /// Panics with the report. The panic names the place of the attribute.
    pub(crate) fails: fn(&Error) -> !,
}

/// Like [`orchestrated`], for a test that fails if the start fails.
pub(crate) fn begin<'a>(
    executors: impl Executors<'a>,
    test: Option<Attributed<'_>>,
) -> Result<Scope<'a>, Error> {
    Setting::get()?;
    let starting = test.is_some();
    let fails = test.map(|test| test.fails);
    let test = test.map(|test| test.name);
    let (test, begun) = (Test::begin(test), Instant::now());
    let (part, starting) = (Part::scope(), starting.then(Part::start));
    panicked::note_panics();
    let orchestrator = Orchestrator::new(executors);
    let nodes = orchestrator.nodes();
    let outers: Vec<_> = nodes.iter().filter_map(|node| node.outer()).collect();
    outers.iter().for_each(|outer| outer.begin());
    // In the order of their declaration, in which a hold lists them.
    let own = nodes.iter().filter(|node| node.shared_as().is_none());
    let own = own.flat_map(|node| node.processes());
    own.for_each(Process::note_held);
    if let Err(error) = orchestrator.start() {
        // The error is the report. The test was held before the other members stopped.
        for outer in outers {
            outer.tell();
            outer.hold();
        }
        return Err(error);
    }
    drop(starting);
    Ok(Scope {
        orchestrator,
        maker: Maker::here(),
        _test: test,
        begun,
        part,
        stopped: false,
        returned: OnceLock::new(),
        expects_panic: None,
        fails,
    })
}

/// Running executors, which are stopped when this value is dropped. [`orchestrated`] returns it.
///
/// ```
/// use summon::{Error, Scope, SimpleExecutor, orchestrated};
///
/// fn stack() -> Result<Scope<'static>, Error> {
///     let db = SimpleExecutor::new("sleep 100").named("db");
///     let api = SimpleExecutor::new("sleep 100").named("api").after("db");
///     orchestrated((db, api))
/// }
///
/// let _scope = stack()?;   // `let _ = ..` would stop them at once
/// # Ok::<(), Error>(())
/// ```
///
/// # Panics
///
/// Dropping it panics if a stop fails. If the thread is already panicking, the error is printed to
/// stderr instead.
#[derive(Debug)]
#[must_use = "the executors are stopped when this is dropped; keep it: `let _scope = ..`"]
pub struct Scope<'a> {
    orchestrator: Orchestrator<'a>,
    /// The process that made this. A forked child that unwinds or returns drops a copy, which must
    /// stop nothing.
    maker: Maker,
    /// Dropped after all executors are stopped.
    _test: Test,
    /// When the start began.
    begun: Instant,
    part: Part,
    stopped: bool,
    /// Set if the test has returned an error, to its text if it has one.
    returned: OnceLock<Option<String>>,
    /// Set if the test must panic to pass.
    expects_panic: Option<Part>,
    /// Panics if a stop fails. `None` without attributes.
    fails: Option<fn(&Error) -> !>,
}

impl Scope<'_> {
    /// Stops the executors now.
    ///
    /// ```
    /// let scope = summon::orchestrated(summon::SimpleExecutor::new("sleep 100"))?;
    /// scope.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of a stop. The other executors are stopped all the same.
    pub fn stop(mut self) -> Result<(), Error> {
        self.stopped = true;
        match self.maker.is_here() {
            true => self.orchestrator.stop(),
            false => Ok(()),
        }
    }

    /// Stops the executors of a `#[should_panic]` test. `has_returned`: it did not panic, and so has
    /// failed.
    pub(crate) fn end_expected(mut self, has_returned: bool) -> Result<(), Error> {
        self.stopped = true;
        if !self.maker.is_here() {
            return Ok(());
        }
        if hold::is_on() {
            self.hold(has_returned.then(|| self.look()));
        }
        self.stop_held()
    }

    /// Stops the executors. An error fails the test, and so holds it.
    fn stop_held(&self) -> Result<(), Error> {
        let test = self.part.test();
        // A test with attributes does not start them again.
        if self.fails.is_some() {
            let nodes = self.orchestrator.nodes().into_iter();
            let own = nodes.filter(|node| node.shared_as().is_none());
            own.flat_map(|node| node.processes())
                .for_each(Process::note_last_stop);
        }
        self.orchestrator
            .stop_and_tell(|error| hold::hold_failed(test, || KnownFailure::by(error)))
    }

    /// Marks a panic of the test as expected: it prints no reports.
    pub(crate) fn expect_panic(mut self) -> Self {
        self.expects_panic = Some(Part::expecting());
        self
    }

    /// Marks the test as failed without a panic, by an error with this text.
    pub(crate) fn fail(&self, error: Option<String>) {
        let _ = self.returned.set(error);
    }

    /// Prints a report on each process of the failed test, into the test's output.
    fn tell(&self) -> KnownFailure {
        let told = self.look();
        let nodes = self.orchestrator.nodes();
        nodes
            .iter()
            .filter_map(|node| node.outer())
            .for_each(Settled::tell);
        // nextest shows the end of a test's output with a colour. The annotation must not be the end.
        self.annotate(&told);
        // After a hold they are printed.
        let reports = told.reports.iter();
        reports
            .filter(|_| !hold::is_held(self.part.test()))
            .for_each(|report| eprintln!("\n{report}"));
        told
    }

    /// Returns whether the inner scope of the test has told its failure.
    fn is_told(&self) -> bool {
        let nodes = self.orchestrator.nodes();
        let mut inner = nodes.iter().filter_map(|node| node.inner());
        inner.any(Settled::is_told)
    }

    fn look(&self) -> KnownFailure {
        let failure = Failure::since(self.begun);
        let mut reports: Vec<(usize, Error)> = Vec::new();
        let nodes = self.orchestrator.nodes();
        let reported = nodes.iter().filter(|node| !node.is_reported_elsewhere());
        for node in reported {
            let facts = node.note_failure();
            for process in node.processes() {
                // A fixture may have several members, such as a database and a link: one report has the
                // facts of all, with the forbidden line once.
                let identity = process.identity();
                let same = reports.iter().position(|(of, _)| *of == identity);
                let told = match same {
                    Some(at) => Some(reports[at].1.clone()),
                    None => process.postmortem(&failure, node.used_since()),
                };
                if let Some(told) = told {
                    let links = nodes.iter().filter(|it| it.link_addr().is_some());
                    let of_same = |it: &&Process| it.identity() == identity;
                    let has_several =
                        links.filter_map(|it| it.process()).filter(of_same).count() > 1;
                    let facts = facts.iter().map(|(label, fact)| match *label {
                        "link" if has_several => (*label, named(node.shared_as(), fact)),
                        label => (label, fact.clone()),
                    });
                    let has_never = told.has_fact("never");
                    let facts = facts.filter(|(it, _)| *it != "never" || !has_never);
                    let told = facts.fold(told, |told, (label, fact)| told.fact(label, fact));
                    match same {
                        Some(at) => reports[at].1 = told,
                        None => reports.push((identity, told)),
                    }
                }
                if node.shared_as().is_none() {
                    process.was_told();
                }
            }
        }
        KnownFailure {
            failure,
            reports: reports.into_iter().map(|(_, report)| report).collect(),
            returned: self.returned.get().cloned().flatten(),
            is_printed: true,
        }
    }

    /// Prints the failure for GitHub's runner.
    fn annotate(&self, told: &KnownFailure) {
        let panic = told.failure.panic.as_ref();
        let message = panic.map_or("the test has returned an error", |panic| &panic.message);
        let headlines = told.reports.iter().map(Error::headline);
        let message: Vec<&str> = std::iter::once(message).chain(headlines).collect();
        // A panic in a library is not in the repository.
        let places = panic.and_then(|panic| panic.place.clone()).into_iter();
        let places = places.chain(self.declared());
        annotation::print(&test_name(), &message.join("\n"), places);
    }

    /// Returns the places of the attributes or of the constructors.
    fn declared(&self) -> Vec<SourceLine> {
        let nodes = self.orchestrator.nodes().into_iter();
        let declared = nodes.filter_map(|node| Some(node.processes().first()?.declared()));
        declared.collect()
    }

    /// Holds the test if it has failed, or will fail by an error of the stop.
    fn hold(&self, told: Option<KnownFailure>) {
        let nodes = self.orchestrator.nodes();
        if nodes
            .iter()
            .any(|node| node.inner().is_some_and(Settled::is_held))
        {
            return;
        }
        let pending = || {
            let mut nodes = nodes.iter().filter(|_| hold::is_on());
            nodes.find_map(Executor::pending)
        };
        match told.or_else(|| pending().as_ref().map(KnownFailure::by)) {
            Some(told) => hold::hold_failed(self.part.test(), || told),
            None => hold::hold_passed(self.part.test()),
        }
        nodes
            .iter()
            .filter_map(|node| node.outer())
            .for_each(Settled::hold);
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if self.stopped || !self.maker.is_here() {
            return;
        }
        let panics = std::thread::panicking() && self.expects_panic.is_none();
        let has_failed = panics || self.returned.get().is_some();
        // Report before the stop, so that the reports show the processes as they were at the
        // failure.
        let told = (has_failed && !self.is_told()).then(|| self.tell());
        self.hold(told);
        let nodes = self.orchestrator.nodes();
        let processes = nodes.iter().flat_map(|node| node.processes());
        processes.for_each(|it| it.forget_links_of(self.part.test()));
        match self.stop_held() {
            Err(error) if std::thread::panicking() => eprintln!("{error}"),
            Err(error) => {
                annotation::print(&test_name(), &error.to_string(), self.declared());
                match self.fails {
                    Some(fails) => fails(&error),
                    None => panicked::by_check(&error),
                }
            }
            Ok(()) => {}
        }
    }
}

/// Puts the name of a link before each line of its history.
fn named(name: Option<&str>, history: &str) -> String {
    let name = name.unwrap_or("link");
    let lines = history.lines().map(|line| format!("{name}: {line}"));
    lines.collect::<Vec<_>>().join("\n")
}
