//! What probes remember from one look to the next.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{NotReady, Target};
use crate::output::{Pattern, Search};
use crate::sys::at_path::Stamp;
use crate::sys::guard::ErrandRunner;

/// By what they look for.
#[derive(Debug, Default)]
pub(super) struct Memory {
    searches: BTreeMap<String, Found>,
    addrs: BTreeMap<String, SocketAddr>,
    stamps: BTreeMap<PathBuf, Stamp>,
    runners: BTreeMap<String, ErrandRunner>,
}

#[derive(Debug)]
struct Found {
    search: Search,
    count: u32,
}

impl Target<'_> {
    /// How many lines have matched by now, and the last of them, if it is new.
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
            match found.search.find(pattern).map_err(failed)? {
                Some(line) => last = Some(line),
                None => break,
            }
            found.count += 1;
        }
        Ok((found.count, last))
    }

    /// Where it was found to serve `what`, or where `look` finds it now.
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

    /// It may have moved, so it is to be looked for again.
    pub(super) fn forget_addr(&self, what: &str) {
        self.memory.borrow_mut().addrs.remove(what);
    }

    /// What a file was like before the start.
    pub(super) fn stamp(&self, path: &Path) -> Option<Stamp> {
        self.memory.borrow().stamps.get(path).copied()
    }

    pub(super) fn note_stamp(&self, path: PathBuf, stamp: Option<Stamp>) {
        if let Some(stamp) = stamp {
            self.memory.borrow_mut().stamps.insert(path, stamp);
        }
    }

    /// Uses who runs this command, who is hired if nobody does.
    pub(super) fn with_runner<T, E>(
        &self,
        what: &str,
        hire: impl FnOnce() -> Result<ErrandRunner, E>,
        act: impl FnOnce(&ErrandRunner) -> Result<T, E>,
    ) -> Result<T, E> {
        let known = self.memory.borrow_mut().runners.remove(what);
        let runner = known.map_or_else(hire, Ok)?;
        let acted = act(&runner)?;
        // Not one that failed, or is still at it: dropping it ends it.
        self.memory
            .borrow_mut()
            .runners
            .insert(what.to_owned(), runner);
        Ok(acted)
    }
}
