//! A banner is good for the macros if it is good at run time, and matches the same lines however
//! the output comes. The first line is the banner, the others are the output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing;

#[path = "../../summon-macros/src/check/pattern.rs"]
mod pattern;
#[allow(dead_code, reason = "the banner alone is read here")]
#[path = "../../summon/src/template.rs"]
mod template;

fuzz_target!(|text: &str| {
    let (banner, output) = text.split_once('\n').unwrap_or((text, ""));
    let compiled = fuzzing::pattern(banner);
    let regex = match (pattern::read(banner), compiled) {
        (Ok(here), Ok(there)) => {
            assert_eq!(here.matches_empty_line, there.is_match(b""), "{banner}");
            let groups: Vec<_> = there.capture_names().flatten().collect();
            assert_eq!(here.groups, groups, "{banner}");
            there
        }
        (Err(why), Err(_)) => {
            assert!(!why.is_empty());
            return;
        }
        // That is left to run time.
        (Ok(_), Err(why)) if why.contains("exceeds size limit") => return,
        (here, there) => panic!("{banner}: {:?} and {:?}", here.err(), there.err()),
    };
    let output = format!("{output}\n");
    let told = |line: &[u8]| -> Vec<Option<Vec<u8>>> {
        let groups = regex.captures(line).expect("it matches");
        let names = regex.capture_names().flatten();
        names
            .map(|name| groups.name(name).map(|it| it.as_bytes().to_vec()))
            .collect()
    };
    let lines = output.lines().map(str::as_bytes);
    let expected: Vec<_> = lines.filter(|line| regex.is_match(line)).collect();
    for piece in [1, 3, output.len()] {
        let found = fuzzing::matching(&regex, output.as_bytes().chunks(piece));
        assert_eq!(found.len(), expected.len(), "in pieces of {piece}");
        for (line, whole) in found.iter().zip(&expected) {
            // A line that has not ended yet may count already.
            assert!(whole.starts_with(line), "in pieces of {piece}");
            assert_eq!(told(line), told(whole), "in pieces of {piece}");
        }
    }
});
