//! The socket of `sd_notify(3)`. Not supported.

use std::path::Path;

/// Returns the value of `NOTIFY_SOCKET`.
pub(crate) fn name(_session: &Path, _number: u64) -> String {
    String::new()
}
