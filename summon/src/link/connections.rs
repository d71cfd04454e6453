//! The connections of a link, and the bytes on them, as a test counts them.

use super::handle::Link;
use crate::error::Error;

/// The connections of a link, as [`Link::connections`] counts them.
///
/// ```no_run
/// # let api = summon::SimpleExecutor::new("my-api --port {port}").link()?;
/// let counted = api.connections()?;
/// println!("{} of {} are open", counted.open, counted.accepted);
/// # Ok::<(), summon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// The number of open connections.
    pub open: u64,
    /// The number of connections so far.
    pub accepted: u64,
    /// The number of bytes passed on to the server.
    pub to_server: u64,
    /// The number of bytes passed on to clients.
    pub to_client: u64,
}

impl Link {
    /// Counts the connections, and the bytes that were passed on.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let link = summon::SimpleExecutor::new("my-api --port {port}").link()?;
    /// assert_eq!(link.connections()?.accepted, 0);
    /// # }
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process of the link was killed.
    pub fn connections(&self) -> Result<Connections, Error> {
        let counts = self.lock().process.counts();
        let counts = counts.map_err(|error| self.failed(&error))?;
        Ok(Connections {
            open: counts.open,
            accepted: counts.accepted,
            to_server: counts.to_server,
            to_client: counts.to_client,
        })
    }
}
