//! The answers of a server.

/// The rows of an answer, each with its values as text.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Returns the first value of an answer.
pub(super) fn first(answer: &Rows) -> Option<&str> {
    answer.first()?.first()?.as_deref()
}
