//! The socket of `sd_notify(3)`. Not supported.

use std::path::{Path, PathBuf};

/// Returns the value of `NOTIFY_SOCKET`.
pub(crate) fn name(_session: &Path, _number: u64) -> String {
    String::new()
}

/// Returns the path of a socket for a container.
pub(crate) fn path(session: &Path, _number: u64) -> PathBuf {
    session.to_owned()
}
