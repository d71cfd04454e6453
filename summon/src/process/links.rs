//! The links to a process.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::link::{Ended, Link, Server, WeakLink};

#[derive(Debug, Default)]
pub(super) struct Links {
    all: Mutex<Vec<WeakLink>>,
    /// The link of a process with `link = true`.
    own: Mutex<Option<Link>>,
    /// The histories of links that have ended.
    pub(super) ended: Arc<Ended>,
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, Vec<WeakLink>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_own(&self) -> MutexGuard<'_, Option<Link>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the process's own link, if there is one so far.
    pub(super) fn own(&self) -> Option<Link> {
        self.lock_own().clone()
    }

    /// Returns the process's own link. Makes it at the first call.
    pub(super) fn own_or(&self, make: impl FnOnce() -> Result<Link, Error>) -> Result<Link, Error> {
        let mut own = self.lock_own();
        if let Some(link) = &*own {
            return Ok(link.clone());
        }
        Ok(own.insert(make()?).clone())
    }

    /// Makes a link.
    pub(super) fn add(&self, server: Server) -> Result<Link, Error> {
        let link = Link::to(server)?;
        let mut links = self.lock();
        links.retain(|link| link.upgrade().is_some());
        links.push(link.downgrade());
        Ok(link)
    }

    /// Leads all links to this address.
    pub(super) fn lead_to(&self, addr: SocketAddr) {
        // Without the lock: the link answers, and may be slow to.
        let links: Vec<Link> = self.lock().iter().filter_map(WeakLink::upgrade).collect();
        for link in links {
            // If the process of a link was killed, its verbs say so.
            let _ = link.lead_to(addr);
        }
    }
}
