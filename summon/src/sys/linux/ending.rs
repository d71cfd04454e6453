//! Knowing that some process has ended: pidfds (`pidfd_open(2)`, Linux 5.3).

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags};

/// Something to send to another process, which [`watch`] turns into what can be watched. Look
/// whether it is the right process afterwards: its pid may have been reused just before.
pub(crate) fn of(pid: u32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid as i32).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// A descriptor that can be read when the process has ended.
#[expect(
    clippy::unnecessary_wraps,
    reason = "on other systems there is more to do"
)]
pub(crate) fn watch(sent: OwnedFd) -> io::Result<OwnedFd> {
    Ok(sent)
}
