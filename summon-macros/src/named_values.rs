//! The values of options that a text can name: `stop_signal = "INT"`, `pull = "always"`.

use crate::checked_options::Takes;

/// The signals with a constant in `summon::Signal`, and the numbers that are equal on all systems.
pub(crate) const SIGNALS: [(&str, Option<i32>); 12] = [
    ("TERM", Some(15)),
    ("INT", Some(2)),
    ("HUP", Some(1)),
    ("QUIT", Some(3)),
    ("KILL", Some(9)),
    ("USR1", None),
    ("USR2", None),
    ("STOP", None),
    ("CONT", None),
    ("ABRT", Some(6)),
    ("SEGV", Some(11)),
    ("WINCH", Some(28)),
];

impl Takes {
    /// The path below `::summon` of the value that a text names: `stop_signal = "INT"`.
    pub(crate) fn named_value(self, text: &str) -> Option<(&'static [&'static str], &'static str)> {
        match self {
            Takes::Listener => Some((&["probe", "Listener"], listener(text)?)),
            Takes::Missing => Some((&["Missing"], missing(text)?)),
            Takes::Pull => Some((&["Pull"], pull(text)?)),
            Takes::Signal => Some((&["Signal"], signal(text)?)),
            _ => None,
        }
    }
}

/// The variant of `summon::probe::Listener` with this text.
fn listener(text: &str) -> Option<&'static str> {
    match text {
        "own" => Some("Own"),
        "any" => Some("Any"),
        _ => None,
    }
}

/// The variant of `summon::Pull` with this text.
fn pull(text: &str) -> Option<&'static str> {
    match text {
        "missing" => Some("Missing"),
        "always" => Some("Always"),
        "never" => Some("Never"),
        _ => None,
    }
}

/// The variant of `summon::Missing` with this text.
fn missing(text: &str) -> Option<&'static str> {
    match text {
        "skip" => Some("Skip"),
        "fail" => Some("Fail"),
        _ => None,
    }
}

/// The constant of `summon::Signal` with this name: `INT` or `SIGINT`.
fn signal(text: &str) -> Option<&'static str> {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let found = SIGNALS.iter().find(|signal| signal.0 == name);
    found.map(|signal| signal.0)
}
