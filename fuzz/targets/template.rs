//! Checks that placeholders are separated from text, and that the text between them is kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon_syntax::template::{Part, fill, parts, references};

fuzz_target!(|text: &str| {
    let parts = parts(text);
    for part in &parts {
        match part {
            Part::Literal(literal) => assert!(!literal.is_empty()),
            Part::Own(word) => assert!(is_word(word)),
            Part::Labelled(one, other) | Part::Other(one, other) => {
                assert!(is_word(one) && is_word(other));
            }
            Part::OtherLabelled(process, word, label) => {
                assert!([process, word, label].into_iter().all(|it| is_word(it)));
            }
        }
    }
    // The text as written, without the second of two braces.
    let written = fill(text, |part| Ok::<_, ()>(part.to_string())).unwrap_or_default();
    let mut rest = text.chars().peekable();
    for c in written.chars() {
        assert_eq!(rest.next(), Some(c));
        if c == '{' && rest.peek() == Some(&'{') {
            rest.next();
        }
    }
    assert_eq!(rest.next(), None);
    // Doubled braces are text, whether or not a placeholder's name is between them.
    let doubled = text.replace('{', "{{");
    assert_eq!(fill(&doubled, Err).as_deref(), Ok(text));
    // summon does not look for placeholders in a value.
    let filled = fill(text, |_| Ok::<_, ()>("{port}".to_owned())).unwrap_or_default();
    let expected = parts.iter().map(|part| match part {
        Part::Literal(literal) => literal,
        _ => "{port}",
    });
    assert_eq!(filled, expected.collect::<String>());
    let others = parts
        .iter()
        .filter(|part| matches!(part, Part::Other(..) | Part::OtherLabelled(..)));
    assert_eq!(references(text).count(), others.count());
});

fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    first.is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
}
