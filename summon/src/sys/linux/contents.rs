//! Copies the contents of files, in the kernel where it can.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{IFlags, SeekFrom, Stat};
use rustix::io::Errno;

/// Has ext4 spread the directories in this one over the disk (`chattr(1)`, attribute T). Otherwise
/// a new directory puts its files near those of a directory that was just removed. Without a journal, as
/// in some virtual machines, ext4 then scans past each inode that was deleted within the last
/// minute: 1,000 new files took 2 s instead of 0.1 s.
pub(crate) fn spread(dir: impl AsFd) {
    // Other file systems refuse both calls, which is no harm.
    let Ok(flags) = rustix::fs::ioctl_getflags(&dir) else {
        return;
    };
    if !flags.contains(IFlags::TOPDIR) {
        let _ = rustix::fs::ioctl_setflags(&dir, flags | IFlags::TOPDIR);
    }
}

/// The number of bytes that are copied at a time.
const BUFFER: usize = 128 * 1024;

/// The ways to copy that the file system has not refused.
#[derive(Debug)]
pub(crate) struct CopyWays {
    can_share: bool,
    in_kernel: bool,
    buffer: Vec<u8>,
}

impl Default for CopyWays {
    fn default() -> CopyWays {
        CopyWays {
            can_share: true,
            in_kernel: true,
            buffer: Vec::new(),
        }
    }
}

impl CopyWays {
    /// Copies a file into an empty one. Holes stay holes.
    pub(crate) fn copy(&mut self, from: &OwnedFd, to: &OwnedFd, found: &Stat) -> io::Result<()> {
        let size = found.st_size as u64;
        if size == 0 {
            return Ok(());
        }
        if self.can_share {
            // Shares the blocks until one of the files is written (`ioctl_ficlone(2)`).
            match rustix::fs::ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                // A file system without it answers with one of several errors.
                Err(_) => self.can_share = false,
            }
        }
        #[allow(
            clippy::unnecessary_cast,
            reason = "the type differs between processors"
        )]
        let blocks = found.st_blocks as u64;
        // `st_blocks` counts units of 512 bytes (`inode(7)`).
        if blocks.saturating_mul(512) >= size {
            return self.range(from, to, 0, size);
        }
        let mut at = 0;
        while at < size {
            let begin = match rustix::fs::seek(from, SeekFrom::Data(at)) {
                Ok(begin) => begin,
                // Only a hole follows.
                Err(Errno::NXIO) => break,
                Err(error) => return Err(error.into()),
            };
            let end = rustix::fs::seek(from, SeekFrom::Hole(begin))?.min(size);
            self.range(from, to, begin, end)?;
            at = end;
        }
        Ok(rustix::fs::ftruncate(to, size)?)
    }

    fn range(&mut self, from: &OwnedFd, to: &OwnedFd, begin: u64, end: u64) -> io::Result<()> {
        let (mut read, mut written) = (begin, begin);
        while self.in_kernel && read < end {
            let length = usize::try_from(end - read).unwrap_or(usize::MAX);
            let (input, output) = (Some(&mut read), Some(&mut written));
            match rustix::fs::copy_file_range(from, input, to, output, length) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                // Kernels before 5.3 refuse two file systems. Some file systems refuse all.
                Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {
                    self.in_kernel = false;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if read == end {
            return Ok(());
        }
        self.buffer.resize(BUFFER, 0);
        while read < end {
            let length = usize::try_from(end - read).map_or(BUFFER, |left| left.min(BUFFER));
            let length = rustix::io::pread(from, &mut self.buffer[..length], read)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut rest = &self.buffer[..length];
            while !rest.is_empty() {
                let count = rustix::io::pwrite(to, rest, written)?;
                rest = &rest[count..];
                written += count as u64;
            }
            read += length as u64;
        }
        Ok(())
    }
}
