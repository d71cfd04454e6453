//! The names of directories and logs that this process uses.

use std::io;
use std::sync::{Arc, PoisonError};

use super::Session;

/// A name that this process uses in a session. In a shared session, a claim protects the name from
/// other processes.
#[derive(Debug)]
pub(super) struct Name {
    session: Arc<Session>,
    name: String,
}

impl Name {
    pub(super) fn take(session: &Arc<Session>, name: String) -> io::Result<Name> {
        let mut names = session.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.contains(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        names.push(name.clone());
        Ok(Name {
            session: Arc::clone(session),
            name,
        })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // A forked child has its own session. The lock may be held by a thread of its parent, and
        // would never be released here.
        if self.session.maker.is_here() {
            let names = self.session.names.lock();
            names
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|name| *name != self.name);
        }
    }
}
