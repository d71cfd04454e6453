//! How the output of a service gets into its log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crate::sys::holes;
use crate::sys::pipes::Writers;

pub(super) struct Recorder {
    /// The reading end of the pipe, until it is closed.
    pub(super) output: Option<File>,
    writers: Writers,
    pub(super) log: File,
    /// How long the log is.
    pub(super) length: u64,
    limit: u64,
    /// Where the part begins of which everything is kept: the tail.
    tail: u64,
    /// How much could not be kept, and why.
    pub(super) lost: Option<(u64, i32)>,
}

/// Holes are made of whole blocks.
const BLOCK: u64 = 4096;

impl Recorder {
    pub(super) fn new(output: OwnedFd, writers: Writers, log: OwnedFd, limit: u64) -> Recorder {
        let log = File::from(log);
        let length = log.metadata().map_or(0, |log| log.len());
        Recorder {
            output: Some(File::from(output)),
            writers,
            length,
            log,
            limit,
            tail: 0,
            lost: None,
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
                Ok(read) => self.keep(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
        }
    }

    /// Another end of the pipe, for a command whose output belongs to the service's.
    pub(super) fn another_end(&self) -> io::Result<OwnedFd> {
        match &self.output {
            Some(output) => self.writers.another(output),
            None => Ok(File::options().write(true).open("/dev/null")?.into()),
        }
    }

    /// Adds to the log. A full disk costs the log, never the service: it must not block.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.log.write(rest) {
                Ok(written) => {
                    rest = &rest[written..];
                    self.length += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lose(rest.len(), &error),
            }
        }
        self.cut();
    }

    fn lose(&mut self, bytes: usize, error: &io::Error) {
        let (lost, _) = self.lost.unwrap_or_default();
        let errno = error.raw_os_error().unwrap_or_default();
        self.lost = Some((lost + bytes as u64, errno));
    }

    /// Keeps the log within its limit: half of it is for the beginning, half for the end. There
    /// is some slack, so that this is not done for every line.
    fn cut(&mut self) {
        let slack = (self.limit / 8).max(16 * BLOCK);
        let head = (self.limit / 2).next_multiple_of(BLOCK);
        if self.length <= self.tail.max(head) + self.limit / 2 + slack {
            return;
        }
        let tail = (self.length - self.limit / 2) / BLOCK * BLOCK;
        if tail > head {
            if let Err(error) = holes::punch(&self.log, head.max(self.tail)..tail) {
                // A file system without holes: the end is lost instead of the middle.
                let _ = self.log.set_len(self.length.min(head));
                self.lose((self.length - head) as usize, &error);
                self.length = head;
            }
            self.tail = tail;
        }
    }
}
