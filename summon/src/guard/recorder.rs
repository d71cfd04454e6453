//! How the output of a service gets into its log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crate::sys::holes;
use crate::sys::pipes::{self, Writers};

/// The output of a service: one pipe for both its streams, or one for each.
pub(super) struct Recorder {
    inputs: Vec<Input>,
    /// All of it, in the order in which it was read.
    pub(super) log: Log,
}

/// A pipe that the service writes to.
struct Input {
    /// The reading end, until it is closed.
    read: Option<File>,
    writers: Writers,
    /// What has come through this one alone, if that is wanted.
    apart: Option<Log>,
}

/// A file that has what was written, up to a limit.
pub(super) struct Log {
    pub(super) file: File,
    /// How long it is.
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
    /// With the ends of the pipes that the program gets: of standard output, and of standard error.
    pub(super) fn new(
        log: OwnedFd,
        streams: Option<[OwnedFd; 2]>,
        limit: u64,
    ) -> io::Result<(Recorder, [OwnedFd; 2])> {
        let pipe = |apart: Option<OwnedFd>| {
            let (read, write) = pipes::pair()?;
            rustix::io::ioctl_fionbio(&read, true)?;
            let input = Input {
                read: Some(File::from(read)),
                writers: Writers::of(write.try_clone()?),
                apart: apart.map(|file| Log::new(file, limit)),
            };
            io::Result::Ok((input, write))
        };
        let (inputs, ends) = match streams {
            None => {
                let (both, end) = pipe(None)?;
                let other = end.try_clone()?;
                (vec![both], [end, other])
            }
            Some([stdout, stderr]) => {
                let ((stdout, out), (stderr, err)) = (pipe(Some(stdout))?, pipe(Some(stderr))?);
                (vec![stdout, stderr], [out, err])
            }
        };
        let log = Log::new(log, limit);
        Ok((Recorder { inputs, log }, ends))
    }

    /// The pipes that are still open, to wait for.
    pub(super) fn pipes(&self) -> impl Iterator<Item = &File> {
        self.inputs.iter().filter_map(|input| input.read.as_ref())
    }

    /// Moves what the pipes hold into the log. It never waits for an end of file, which some
    /// grandchild may withhold, and takes no more than a pipe can hold, so that one who writes
    /// without end gets his turn and no more.
    pub(super) fn pump(&mut self) {
        for input in &mut self.inputs {
            input.pump(&mut self.log);
        }
    }

    /// Another end of the pipe, for a command whose output belongs to the service's.
    pub(super) fn another_end(&self) -> io::Result<OwnedFd> {
        let open = |input: &Input| Some(input.writers.another(input.read.as_ref()?));
        match self.inputs.iter().find_map(open) {
            Some(end) => end,
            None => Ok(File::options().write(true).open("/dev/null")?.into()),
        }
    }

    /// How much could not be kept, and why.
    pub(super) fn lost(&self) -> Option<(u64, i32)> {
        let apart = self.inputs.iter().filter_map(|input| input.apart.as_ref());
        let lost = apart.filter_map(|log| log.lost).max();
        self.log.lost.max(lost)
    }
}

impl Input {
    fn pump(&mut self, log: &mut Log) {
        let mut buffer = [0; 64 * 1024];
        for _ in 0..16 {
            let Some(read) = &mut self.read else {
                return;
            };
            match read.read(&mut buffer) {
                Ok(0) => self.read = None,
                Ok(read) => {
                    log.keep(&buffer[..read]);
                    if let Some(apart) = &mut self.apart {
                        apart.keep(&buffer[..read]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.read = None,
            }
        }
    }
}

impl Log {
    fn new(file: OwnedFd, limit: u64) -> Log {
        let file = File::from(file);
        Log {
            length: file.metadata().map_or(0, |found| found.len()),
            file,
            limit,
            tail: 0,
            lost: None,
        }
    }

    /// Adds to the log. A full disk costs the log, never the service: it must not block.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
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
            if let Err(error) = holes::punch(&self.file, head.max(self.tail)..tail) {
                // A file system without holes: the end is lost instead of the middle.
                let _ = self.file.set_len(self.length.min(head));
                self.lose((self.length - head) as usize, &error);
                self.length = head;
            }
            self.tail = tail;
        }
    }
}
