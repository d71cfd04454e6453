//! The facts that a person needs to look into a process during a hold.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Process;
use super::client::url_and_client;
use super::parts::Parts;
use crate::error::{Error, Source as _};
use crate::hold::{self, Shown, Thing, Told};
use crate::panicked::Failure;
use crate::sys::signal::how_it_ended;
use crate::trace::this_test;

impl Thing for Parts {
    fn shown(&self) -> Option<Shown> {
        Some(Shown {
            name: self.name().to_owned(),
            lines: self.lines_for_a_person(None)?,
            process: None,
        })
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

    /// Returns the address, the URL, the client, the directory, and the log. `url` is that of a database
    /// or of a link of the test. `None` if the process was not started, or was stopped.
    pub(crate) fn lines_for_a_person(&self, url: Option<String>) -> Option<Vec<String>> {
        self.parts.lines_for_a_person(url)
    }
}

/// The use of a fixture by its static.
struct Implied(Process);

impl Thing for Implied {
    fn shown(&self) -> Option<Shown> {
        Some(Shown {
            name: self.0.name().to_owned(),
            lines: self.0.lines_for_a_person(None)?,
            process: Some((self.0.identity(), true)),
        })
    }
}

impl Parts {
    /// Holds the test if it fails by this drop, or has panicked.
    pub(super) fn hold_at_drop(&self, is_last: bool) {
        hold::at_drop();
        if !is_last || !hold::is_on() || thread::panicking() {
            return;
        }
        if let Some(error) = self.pending_never() {
            hold::hold_failed(&this_test(), || Told::by(&error));
        }
    }

    pub(super) fn note_held(self: &Arc<Self>) {
        if self.life.fixture().is_none() {
            hold::note(self);
        }
    }

    fn lines_for_a_person(&self, url: Option<String>) -> Option<Vec<String>> {
        let launched = self.life.launched();
        // `addr` would lease a port for a process without one.
        let addr = self.life.addr();
        let addr = addr.or_else(|| self.addr().ok().filter(|_| self.has_port()));
        let state = match &launched {
            Some(launched) => match (launched.guarded.state().exit, launched.pid()) {
                (Some(status), _) => how_it_ended(status),
                (None, Some(pid)) => format!("pid {pid}"),
                (None, None) => "it has ended".to_owned(),
            },
            None if self.life.is_reused() => "not started by summon".to_owned(),
            None => return None,
        };
        let addr = addr.map(|addr| addr.to_string());
        let first: Vec<String> = addr.into_iter().chain([state]).collect();
        let mut lines = vec![first.join(", ")];
        if let Some(url) = url.or_else(|| self.url_for_a_person()) {
            lines.extend(url_and_client(url));
        }
        if let Some(launched) = launched {
            lines.push(format!("directory {}", launched.home.dir().display()));
            let log = launched.home.share_log();
            log.name_it();
            lines.push(format!("log {}", log.path().display()));
        }
        Some(lines)
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
