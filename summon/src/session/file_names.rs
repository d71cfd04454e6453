//! File names for processes, tests, and programs.

/// Returns the name, followed by the same name with numbers.
pub(super) fn numbered(name: &str) -> impl Iterator<Item = String> + '_ {
    let rest = (2..).map(move |number: u32| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(rest)
}

/// The maximum length of a test's or a program's name, so that names of logs and of their
/// directories stay under 255 bytes.
const LONGEST: usize = 80;

/// Returns the name of a test or a program as a part of a file name: `a-b-c` for `a::b::c`. A long
/// name keeps its end, which distinguishes tests of one module.
pub(super) fn short_file_name(test: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = test
        .replace("::", "-")
        .chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    let end = &name[name.len().saturating_sub(LONGEST)..];
    // Most commands take a leading dash for an option.
    match end.trim_start_matches('-') {
        "" => "test".to_owned(),
        end => end.to_owned(),
    }
}

/// Returns a short file name that is valid everywhere. The path of a Unix socket has at most 107
/// bytes, or 103 on macOS, where temporary directories also have long names.
pub(super) fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .chars()
        .take(32)
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_make_file_names() {
        assert_eq!(short_file_name("a::b::case_1"), "a-b-case_1");
        assert_eq!(short_file_name("../a b/ä"), "___a_b__");
        assert_eq!(short_file_name("::"), "test");
        let long = format!("{}::the_end", "x".repeat(300));
        let short = short_file_name(&long);
        assert!(short.len() == 80 && short.ends_with("x-the_end"), "{short}");
    }

    #[test]
    fn names_make_file_names() {
        assert_eq!(file_name("redis"), "redis");
        assert_eq!(file_name("../../etc"), "_.._etc");
        assert_eq!(file_name(""), "process");
        assert_eq!(file_name("ä/b"), "__b");
    }
}
