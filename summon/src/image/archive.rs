//! The archive of files that the engine copies into a container, in the format of `tar(5)`.

use std::path::Path;

/// The unit of an archive.
const BLOCK: usize = 512;
/// The longest names in the two fields of a header.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// An archive in the making. Its files belong to root.
#[derive(Debug, Default)]
pub(crate) struct Archive(Vec<u8>);

impl Archive {
    /// Adds a directory.
    pub(crate) fn directory(&mut self, path: &Path, mode: u32) -> Result<(), String> {
        let mut path = path.as_os_str().to_owned();
        path.push("/");
        self.header(Path::new(&path), mode, 0, b'5')
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &Path, contents: &[u8], mode: u32) -> Result<(), String> {
        self.header(path, mode, contents.len(), b'0')?;
        self.0.extend(contents);
        let rest = contents.len() % BLOCK;
        let padding = if rest == 0 { 0 } else { BLOCK - rest };
        self.0.extend(std::iter::repeat_n(0, padding));
        Ok(())
    }

    /// Returns the bytes of the archive. Two empty blocks end it.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK]);
        self.0
    }

    /// Adds a header of the kind `ustar`.
    fn header(&mut self, path: &Path, mode: u32, length: usize, kind: u8) -> Result<(), String> {
        let no = || format!("the path {} is too long for a container", path.display());
        let path = path.to_str().ok_or_else(no)?.trim_start_matches('/');
        let (prefix, name) = parts(path).ok_or_else(no)?;
        let mut header = [0; BLOCK];
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{length:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        // The checksum counts its own field as spaces.
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        put(345, prefix.as_bytes());
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        Ok(())
    }
}

/// Splits a path at a slash, so that both parts fit into their fields.
fn parts(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let at = slashes.find(|at| path.len() - at - 1 <= NAME)?;
    (at <= PREFIX).then(|| (&path[..at], &path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_the_archive() {
        let long = format!("/{}/{}/file", "d".repeat(60), "e".repeat(60));
        let mut archive = Archive::default();
        archive.directory(Path::new("/tmp/x"), 0o777).unwrap();
        archive.file(Path::new("/tmp/x/empty"), b"", 0o600).unwrap();
        archive.file(Path::new(&long), &[b'x'; 513], 0o644).unwrap();
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
    }

    #[test]
    fn a_path_that_fits_nowhere_is_an_error() {
        let path = format!("/{}", "x".repeat(101));
        let error = Archive::default().file(Path::new(&path), b"", 0o600);
        assert!(error.unwrap_err().contains("is too long"));
    }
}
