//! Emulators, which run programs for another processor: QEMU.

/// Whether an executable with that name is an emulator.
pub(crate) fn is_one(name: &str) -> bool {
    name.starts_with("qemu-")
}

/// The options of QEMU without a value. All other options have one.
const WITHOUT_A_VALUE: [&[u8]; 4] = [b"-strace", b"-singlestep", b"-one-insn-per-tb", b"-perfmap"];

/// Finds the program in the command line of an emulator: the first word that is neither an option
/// nor an option's value.
pub(crate) fn program(line: &[u8]) -> Option<&[u8]> {
    // The first word is the emulator's own name.
    let mut words = line.split(|byte| *byte == 0).skip(1);
    loop {
        let word = words.next().filter(|word| !word.is_empty())?;
        if !word.starts_with(b"-") {
            return Some(word);
        }
        // Skip the value with its option. A value such as `/lib` in `-L /lib` would look like the
        // program.
        if !WITHOUT_A_VALUE.contains(&word) {
            words.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_what_is_emulated() {
        let told = |line: &str| {
            let line = line.replace(' ', "\0") + "\0";
            program(line.as_bytes()).map(|word| String::from_utf8_lossy(word).into_owned())
        };
        assert_eq!(told("qemu-arm /bin/cargo test").unwrap(), "/bin/cargo");
        assert_eq!(
            told("qemu-arm -L /lib -strace -E A=b cargo").unwrap(),
            "cargo"
        );
        assert_eq!(told("qemu-arm env cargo").unwrap(), "env");
        assert_eq!(told("qemu-arm"), None);
    }
}
