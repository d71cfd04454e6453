//! The facts that a person needs to look into a process during a hold.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Process;
use super::client::url_and_client;
use super::launched::Launched;
use super::parts::Parts;
use crate::error::{Error, Source as _};
use crate::hold::{self, KnownFailure, Shown, Thing};
use crate::panicked::Failure;
use crate::sys::proc;
use crate::sys::signal::how_it_ended;
use crate::trace::this_test;

/// How long a hold waits for the engine of a container.
const ENGINE_LIMIT: Duration = Duration::from_secs(2);

impl Thing for Parts {
    fn shown(&self) -> Option<Shown> {
        self.shown_as(self.name(), None)
    }

    fn keep(&self, limit: Option<Duration>) {
        // Others may use a fixture longer.
        let own = self
            .life
            .launched()
            .filter(|_| self.life.fixture().is_none());
        if let Some(launched) = own {
            launched.guarded.hold(limit);
        }
    }

    fn report(&self, failure: &Failure) -> Option<Error> {
        self.postmortem(failure, 0)
    }
}

impl Process {
    /// Notes that this thread's test has the process up, or will have.
    pub(crate) fn note_held(&self) {
        self.parts.note_held();
    }

    /// Notes that nobody needs the files of the process after its next stop.
    pub(crate) fn note_last_stop(&self) {
        self.parts.life.note_last_stop();
    }

    /// Notes that this thread's test has used the process, a fixture, by its static.
    pub(crate) fn note_use(&self) {
        let process = self.identity();
        let of = || Arc::new(Implied(self.handle())) as Arc<dyn Thing>;
        hold::note_use(process, of);
    }

    /// Identifies the process among those of this test process.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.parts).addr()
    }

    /// Returns what a person sees of the process under this name: the address, the URL, the client, the
    /// directory, and the log. `url` is that of a database or of a link of the test. `None` if the process
    /// was not started, or was stopped.
    pub(crate) fn shown(&self, name: &str, url: Option<String>) -> Option<Shown> {
        self.parts.shown_as(name, url)
    }
}

/// The use of a fixture by its static.
struct Implied(Process);

impl Thing for Implied {
    fn shown(&self) -> Option<Shown> {
        let shown = self.0.shown(self.0.name(), None)?;
        Some(Shown {
            process: Some((self.0.identity(), true)),
            ..shown
        })
    }
}

impl Parts {
    /// Holds the test if it fails by this drop, or has panicked.
    pub(super) fn hold_at_drop(self: &Arc<Self>, is_last: bool) {
        if thread::panicking() {
            // Another thread may have started it for the test that drops it.
            self.note_held();
        }
        hold::at_drop();
        if !is_last || !hold::is_on() || thread::panicking() {
            return;
        }
        if let Some(error) = self.pending_never() {
            hold::hold_failed(&this_test(), || KnownFailure::by(&error));
        }
    }

    pub(super) fn note_held(self: &Arc<Self>) {
        if self.life.fixture().is_none() {
            hold::note(self);
        }
    }

    fn shown_as(&self, name: &str, url: Option<String>) -> Option<Shown> {
        let launched = self.life.launched();
        let (is_up, state) = match &launched {
            Some(launched) => self.state_of(launched),
            None if self.life.is_reused() => (true, "not started by summon".to_owned()),
            None => return None,
        };
        // `addr` would lease a port for a process without one.
        let addr = self.life.addr();
        let addr = addr.or_else(|| self.addr().ok().filter(|_| self.has_port()));
        let addr = addr.filter(|_| is_up).map(|addr| addr.to_string());
        let first: Vec<String> = addr.into_iter().chain([state]).collect();
        let mut lines = vec![first.join(", ")];
        if let Some(url) = url.or_else(|| self.url_for_a_person()).filter(|_| is_up) {
            lines.extend(url_and_client(url));
        }
        if let Some(launched) = launched {
            let contained = self.container_of(&launched).ok().flatten();
            lines.extend(contained.filter(|_| is_up).map(|it| it.shown_shell()));
            lines.push(format!("directory {}", launched.home.dir().display()));
            let log = launched.home.share_log();
            log.name_it();
            lines.push(format!("log {}", log.path().display()));
        }
        Some(Shown {
            name: name.to_owned(),
            is_up,
            lines,
            process: None,
        })
    }

    /// Returns whether a launch is up, and its state in words.
    fn state_of(&self, launched: &Launched) -> (bool, String) {
        let pid = match (launched.guarded.state().exit, launched.pid()) {
            (Some(status), _) => return (false, how_it_ended(status)),
            (None, Some(pid)) => pid,
            (None, None) => return (false, "it has ended".to_owned()),
        };
        // The pid would be that of the engine's client.
        if let Ok(Some(contained)) = self.container_of(launched) {
            let paused = match contained.is_paused(ENGINE_LIMIT) {
                Ok(true) => ", paused",
                Ok(false) => "",
                Err(_) => ", whose engine does not answer",
            };
            return (
                true,
                format!("container {}{paused}", contained.shown_name()),
            );
        }
        let is_halted = proc::is_halted(pid) && !proc::has_ended(pid);
        let halted = if is_halted { ", halted" } else { "" };
        (true, format!("pid {pid}{halted}"))
    }

    /// Returns the URL, if the process is known to have one.
    fn url_for_a_person(&self) -> Option<String> {
        let addr = self.addr().ok()?;
        let spec = &self.declaration.spec;
        let url = |path: &str| format!("{}{addr}{path}", spec.scheme);
        if spec.scheme != "http://" {
            return Some(match spec.scheme.starts_with("postgres") {
                true => url("/postgres"),
                false => url("/"),
            });
        }
        if let Some(path) = self.http_path() {
            return Some(url(&path));
        }
        match &*spec.command.stem()? {
            "redis-server" | "valkey-server" => Some(format!("redis://{addr}/")),
            "postgres" => Some(format!("postgres://{addr}/postgres")),
            "mariadbd" | "mysqld" => Some(format!("mysql://root@{addr}/")),
            _ => None,
        }
    }

    /// Returns the path of the URL that the process serves, if its probe has one.
    fn http_path(&self) -> Option<String> {
        let probes = &self.declaration.probes;
        let mut texts = probes.iter().flat_map(|probe| probe.facts().texts);
        let (_, url) = texts
            .find(|text| text.starts_with("http"))?
            .split_once("://")?;
        let path = url.find('/').map_or("/", |at| &url[at..]);
        // The person can fill in a placeholder, and a URL with one would only confuse.
        Some(if path.contains('{') { "/" } else { path }.to_owned())
    }
}
