//! The arguments of a process, in the bytes of `KERN_PROCARGS2` (`sysctl(3)`): their number, the path of the
//! program, padding, the arguments, and the environment. It makes no system call, so its tests run
//! on every system.

/// Extracts the arguments, for messages.
pub(super) fn words(raw: &[u8]) -> Option<String> {
    let (count, rest) = raw.split_first_chunk::<4>()?;
    // A process can overwrite its own arguments, so expect any bytes.
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let end_of_path = rest.iter().position(|byte| *byte == 0)?;
    // The kernel aligns the first argument, so some NULs follow the path.
    let padding = rest[end_of_path..].iter().position(|byte| *byte != 0)?;
    let words: Vec<_> = rest[end_of_path + padding..]
        .split(|byte| *byte == 0)
        // The environment follows the arguments, and is not for messages.
        .take(count)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::words;

    /// The bytes as the kernel lays them out.
    fn raw(count: i32, rest: &[u8]) -> Vec<u8> {
        [&count.to_ne_bytes(), rest].concat()
    }

    #[test]
    fn the_environment_is_no_argument() {
        let bytes = raw(
            2,
            b"/bin/sleep\0\0\0\0\0\0sleep\x00100\0PASSWORD=x\0HOME=/\0",
        );
        assert_eq!(words(&bytes).unwrap(), "sleep 100");
    }

    #[test]
    fn arguments_need_not_be_utf8_nor_have_text() {
        let bytes = raw(3, b"/bin/a\0a\0\xff\0\0HOME=/\0");
        assert_eq!(words(&bytes).unwrap(), "a \u{fffd}");
    }

    #[test]
    fn a_process_that_has_overwritten_its_arguments_has_none() {
        for bytes in [
            raw(-1, b"/bin/a\0a\0"),
            raw(1, b"no end of the path"),
            raw(1, b"/bin/a\0\0\0\0"),
            raw(0, b"/bin/a\0a\0"),
            raw(1, b""),
            vec![1, 0],
        ] {
            assert_eq!(words(&bytes), None, "{bytes:?}");
        }
        assert_eq!(words(&raw(i32::MAX, b"/bin/a\0a")).unwrap(), "a");
    }
}
