//! The options of the builder that the macros check. For all other options, only rustc checks the value,
//! and the macros refuse a second one.

/// The value of an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A text with placeholders, which is the last value.
    Text,
    /// A list of texts with placeholders.
    Texts,
    /// A list of pairs, of which the second is a text with placeholders.
    Pairs,
    /// The contents of a file, with placeholders, which are the last value.
    Contents,
    /// A command, which summon runs without a shell.
    Command,
    Duration,
    /// A `summon::probe::Listener`, or its text.
    Listener,
    /// A regular expression for a line.
    LineRegex,
    /// A regular expression for text of several lines.
    TextRegex,
    /// A value that the macros do not check.
    Other,
}

/// An option of the builder: its name, its value, and whether a repetition adds to it.
pub(crate) const OPTIONS: [(&str, Takes, bool); 21] = [
    ("after", Takes::Other, true),
    ("after_stop", Takes::Command, true),
    ("and", Takes::Other, true),
    ("arg", Takes::Text, true),
    ("args", Takes::Texts, true),
    ("before", Takes::Command, true),
    ("before_once", Takes::Command, true),
    ("body_matches", Takes::TextRegex, false),
    ("current_dir", Takes::Text, false),
    ("env", Takes::Text, true),
    ("env_remove", Takes::Other, true),
    ("envs", Takes::Pairs, true),
    ("header", Takes::Other, true),
    ("listener", Takes::Listener, false),
    ("stop_command", Takes::Command, false),
    ("stop_timeout", Takes::Duration, false),
    ("timeout", Takes::Duration, false),
    ("turn_timeout", Takes::Duration, false),
    ("unless", Takes::LineRegex, true),
    ("with_dir", Takes::Other, true),
    ("with_file", Takes::Contents, true),
];

pub(crate) fn takes(name: &str) -> Takes {
    let found = OPTIONS.iter().find(|option| option.0 == name);
    found.map_or(Takes::Other, |option| option.1)
}

/// The variant of `summon::probe::Listener` with this text.
pub(crate) fn listener(text: &str) -> Option<&'static str> {
    match text {
        "own" => Some("Own"),
        "any" => Some("Any"),
        _ => None,
    }
}

pub(crate) fn may_repeat(name: &str) -> bool {
    let found = OPTIONS.iter().find(|option| option.0 == name);
    found.is_some_and(|option| option.2)
}
