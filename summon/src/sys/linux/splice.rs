//! Moves bytes from a socket to another without copying them (`splice(2)`), through a pipe.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags};

/// The wanted size of a pipe, which is the most that a user may have as a rule (`pipe-max-size` in
/// `pipe(7)`). A stream takes three times as many calls with a quarter of it, and a sixth more processor
/// time of all its processes.
const SIZE: usize = 1 << 20;
/// The wanted size where that is too much.
const SMALLER: usize = 256 << 10;

/// A pipe, and the number of bytes in it.
#[derive(Debug)]
pub(crate) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    length: usize,
}

impl Pipe {
    pub(crate) fn new() -> io::Result<Pipe> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A user has a limit for all pipes together (`pipe(7)`). A small pipe works, too.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, SIZE)
            .or_else(|_| rustix::pipe::fcntl_setpipe_size(&write, SMALLER));
        Ok(Pipe {
            read,
            write,
            length: 0,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Fills the pipe, which must be empty. Returns 0 at the end of the source.
    pub(crate) fn fill(&mut self, from: &impl AsFd) -> io::Result<usize> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let moved = rustix::pipe::splice(from, None, &self.write, None, SIZE, flags)?;
        self.length = moved;
        Ok(moved)
    }

    /// Moves at most `most` bytes on.
    pub(crate) fn pour(&mut self, to: &impl AsFd, most: usize) -> io::Result<usize> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let most = most.min(self.length);
        let moved = rustix::pipe::splice(&self.read, None, to, None, most, flags)?;
        self.length -= moved;
        Ok(moved)
    }
}
