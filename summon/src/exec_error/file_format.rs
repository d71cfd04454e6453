//! Recognises the format of a file by its first bytes, to explain why the kernel can't execute it.

use std::env::consts::ARCH;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The number of bytes that summon reads of a file.
const HEAD: u64 = 4096;
/// The kernel's limit for the line with `#!` (`execve(2)`).
const FIRST_LINE: usize = 256;

/// The remedy for a program for another machine.
pub(super) const TO_INSTALL: &str =
    "build it for this machine, or install a build for this machine";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    Empty,
    /// A script, with its first line after `#!`.
    Script(String),
    Elf {
        /// The architecture, by its name in Rust.
        machine: &'static str,
        /// The dynamic loader, unless the program is static.
        loader: Option<PathBuf>,
    },
    /// A script whose `#!` comes after a byte order mark.
    Marked,
    /// A program for another operating system.
    Foreign(&'static str),
    Text,
    Other,
}

impl Format {
    /// Reads the head of a file. Returns `None` if there is no such file or it can't be read.
    pub(super) fn of(path: &Path) -> Option<Format> {
        Some(Format::of_bytes(&head(path)?))
    }

    fn of_bytes(head: &[u8]) -> Format {
        if let Some(line) = head.strip_prefix(b"#!") {
            let line = &line[..line.len().min(FIRST_LINE)];
            let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
            return Format::Script(String::from_utf8_lossy(line).into_owned());
        }
        match head {
            [] => Format::Empty,
            [0x7f, b'E', b'L', b'F', ..] => elf(head).unwrap_or(Format::Other),
            [b'M', b'Z', ..] => Format::Foreign("Windows"),
            // Mach-O: 32 and 64 bits, in both byte orders, and universal binaries. A class file of Java
            // begins like a universal binary, but has a version there, which is greater than 0x1f.
            [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..]
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
            | [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..=0x1f, ..] => Format::Foreign("macOS"),
            [0xef, 0xbb, 0xbf, b'#', b'!', ..] => Format::Marked,
            _ if !head.contains(&0) => Format::Text,
            _ => Format::Other,
        }
    }

    /// Returns the reason why the kernel can't execute a file of this format, and a remedy.
    pub(super) fn why_not(&self) -> Option<(String, &'static str)> {
        Some(match self {
            Format::Empty => (
                "the file is empty".to_owned(),
                "build it again, or download it again",
            ),
            Format::Text => (
                "its first line does not name an interpreter after `#!`".to_owned(),
                "begin the file with a line such as `#!/bin/sh`, or write the interpreter before it in the command",
            ),
            Format::Marked => (
                "it begins with a byte order mark, which hides its `#!`".to_owned(),
                "save it as UTF-8 without a byte order mark",
            ),
            Format::Foreign(system) => (format!("it is a program for {system}"), TO_INSTALL),
            Format::Elf { machine, .. } if *machine != ARCH => {
                let here = format!("it is a program for {machine}, and this machine is {ARCH}");
                (here, TO_INSTALL)
            }
            _ => return None,
        })
    }
}

fn head(path: &Path) -> Option<Vec<u8>> {
    // A read of a device or a pipe could block for ever.
    let file = path.is_file().then(|| File::open(path))?.ok()?;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Returns whether the first lines of a text file end as on Windows.
pub(super) fn has_returns(path: &Path) -> bool {
    let head = head(path).unwrap_or_default();
    !head.contains(&0) && head.windows(2).any(|pair| pair == b"\r\n")
}

/// Reads the head of an ELF file (`elf(5)`).
fn elf(head: &[u8]) -> Option<Format> {
    let is_64 = *head.get(4)? == 2;
    let is_little = *head.get(5)? == 1;
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = head.get(at..at.checked_add(length)?)?;
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(match is_little {
            true => bytes.iter().rev().fold(0, add),
            false => bytes.iter().fold(0, add),
        })
    };
    let machine = match number(18, 2)? {
        3 => "x86",
        8 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        258 => "loongarch64",
        _ => "another machine",
    };
    /// `PT_INTERP`
    const LOADER: usize = 3;
    let loader = || {
        // The table of program headers, and the fields of an entry with the offset and the length of
        // its segment.
        let (table, size, count, word, offset, length) = match is_64 {
            true => (number(32, 8)?, number(54, 2)?, number(56, 2)?, 8, 8, 32),
            false => (number(28, 4)?, number(42, 2)?, number(44, 2)?, 4, 4, 16),
        };
        let headers = (0..count).map_while(|index| table.checked_add(index * size));
        let mut loaders = headers.filter(|at| number(*at, 4) == Some(LOADER));
        let at = loaders.next()?;
        let begin = number(at.checked_add(offset)?, word)?;
        let end = begin.checked_add(number(at.checked_add(length)?, word)?)?;
        let path = head.get(begin..end)?.split(|byte| *byte == 0).next()?;
        Some(PathBuf::from(std::str::from_utf8(path).ok()?))
    };
    Some(Format::Elf {
        machine,
        loader: loader(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file with one program header, which names a loader.
    fn elf_for(machine: u16, is_64: bool, is_little: bool) -> Vec<u8> {
        let mut file = vec![0; 200];
        file[..4].copy_from_slice(b"\x7fELF");
        file[4] = if is_64 { 2 } else { 1 };
        file[5] = if is_little { 1 } else { 2 };
        let mut put = |at: usize, length: usize, value: usize| {
            let bytes = value.to_be_bytes();
            let mut bytes = bytes[bytes.len() - length..].to_vec();
            if is_little {
                bytes.reverse();
            }
            file[at..at + length].copy_from_slice(&bytes);
        };
        put(18, 2, machine.into());
        let (table, size, count, word, offset, length) = match is_64 {
            true => (32, 54, 56, 8, 8, 32),
            false => (28, 42, 44, 4, 4, 16),
        };
        put(table, word, 64);
        put(size, 2, 56);
        put(count, 2, 1);
        put(64, 4, 3);
        put(64 + offset, word, 150);
        put(64 + length, word, 7);
        file[150..157].copy_from_slice(b"/lib/x\0");
        file
    }

    #[test]
    fn a_file_is_told_by_its_first_bytes() {
        for (number, machine) in [(62, "x86_64"), (183, "aarch64"), (9999, "another machine")] {
            for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
                let file = elf_for(number, is_64, is_little);
                let loader = Some(PathBuf::from("/lib/x"));
                assert_eq!(Format::of_bytes(&file), Format::Elf { machine, loader });
                for length in 0..file.len() {
                    // Whatever is missing.
                    let _ = Format::of_bytes(&file[..length]);
                }
            }
        }
        let hostile = [&elf_for(62, true, true)[..32], &[0xff; 100]].concat();
        assert!(matches!(
            Format::of_bytes(&hostile),
            Format::Elf { loader: None, .. }
        ));
        assert_eq!(Format::of_bytes(b""), Format::Empty);
        assert_eq!(Format::of_bytes(b"echo 1\n"), Format::Text);
        assert_eq!(Format::of_bytes(b"\xef\xbb\xbf#!/bin/sh\n"), Format::Marked);
        assert_eq!(Format::of_bytes(b"\0\0"), Format::Other);
        assert_eq!(Format::of_bytes(b"MZ\x90\0"), Format::Foreign("Windows"));
        assert_eq!(
            Format::of_bytes(b"#!/bin/sh -e\nexit"),
            Format::Script("/bin/sh -e".to_owned())
        );
    }
}
