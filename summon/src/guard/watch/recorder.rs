//! Moves the output of a service into its log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crate::sys::holes;
use crate::sys::pipes::{self, Writers};

/// The output of a service: one pipe for both streams, or one for each.
pub(super) struct Recorder {
    inputs: Vec<Input>,
    /// All output, in the order of reading.
    pub(super) log: LogWriter,
}

/// A pipe that the service writes to.
struct Input {
    /// The read end, until end of file.
    read: Option<File>,
    writers: Writers,
    /// A log of this pipe alone, if wanted.
    apart: Option<LogWriter>,
}

/// A file with the output, up to a limit.
pub(super) struct LogWriter {
    pub(super) file: File,
    /// The length of the file.
    pub(super) length: u64,
    limit: u64,
    /// The start of the tail. Nothing after it was cut.
    tail: u64,
    /// The number of lost bytes, and the errno.
    pub(super) lost: Option<(u64, i32)>,
}

/// The unit of holes: a file system frees whole blocks only.
const BLOCK: u64 = 4096;

impl Recorder {
    /// Returns also the pipe ends for the program's standard output and standard error.
    pub(super) fn new(
        log: OwnedFd,
        streams: Option<[OwnedFd; 2]>,
        limit: u64,
    ) -> io::Result<(Recorder, [OwnedFd; 2])> {
        let pipe = |apart: Option<OwnedFd>| {
            let (read, write) = pipes::pair()?;
            // Only the guard's end is non-blocking. The flag belongs to the open file, and the two
            // ends of a pipe are two open files (`pipe(2)`), so the program's writes still block as
            // it expects.
            rustix::io::ioctl_fionbio(&read, true)?;
            let input = Input {
                read: Some(File::from(read)),
                writers: Writers::of(write.try_clone()?),
                apart: apart.map(|file| LogWriter::new(file, limit)),
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
        let log = LogWriter::new(log, limit);
        Ok((Recorder { inputs, log }, ends))
    }

    /// Returns the pipes that are still open.
    pub(super) fn pipes(&self) -> impl Iterator<Item = &File> {
        self.inputs.iter().filter_map(|input| input.read.as_ref())
    }

    /// Moves the contents of the pipes into the log, without waiting for an end of file: a
    /// descendant may keep a pipe open for ever.
    pub(super) fn pump(&mut self) {
        for input in &mut self.inputs {
            input.pump(&mut self.log);
        }
    }

    /// Returns a new write end, for a command with output that belongs to the service's log.
    pub(super) fn another_end(&self) -> io::Result<OwnedFd> {
        let open = |input: &Input| Some(input.writers.another(input.read.as_ref()?));
        match self.inputs.iter().find_map(open) {
            Some(end) => end,
            None => Ok(File::options().write(true).open("/dev/null")?.into()),
        }
    }

    /// Returns the lengths of the log, and of the logs of standard output and standard error, if
    /// these are kept apart.
    pub(super) fn lengths(&self) -> (u64, [u64; 2]) {
        let mut apart = self.inputs.iter().map(|input| &input.apart);
        let mut next = || {
            apart
                .next()
                .and_then(Option::as_ref)
                .map_or(0, |it| it.length)
        };
        (self.log.length, [next(), next()])
    }

    /// Returns the number of lost bytes, and the errno.
    pub(super) fn lost(&self) -> Option<(u64, i32)> {
        let apart = self.inputs.iter().filter_map(|input| input.apart.as_ref());
        let lost = apart.filter_map(|log| log.lost).max();
        self.log.lost.max(lost)
    }
}

impl Input {
    fn pump(&mut self, log: &mut LogWriter) {
        let mut buffer = [0; 64 * 1024];
        // 16 times 64 KiB is the largest pipe that an unprivileged process can make by default
        // (`pipe-max-size` in `pipe(7)`, 1 MiB). So one call reads all output from before it. A
        // program that writes without pause can't keep the guard here.
        for _ in 0..16 {
            let Some(read) = &mut self.read else {
                return;
            };
            match read.read(&mut buffer) {
                // A pipe at its end of file stays readable (POLLHUP), so the guard's `poll` would
                // spin.
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

impl LogWriter {
    fn new(file: OwnedFd, limit: u64) -> LogWriter {
        let file = File::from(file);
        LogWriter {
            length: file.metadata().map_or(0, |found| found.len()),
            file,
            limit,
            tail: 0,
            lost: None,
        }
    }

    /// Appends to the log. On a full disk the log loses output, but the service never blocks.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(written) => {
                    // A short write comes before the error of a full disk, so its part counts.
                    rest = &rest[written..];
                    self.length += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Retrying would stop the pump, then fill the pipe, and then block the service.
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

    /// Keeps the log within its limit: one half for the beginning, one half for the end. Some slack
    /// avoids a cut for every line.
    fn cut(&mut self) {
        let slack = (self.limit / 8).max(16 * BLOCK);
        let head = (self.limit / 2).next_multiple_of(BLOCK);
        if self.length <= self.tail.max(head) + self.limit / 2 + slack {
            return;
        }
        // Rounded down, so that the tail keeps at least its half.
        let tail = (self.length - self.limit / 2) / BLOCK * BLOCK;
        if tail > head {
            // The range before `self.tail` is a hole already. A hole keeps all offsets, so a reader
            // of the log is not disturbed.
            if let Err(error) = holes::punch(&self.file, head.max(self.tail)..tail) {
                // The file system can't make holes, so the end is lost instead of the middle.
                let _ = self.file.set_len(self.length.min(head));
                self.lose((self.length - head) as usize, &error);
                self.length = head;
            }
            self.tail = tail;
        }
    }
}
