//! Tells whether a program can read its standard input.

use std::fs;
use std::path::Path;

use super::file_format::Format;

/// Names of the C library that a program needs to read input, or to start another program that does. In
/// the file a name ends with a NUL byte, and a longer name may have it as its end, as `fread` has `read`.
const READS: [&str; 23] = [
    "read",
    "read_chk",
    "read_unlocked",
    "readv",
    "getc",
    "getc_unlocked",
    "getchar",
    "gets",
    "gets_chk",
    "gets_unlocked",
    "getline",
    "getdelim",
    "scanf",
    "uflow",
    "recv",
    "splice",
    "sendfile",
    "stdin",
    "fork",
    "spawn",
    "spawnp",
    "dlopen",
    "syscall",
];

/// The beginning of the functions that execute another program.
const EXECUTES: &[u8] = b"exec";

/// A larger file is taken for one that reads.
const LARGEST: u64 = 4 << 20;

/// Returns whether a program can read its input. Only a dynamic ELF file says that it can't: it names the
/// functions of the C library that it calls.
pub(super) fn may_read(path: &Path) -> bool {
    let is_dynamic = matches!(
        Format::of(path),
        Some(Format::Elf {
            loader: Some(_),
            ..
        })
    );
    let is_small = fs::metadata(path).is_ok_and(|it| it.len() <= LARGEST);
    match fs::read(path).ok().filter(|_| is_dynamic && is_small) {
        Some(file) => names_a_reader(&file),
        None => true,
    }
}

fn names_a_reader(file: &[u8]) -> bool {
    let mut names = file.split(|byte| *byte == 0);
    let reads = |name: &[u8]| READS.iter().any(|it| name.ends_with(it.as_bytes()));
    names.any(|name| name.starts_with(EXECUTES) || reads(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_ends_like_a_reader_is_one() {
        for name in [
            "read",
            "fread",
            "__read_chk",
            "__isoc99_scanf",
            "fork",
            "execvp",
        ] {
            let file = format!("\x7fELF\0puts\0{name}\0exit\0");
            assert!(names_a_reader(file.as_bytes()), "{name}");
        }
        for name in ["__freading", "readlink", "getcwd", "fwrite"] {
            let file = format!("\x7fELF\0puts\0{name}\0exit\0");
            assert!(!names_a_reader(file.as_bytes()), "{name}");
        }
    }
}
