//! The state that probes keep from one look to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::http::{Outcome, Talk};
use super::{NotReady, Target};
use crate::guard::Helper;
use crate::output::{Pattern, Search};
use crate::sys::at_path::Stamp;

/// The state of the probes of one wait, each by its search text, URL, path, or command.
#[derive(Debug, Default)]
pub(super) struct Memory {
    searches: BTreeMap<String, Found>,
    addrs: BTreeMap<String, SocketAddr>,
    stamps: BTreeMap<PathBuf, Stamp>,
    helpers: BTreeMap<String, Helper>,
    /// Requests without an answer.
    talks: BTreeMap<String, Vec<Talk>>,
    asked: BTreeMap<String, SocketAddr>,
    outcomes: BTreeMap<String, Outcome>,
    /// The URLs that a server has answered with HTTP.
    answered: BTreeSet<String>,
}

#[derive(Debug)]
struct Found {
    search: Search,
    count: u32,
}

impl Target<'_> {
    /// Returns the number of lines that have matched, and the last one if this look has found it.
    pub(super) fn count_lines(
        &self,
        pattern: &Pattern,
        wanted: u32,
    ) -> Result<(u32, Option<Vec<u8>>), NotReady> {
        let failed = |error: io::Error| NotReady::ever(format!("the log can't be read: {error}"));
        self.news.subscribe_to_output().map_err(failed)?;
        let mut memory = self.memory.borrow_mut();
        let found = memory
            .searches
            .entry(pattern.as_str().to_owned())
            .or_insert_with(|| Found {
                search: Search::new(self.written.clone()),
                count: 0,
            });
        let mut last = None;
        while found.count < wanted {
            match found
                .search
                .find(pattern, self.deadline())
                .map_err(failed)?
            {
                Some(line) => last = Some(line),
                None => break,
            }
            found.count += 1;
        }
        Ok((found.count, last))
    }

    /// Returns the remembered address of `what`, or else the address that `look` finds.
    pub(super) fn find_addr(
        &self,
        what: &str,
        look: impl FnOnce() -> Result<SocketAddr, NotReady>,
    ) -> Result<SocketAddr, NotReady> {
        if let Some(addr) = self.memory.borrow().addrs.get(what) {
            return Ok(*addr);
        }
        let addr = look()?;
        self.memory.borrow_mut().addrs.insert(what.to_owned(), addr);
        Ok(addr)
    }

    /// Returns the address of the last request to a URL.
    pub(super) fn asked(&self, url: &str) -> Option<SocketAddr> {
        self.memory.borrow().asked.get(url).copied()
    }

    pub(super) fn note_asked(&self, url: &str, addr: SocketAddr) {
        self.memory.borrow_mut().asked.insert(url.to_owned(), addr);
    }

    /// Forgets the address of `what`, so that the next look finds it again.
    pub(super) fn forget_addr(&self, what: &str) {
        self.memory.borrow_mut().addrs.remove(what);
    }

    /// Returns the stamp of a file from before the start.
    pub(super) fn stamp(&self, path: &Path) -> Option<Stamp> {
        self.memory.borrow().stamps.get(path).copied()
    }

    pub(super) fn note_stamp(&self, path: PathBuf, stamp: Option<Stamp>) {
        if let Some(stamp) = stamp {
            self.memory.borrow_mut().stamps.insert(path, stamp);
        }
    }

    /// Calls `act` with the helper of this command, which `hire` starts if none runs.
    pub(super) fn with_helper<T, E>(
        &self,
        what: &str,
        hire: impl FnOnce() -> Result<Helper, E>,
        act: impl FnOnce(&Helper) -> Result<T, E>,
    ) -> Result<T, E> {
        let known = self.memory.borrow_mut().helpers.remove(what);
        let runner = known.map_or_else(hire, Ok)?;
        let acted = act(&runner)?;
        // Keep only a helper that has finished its command. On an error the helper may still run
        // the command; dropping the helper ends both.
        self.memory
            .borrow_mut()
            .helpers
            .insert(what.to_owned(), runner);
        Ok(acted)
    }

    /// Takes the requests to a URL that have no answer.
    pub(super) fn take_talks(&self, url: &str) -> Vec<Talk> {
        let talks = self.memory.borrow_mut().talks.remove(url);
        talks.unwrap_or_default()
    }

    pub(super) fn keep_talks(&self, url: &str, talks: Vec<Talk>) {
        self.memory.borrow_mut().talks.insert(url.to_owned(), talks);
    }

    /// Returns the outcome of the last request to a URL.
    pub(super) fn outcome(&self, url: &str) -> Option<Outcome> {
        self.memory.borrow().outcomes.get(url).cloned()
    }

    /// Returns whether a server has answered a URL with HTTP.
    pub(super) fn has_answered(&self, url: &str) -> bool {
        self.memory.borrow().answered.contains(url)
    }

    pub(super) fn note_answered(&self, url: &str) {
        self.memory.borrow_mut().answered.insert(url.to_owned());
    }

    pub(super) fn note_outcome(&self, url: &str, outcome: Option<Outcome>) {
        let mut memory = self.memory.borrow_mut();
        match outcome {
            Some(outcome) => drop(memory.outcomes.insert(url.to_owned(), outcome)),
            None => drop(memory.outcomes.remove(url)),
        }
    }
}
