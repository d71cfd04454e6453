//! Logs that have become too long: what is in their middle is given back to the disk, and a file
//! with a hole is left (`lseek(2)`, `fallocate(2)`). Offsets stay what they were, so whoever reads
//! along is not disturbed.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom as Seeked};

/// Gives a part of the file back. Not every file system can do that.
pub(crate) fn punch(file: &File, hole: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, hole.start, hole.end - hole.start)?;
    Ok(())
}

/// The parts of a range where there is something.
pub(crate) fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        // Behind the last data there is none (ENXIO). Where nobody knows of holes all is data.
        let Ok(start) = rustix::fs::seek(file, Seeked::Data(at)) else {
            break;
        };
        let end = rustix::fs::seek(file, Seeked::Hole(start)).unwrap_or(range.end);
        if start >= range.end || end <= start {
            break;
        }
        found.push(start..end.min(range.end));
        at = end;
    }
    found
}

/// Reads a range, with a line of its own in place of each hole.
pub(crate) fn read(file: &mut File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut at = range.start;
    for part in data(file, range.clone()) {
        if part.start > at {
            bytes.extend(left_out(part.start - at));
        }
        file.seek(SeekFrom::Start(part.start))?;
        Read::by_ref(file)
            .take(part.end - part.start)
            .read_to_end(&mut bytes)?;
        at = part.end;
    }
    Ok(bytes)
}

fn left_out(bytes: u64) -> Vec<u8> {
    format!("\n[summon has left out {bytes} bytes here, see `log_limit`]\n").into_bytes()
}

/// Makes a file with holes one without, for people who will read it.
pub(crate) fn close(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let whole = 0..file.metadata()?.len();
    let parts = data(&file, whole.clone());
    if parts.len() < 2 && parts.first().is_none_or(|part| *part == whole) {
        return Ok(());
    }
    let draft = path.with_extension("draft");
    let written = (|| {
        let mut closed = File::create_new(&draft)?;
        closed.set_permissions(fs::Permissions::from_mode(super::guard::KEPT_MODE))?;
        closed.write_all(&read(&mut file, whole)?)?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_left_out_and_closed() {
        let home = crate::session::Home::create("holes", None).unwrap();
        let path = home.dir().join("log");
        fs::write(
            &path,
            [vec![b'a'; 8192], vec![b'b'; 65536], vec![b'c'; 100]].concat(),
        )
        .unwrap();
        let mut file = File::options().read(true).append(true).open(&path).unwrap();
        if punch(&file, 8192..8192 + 65536).is_err() {
            return;
        }
        let whole = 0..file.metadata().unwrap().len();
        let told = "\n[summon has left out 65536 bytes here, see `log_limit`]\n";
        let expected = format!("{}{told}{}", "a".repeat(8192), "c".repeat(100)).into_bytes();
        assert_eq!(read(&mut file, whole.clone()).unwrap(), expected);
        let rest = data(&file, 10_000..whole.end);
        assert_eq!((rest.len(), rest[0].clone()), (1, 73728..whole.end));
        close(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
        close(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
    }
}
