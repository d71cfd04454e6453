//! Logs that have become too long. The middle of the file is given back to the disk, which leaves a
//! hole. Offsets stay the same, so other readers are not disturbed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::dir::Dir;

pub(crate) use super::punch::{data, punch};

/// Reads a range, with a line in place of each hole.
pub(crate) fn read(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut at = range.start;
    for part in data(file, range) {
        if part.start > at {
            bytes.extend(left_out(part.start - at));
        }
        read_part(file, part.clone(), &mut bytes)?;
        at = part.end;
    }
    Ok(bytes)
}

/// Appends a part of a file to `into`, as far as the file goes.
pub(crate) fn read_part(file: &File, part: Range<u64>, into: &mut Vec<u8>) -> io::Result<()> {
    let (mut at, length) = (part.start, part.end.saturating_sub(part.start));
    // Not `resize` of `into`, which writes byte by byte in a debug build.
    let mut chunk = vec![0; length.min(CHUNK) as usize];
    while at < part.end {
        let wanted = (part.end - at).min(CHUNK) as usize;
        // Positioned reads: others share this descriptor's offset.
        // A read may return less than wanted, at a signal or at the end of the data, so go on from
        // where it stopped.
        match file.read_at(&mut chunk[..wanted], at) {
            // The file ends before the range does.
            Ok(0) => break,
            Ok(read) => {
                into.extend_from_slice(&chunk[..read]);
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

const CHUNK: u64 = 256 * 1024;

fn left_out(bytes: u64) -> Vec<u8> {
    format!("\n[summon has left out {bytes} bytes here, see `log_limit`]\n").into_bytes()
}

/// Leaves a log at its name for people to read, without holes. Replaces any other file that the
/// service has put there.
pub(crate) fn leave(log: &File, dir: &Dir, name: &OsStr) -> io::Result<()> {
    let whole = 0..log.metadata()?.len();
    let parts = data(log, whole.clone());
    let is_whole = whole.is_empty() || parts.first() == Some(&whole);
    // The name may lead to another file by now: the service may write to the directory.
    if is_whole && dir.has(name, log) {
        return Ok(());
    }
    // Write a copy under another name. A reader that opens the log meanwhile, or a crash half-way,
    // then finds the old log.
    let draft = Path::new(name).with_extension("draft").into_os_string();
    let written = (|| {
        let mut copy = dir.create(&draft)?;
        copy.write_all(&read(log, whole)?)?;
        super::private::keep(&copy)?;
        // `rename` replaces a link itself, and never follows it (`rename(2)`). Readers see the old
        // file or the whole copy, never a part.
        dir.rename(&draft, name)
    })();
    if written.is_err() {
        let _ = dir.remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_hole_is_left_out_and_closed() {
        let home = crate::session::Home::create("holes", None, crate::sys::users::Access::PRIVATE)
            .unwrap();
        let path = home.dir().join("log");
        fs::write(
            &path,
            [vec![b'a'; 8192], vec![b'b'; 65536], vec![b'c'; 100]].concat(),
        )
        .unwrap();
        let file = File::options().read(true).append(true).open(&path).unwrap();
        if punch(&file, 8192..8192 + 65536).is_err() {
            return;
        }
        let whole = 0..file.metadata().unwrap().len();
        let told = "\n[summon has left out 65536 bytes here, see `log_limit`]\n";
        let expected = format!("{}{told}{}", "a".repeat(8192), "c".repeat(100)).into_bytes();
        assert_eq!(read(&file, whole.clone()).unwrap(), expected);
        let rest = data(&file, 10_000..whole.end);
        assert_eq!((rest.len(), rest[0].clone()), (1, 73728..whole.end));
        let dir = Dir::open(home.dir()).unwrap();
        leave(&file, &dir, OsStr::new("log")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
        // A service has put a link there, to a file of another owner.
        let other = home.dir().join("other");
        fs::write(&other, "other").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        leave(&file, &dir, OsStr::new("log")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
        assert_eq!(fs::read(&other).unwrap(), b"other");
    }
}
