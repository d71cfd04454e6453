//! Checks that a command's text becomes words, and that the words become text for a report.
#![no_main]

use std::ffi::OsStr;

use libfuzzer_sys::fuzz_target;
use summon::{Command, fuzzing};

fuzz_target!(|line: &str| {
    let command = Command::from(line);
    assert_eq!(command.to_string(), line);
    let Ok((words, stem)) = fuzzing::words(&command) else {
        return;
    };
    assert!(words.first().is_some_and(|program| !program.is_empty()));
    assert!(
        stem.is_some_and(|stem| !stem.is_empty())
            || words[0].to_string_lossy().ends_with(['.', '/'])
    );
    // A list of words is not split.
    let list = Command::from(&words[..]);
    assert_eq!(
        fuzzing::words(&list).map(|(words, _)| words).as_ref(),
        Ok(&words)
    );
    // A user can type the text of a report. A word with a NUL can't be an argument.
    let has_nul = |word: &OsStr| word.as_encoded_bytes().contains(&0);
    if !words.iter().any(|word| has_nul(word)) {
        let shown = Command::from(list.to_string());
        assert_eq!(fuzzing::words(&shown).map(|(words, _)| words), Ok(words));
    }
});
