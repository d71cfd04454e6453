//! The lines that a process must not write.

/// The message of a panic in Rust. Newer versions print the number of the thread after its name.
pub(crate) const PANIC: &str = r"thread '.*' (?:\(\d+\) )?panicked at ";

/// The value of [`Coordinated::never`](crate::Coordinated::never): a regular expression, or `false`.
///
/// ```
/// use summon::Never;
///
/// assert_eq!(Never::from("ERROR"), Never::from(String::from("ERROR")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Never(pub(crate) Lines);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Lines that match.
    Matching(String),
    /// The message of a panic, or no lines.
    Panics(bool),
}

impl From<&str> for Never {
    fn from(pattern: &str) -> Never {
        Never(Lines::Matching(pattern.to_owned()))
    }
}

impl From<String> for Never {
    fn from(pattern: String) -> Never {
        Never(Lines::Matching(pattern))
    }
}

/// `true` is the message of a Rust program's panic. `false` is no line at all.
impl From<bool> for Never {
    fn from(panics: bool) -> Never {
        Never(Lines::Panics(panics))
    }
}
