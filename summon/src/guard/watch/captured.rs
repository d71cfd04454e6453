//! The output of a helper command.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::pipes;

/// The number of bytes reported from the end of the output.
const TAIL: usize = 16 * 1024;

/// The read end of a pipe, and the end of what came through it.
pub(super) struct Captured {
    pipe: Option<File>,
    pub(super) tail: Vec<u8>,
}

impl Captured {
    /// Makes a pipe, and returns its write end too.
    pub(super) fn new() -> io::Result<(Captured, OwnedFd)> {
        let (read, write) = pipes::pair()?;
        // A descendant may keep the pipe open after the command has ended. A blocking read would wait
        // for it past the limit.
        rustix::io::ioctl_fionbio(&read, true)?;
        let captured = Captured {
            pipe: Some(File::from(read)),
            tail: Vec::new(),
        };
        Ok((captured, write))
    }

    /// Returns what is readable when there is more output.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads as much as a pipe can hold, so that a command that writes without pause can't keep the
    /// guard here.
    pub(super) fn pump(&mut self) {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            let Some(pipe) = &mut self.pipe else {
                return;
            };
            match pipe.read(&mut buffer) {
                // A pipe at its end of file stays readable, and `wait::sleep` would return at once
                // for ever.
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    self.tail.extend(&buffer[..read]);
                    // Trimmed after each read, so the memory is bounded however much the command
                    // writes.
                    let over = self.tail.len().saturating_sub(TAIL);
                    self.tail.drain(..over);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}
