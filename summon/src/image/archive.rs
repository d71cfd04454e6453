//! The archive of files that the engine copies into a container, in the format of `tar(5)`.

use std::path::Path;

/// The unit of an archive.
const BLOCK: usize = 512;
/// The longest path in a header.
const PATH: usize = 100;

/// An archive in the making. Its files belong to root.
#[derive(Debug, Default)]
pub(crate) struct Archive(Vec<u8>);

impl Archive {
    /// Adds a directory.
    pub(crate) fn directory(&mut self, path: &Path, mode: u32) {
        let path = [inside(path), b"/"].concat();
        self.entry(&path, mode, 0, b'5');
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &Path, contents: &[u8], mode: u32) {
        self.entry(inside(path), mode, contents.len(), b'0');
        self.contents(contents);
    }

    /// Returns the bytes of the archive. Two empty blocks end it.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK]);
        self.0
    }

    /// Adds the head of an entry. A longer path gets its own entry, in the format of GNU's `tar`.
    fn entry(&mut self, path: &[u8], mode: u32, length: usize, kind: u8) {
        if path.len() > PATH {
            let text = [path, b"\0"].concat();
            self.header(b"././@LongLink", 0, text.len(), b'L');
            self.contents(&text);
        }
        let start = &path[..path.len().min(PATH)];
        self.header(start, mode, length, kind);
    }

    fn contents(&mut self, contents: &[u8]) {
        self.0.extend(contents);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    /// Adds a header of the kind `ustar`.
    fn header(&mut self, path: &[u8], mode: u32, length: usize, kind: u8) {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, path);
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{length:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        // The checksum counts its own field as spaces.
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
    }
}

/// Returns a path as an archive has it: relative to the root of the container.
fn inside(path: &Path) -> &[u8] {
    let path = path.as_os_str().as_encoded_bytes();
    path.strip_prefix(b"/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_the_archive() {
        let long = format!("/{}/{}/file", "d".repeat(255), "e".repeat(255));
        let mut archive = Archive::default();
        archive.directory(Path::new("/tmp/x"), 0o777);
        archive.file(Path::new("/tmp/x/empty"), b"", 0o600);
        archive.file(Path::new(&long), &[b'x'; 513], 0o644);
        archive.file(Path::new("/last"), b"x", 0o644);
        let bytes = archive.into_bytes();
        assert_eq!(bytes.len() % BLOCK, 0);
        let path = std::env::temp_dir().join(format!("summon-tar-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let mut tar = std::process::Command::new("tar");
        let listed = tar.arg("-tvf").arg(&path).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let lines: Vec<&str> = listed.lines().collect();
        assert!(
            lines[0].starts_with("drwxrwxrwx 0/0") && lines[0].ends_with("tmp/x/"),
            "{listed}"
        );
        assert!(
            lines[1].starts_with("-rw-------") && lines[1].ends_with("tmp/x/empty"),
            "{listed}"
        );
        assert!(
            lines[2].contains(" 513 ") && lines[2].ends_with(&long[1..]),
            "{listed}"
        );
        assert!(lines[3].ends_with(" last"), "{listed}");
        assert_eq!(lines.len(), 4);
    }
}
