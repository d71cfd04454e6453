//! The terminal of the person who runs the tests.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use super::threads;

/// The controlling terminal. A runner that captures the output of its tests does not hide it.
pub(crate) struct Terminal(File);

impl Terminal {
    /// Opens the terminal. Returns `None` if this process has none.
    pub(crate) fn open() -> Option<Terminal> {
        let mut options = File::options();
        // Without blocking, so that a read can't outlast a deadline. `poll` would not do: on macOS
        // it refuses terminals.
        options
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK);
        options.open("/dev/tty").ok().map(Terminal)
    }

    /// Returns whether this process may read: it is in the foreground. The kernel halts a process in
    /// the background that reads (`SIGTTIN`), and nextest puts its tests there.
    pub(crate) fn is_in_foreground(&self) -> bool {
        // SAFETY: both calls take numbers, and the descriptor is open.
        let foreground = unsafe { libc::tcgetpgrp(self.0.as_raw_fd()) };
        rustix::process::getpgrp().as_raw_nonzero().get() == foreground
    }

    pub(crate) fn write(&self, text: &str) {
        // `stty tostop` halts a process in the background that writes, unless it blocks SIGTTOU.
        let _ = threads::without_signals(|| (&self.0).write_all(text.as_bytes()));
    }

    /// Discards what the person typed before.
    pub(crate) fn discard_input(&self) {
        // SAFETY: the descriptor is open, and the other argument is a number.
        let _ = threads::without_signals(|| unsafe {
            libc::tcflush(self.0.as_raw_fd(), libc::TCIFLUSH)
        });
    }

    /// Returns whether the person has pressed Enter, or has closed the terminal.
    pub(crate) fn has_line(&self) -> bool {
        let mut line = [0; 4096];
        // A terminal gives whole lines, unless a program has changed its mode.
        match (&self.0).read(&mut line) {
            Ok(0) => true,
            Ok(read) => line[..read]
                .iter()
                .any(|byte| matches!(byte, b'\n' | b'\r')),
            Err(_) => false,
        }
    }
}
