//! How the output of a service gets into its log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

pub(super) struct Recorder {
    /// The reading end of the pipe, until it is closed.
    pub(super) output: Option<File>,
    log: File,
    /// How long the log is.
    pub(super) length: u64,
}

impl Recorder {
    pub(super) fn new(output: OwnedFd, log: OwnedFd) -> Recorder {
        let log = File::from(log);
        Recorder {
            output: Some(File::from(output)),
            length: log.metadata().map_or(0, |log| log.len()),
            log,
        }
    }

    /// Moves what the pipe holds into the log. It never waits for an end of file, which some
    /// grandchild may withhold, and takes no more than a pipe can hold, so that one who writes
    /// without end gets his turn and no more.
    pub(super) fn pump(&mut self) {
        let mut buffer = [0; 64 * 1024];
        for _ in 0..16 {
            let Some(output) = &mut self.output else {
                return;
            };
            match output.read(&mut buffer) {
                Ok(0) => self.output = None,
                Ok(read) => {
                    // A full disk costs the log, never the service: it must not block.
                    if self.log.write_all(&buffer[..read]).is_ok() {
                        self.length += read as u64;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
        }
    }
}
