//! What a probe may see.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use regex::bytes::Regex;

use crate::error::Error;
use crate::output::{self, Search};
use crate::sys::guard::Guarded;

/// The process that a probe looks at, while it starts.
#[derive(Debug)]
pub struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) host: &'a str,
    pub(crate) values: &'a dyn Values,
    pub(crate) dir: &'a Path,
    pub(crate) log: &'a Path,
    /// Where in the log this run begins.
    pub(crate) since: u64,
    /// `None` for a server that was there before, and that nobody guards.
    pub(crate) guarded: Option<&'a Guarded>,
    pub(crate) deadline: Instant,
    /// Whoever serves the port is taken for the service.
    pub(crate) any_listener: bool,
    pub(crate) search: RefCell<Search>,
    pub(crate) looks: Cell<u32>,
    pub(crate) addr: Cell<Option<SocketAddr>>,
}

/// What only the process itself can tell, and tells when asked.
pub(crate) trait Values: std::fmt::Debug {
    fn port(&self) -> u16;
    fn fill(&self, text: &str) -> Result<String, Error>;
}

impl Target<'_> {
    /// The name of the process.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The host that the process was asked to serve on; `localhost` unless it was told another.
    pub fn host(&self) -> &str {
        self.host
    }

    /// The port of the process, the one that `{port}` stands for.
    pub fn port(&self) -> u16 {
        self.values.port()
    }

    /// The private directory of the process, the one that `{dir}` stands for.
    pub fn dir(&self) -> &Path {
        self.dir
    }

    /// The pid of the program, if summon started it.
    pub fn id(&self) -> Option<u32> {
        self.pids().map(|(_, pid)| pid)
    }

    fn pids(&self) -> Option<(u32, u32)> {
        self.guarded?.state().pids
    }

    /// What it has written since this start, stdout and stderr in the order written.
    pub fn output(&self) -> Vec<u8> {
        let mut all = output::read_all(self.log);
        all.drain(..all.len().min(self.since.try_into().unwrap_or(usize::MAX)));
        all
    }

    /// When the start fails if the process is not ready: a look must not take longer.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How often it was looked at before.
    pub(crate) fn looks(&self) -> u32 {
        self.looks.get()
    }

    /// Puts the values of the placeholders into a text.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Error> {
        self.values.fill(text)
    }

    /// The next line of output that matches.
    pub(crate) fn find_line(&self, pattern: &Regex) -> std::io::Result<Option<Vec<u8>>> {
        self.search.borrow_mut().find(pattern)
    }

    /// Where it was found to listen.
    pub(crate) fn found_at(&self, addr: SocketAddr) {
        self.addr.set(Some(addr));
    }

    /// Every process of the service.
    pub(crate) fn tree(&self) -> Vec<u32> {
        let guard = self.pids().map(|(guard, _)| guard);
        guard.map_or_else(Vec::new, crate::sys::proc::descendants)
    }
}
