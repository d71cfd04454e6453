//! Commands that run once for many starts.

#[cfg(unix)]
mod cached;
#[cfg(unix)]
mod key;
#[cfg(windows)]
mod nowhere;
