//! The options of the builder that the macros check. For all other options, only rustc checks the value,
//! and the macros refuse a second one.

/// The value of an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A text with placeholders.
    Text,
    /// A text without placeholders.
    Name,
    /// A list of texts with placeholders.
    Texts,
    /// A name, and a text with placeholders.
    Variable,
    /// A list of pairs, of which the second is a text with placeholders.
    Pairs,
    /// A name and a text without placeholders.
    Header,
    /// The name of a file, and its contents with placeholders.
    Contents,
    /// The name of a directory, and its mode.
    Dir,
    /// A command, which summon runs without a shell.
    Command,
    Duration,
    Flag,
    Integer,
    /// A set of exit codes.
    Codes,
    /// A set of HTTP statuses.
    Statuses,
    /// The permissions of a file.
    Mode,
    Probe,
    /// A `summon::Signal`, or its name.
    Signal,
    Size,
    /// A `summon::probe::Listener`, or its text.
    Listener,
    /// A `summon::Missing`, or its text.
    Missing,
    /// A `summon::Pull`, or its text.
    Pull,
    /// A regular expression for a line.
    LineRegex,
    /// A regular expression for text of several lines.
    TextRegex,
    /// A value that the macros do not check.
    Other,
}

/// An option of the builder: its name, its value, and whether a repetition adds to it.
pub(crate) const OPTIONS: &[(&str, Takes, bool)] = &[
    ("after", Takes::Name, true),
    ("after_stop", Takes::Command, true),
    ("and", Takes::Probe, true),
    ("arg", Takes::Text, true),
    ("args", Takes::Texts, true),
    ("before", Takes::Command, true),
    ("before_once", Takes::Command, true),
    ("body_matches", Takes::TextRegex, false),
    ("current_dir", Takes::Text, false),
    ("daemon", Takes::Flag, false),
    ("dir_mode", Takes::Mode, false),
    ("engine_args", Takes::Texts, true),
    ("entrypoint", Takes::Text, false),
    ("env", Takes::Variable, true),
    ("env_remove", Takes::Name, true),
    ("envs", Takes::Pairs, true),
    ("expect_exit", Takes::Codes, false),
    ("header", Takes::Header, true),
    ("image", Takes::Name, false),
    ("in_memory", Takes::Flag, false),
    ("init", Takes::Flag, false),
    ("listen_fd", Takes::Flag, false),
    ("listener", Takes::Listener, false),
    ("log_limit", Takes::Size, false),
    ("method", Takes::Name, false),
    ("missing", Takes::Missing, false),
    ("mount", Takes::Other, true),
    ("must_live", Takes::Flag, false),
    ("named", Takes::Name, false),
    ("never", Takes::LineRegex, true),
    ("nice", Takes::Integer, false),
    ("nodes", Takes::Integer, false),
    ("not_empty", Takes::Flag, false),
    ("platform", Takes::Name, false),
    ("pull", Takes::Pull, false),
    ("reuse", Takes::Flag, false),
    ("shell", Takes::Flag, false),
    ("signal_only_leader", Takes::Flag, false),
    ("split_output", Takes::Flag, false),
    ("status", Takes::Statuses, false),
    ("stop_command", Takes::Command, false),
    ("stop_signal", Takes::Signal, false),
    ("stop_timeout", Takes::Duration, false),
    ("timeout", Takes::Duration, false),
    ("times", Takes::Integer, false),
    ("turn_timeout", Takes::Duration, false),
    ("umask", Takes::Mode, false),
    ("unless", Takes::LineRegex, true),
    ("user", Takes::Name, false),
    ("with_dir", Takes::Dir, true),
    ("with_file", Takes::Contents, true),
];

/// Options that do not work with an image, each with what to do instead.
pub(crate) const UNSUPPORTED_BY_IMAGES: [(&str, &str); 12] = [
    (
        "shell",
        "write the shell as the `entrypoint`, and its arguments as the text of the kind",
    ),
    (
        "env_remove",
        "a container has only the variables of its image, and those of `env`",
    ),
    ("umask", "do it in the image"),
    ("nice", "write `engine_args = [\"--cpu-shares\", \"..\"]`"),
    ("daemon", "keep the program in the foreground"),
    ("listen_fd", "let the program listen by itself"),
    (
        "reuse",
        "reuse the port of a container with a plain program",
    ),
    ("before_once", "do it in the image"),
    ("after_stop", "run the command in the test"),
    ("stop_command", "set `stop_signal`"),
    (
        "signal_only_leader",
        "a container's signals go to its main process",
    ),
    (
        "nodes",
        "the addresses in `{peers}` can't be the same inside and outside of containers; declare the nodes \
         one by one",
    ),
];

/// Options that have no meaning without an image.
pub(crate) const ONLY_OF_IMAGES: [&str; 6] = [
    "entrypoint",
    "mount",
    "init",
    "platform",
    "pull",
    "engine_args",
];

impl Takes {
    /// The number of values of the builder's method. None if only rustc knows.
    pub(crate) fn count(self) -> Option<usize> {
        match self {
            Takes::Variable | Takes::Header | Takes::Contents | Takes::Dir => Some(2),
            Takes::Other => None,
            _ => Some(1),
        }
    }
}

pub(crate) fn takes(name: &str) -> Takes {
    let found = OPTIONS.iter().find(|option| option.0 == name);
    found.map_or(Takes::Other, |option| option.1)
}

pub(crate) fn may_repeat(name: &str) -> bool {
    let found = OPTIONS.iter().find(|option| option.0 == name);
    found.is_some_and(|option| option.2)
}
