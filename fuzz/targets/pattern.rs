//! Checks that the macros accept a banner if the runtime does, and that it matches the same lines
//! in pieces of any length. The first line is the banner, and the other lines are the output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing;
use summon_syntax::pattern;

fuzz_target!(|text: &str| {
    let (banner, output) = text.split_once('\n').unwrap_or((text, ""));
    let compiled = fuzzing::pattern(banner);
    let regex = match (pattern::read(banner), compiled) {
        (Ok(here), Err(why)) if here.never == Some(&*why) => return,
        (Ok(here), Ok(there)) => {
            assert_eq!(here.never, None, "{banner}");
            assert_eq!(here.matches_empty_line, there.is_match(b""), "{banner}");
            assert_eq!(here.groups, there.names(), "{banner}");
            there
        }
        (Err(why), Err(_)) => {
            assert!(!why.is_empty());
            return;
        }
        // The macros leave this limit to the runtime.
        (Ok(_), Err(why)) if why.contains("exceeds size limit") => return,
        (here, there) => panic!("{banner}: {:?} and {:?}", here.err(), there.err()),
    };
    let output = format!("{output}\n");
    let shown = fuzzing::shown(output.as_bytes());
    let lines = shown.split(|byte| *byte == b'\n');
    let expected: Vec<_> = lines.filter(|line| regex.is_match(line)).collect();
    for piece in [1, 3, output.len()] {
        // A backspace removes text of an unfinished line, which may have matched in the meantime.
        if piece < output.len() && output.contains('\x08') {
            continue;
        }
        let found = fuzzing::matching(&regex, output.as_bytes().chunks(piece));
        // A pattern may match the empty line after the last line end.
        let ends_empty = regex.is_match(b"");
        let count = expected.len() - usize::from(ends_empty);
        assert_eq!(found.len(), count, "in pieces of {piece}");
        for (line, whole) in found.iter().zip(&expected) {
            // An unfinished line may match already.
            assert!(whole.starts_with(line), "in pieces of {piece}");
            let told = regex.values(line);
            assert_eq!(told, regex.values(whole), "in pieces of {piece}");
        }
    }
});
