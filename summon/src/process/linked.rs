//! How a process gets a link.

use std::sync::Arc;

use summon_syntax::template::{self, Part};

use super::Process;
use super::parts::Parts;
use crate::error::Error;
use crate::link::{Link, Server};
use crate::sys::listeners::Protocol;
use crate::trace::TestId;

impl Parts {
    fn link(&self) -> Result<Link, Error> {
        match self.declaration.spec.linked {
            true => self.links.own_or(|| self.new_link()),
            false => self.new_link(),
        }
    }

    /// Makes the link of a process with `link = true`.
    pub(super) fn acquire_link(&self) -> Result<(), Error> {
        if !self.declaration.spec.linked {
            return Ok(());
        }
        if let Some(fixture) = self.life.fixture() {
            let name = &fixture.name;
            return Err(self.declaration.bad(format!(
                "a fixture has no link of its own; each test makes one with `#[summon(link = {name})]`"
            )));
        }
        self.link().map(drop)
    }

    fn new_link(&self) -> Result<Link, Error> {
        self.check_system()?;
        let no_link = |why: &str| {
            let name = self.name();
            let error = self
                .declaration
                .error(format!("{name} can't have a link: {why}"));
            Err(error)
        };
        match self.declaration.endpoint().map(|it| it.protocol) {
            Some(Protocol::Udp) => return no_link("links pass on TCP, and it serves UDP"),
            None if !self.has_port() => return no_link("it has no port"),
            _ => {}
        }
        let fixture = self.life.fixture();
        if fixture.is_some_and(|it| it.is_begun()) && !self.life.is_running() {
            return no_link("it has ended");
        }
        // A port that the banner reports is known later.
        let mut addr = self.addr().ok();
        let link = self.links.add(Server {
            name: self.name().to_owned(),
            scheme: self.declaration.spec.scheme.to_string(),
            addr,
            ended: Arc::downgrade(&self.links.ended),
        })?;
        // If the process became ready before `add`, `lead_links` has missed this link.
        loop {
            let now = self.addr().ok();
            if now == addr {
                return Ok(link);
            }
            if let Some(now) = now {
                link.lead_to(now)?;
            }
            addr = now;
        }
    }

    /// Whether the process has a port, as far as its declaration says.
    pub(super) fn has_port(&self) -> bool {
        let is_port = |part: &Part<'_>| matches!(part, Part::Own("port"));
        let names_port = |text: &String| template::parts(text).iter().any(is_port);
        let declaration = &self.declaration;
        declaration.spec.listen_fd
            || declaration.endpoint().is_some()
            || declaration.learns("port")
            || declaration.texts().iter().any(names_port)
    }

    /// Leads all links to the address of the process, which has become ready.
    pub(super) fn lead_links(&self) {
        // A process without a port has no link, and `addr` would lease one.
        if !self.has_port() {
            return;
        }
        if let Ok(addr) = self.addr() {
            self.links.lead_to(addr);
        }
    }
}

impl Process {
    /// Forgets the histories of ended links that this test had.
    pub(crate) fn forget_links_of(&self, test: &TestId) {
        self.parts.links.ended.forget(test);
    }

    /// Whether it has its own link.
    pub(crate) fn is_linked(&self) -> bool {
        self.parts.declaration.spec.linked
    }

    /// Returns the path of the placeholder `{url}`.
    pub(crate) fn default_path(&self) -> &'static str {
        self.parts.declaration.spec.path
    }

    /// Makes a [`Link`]: a private port in front of this process, where the test can break the network.
    /// Each call makes another one, and the process's other clients notice nothing. If the process is
    /// [`linked`](crate::Coordinated::linked), each call returns the same link, which other processes
    /// of the set use.
    ///
    /// The process may start later. A link outlives its restarts.
    ///
    /// ```no_run
    /// use summon::servers::Redis;
    ///
    /// let redis = Redis::new();
    /// redis.start()?;
    /// let link = redis.link()?;
    /// link.delayed("200ms", || println!("slow: {}", link.url("/")))?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process has no port, or serves UDP, or is a fixture that has ended. On other systems than
    /// Linux.
    pub fn link(&self) -> Result<Link, Error> {
        self.parts.link()
    }
}
