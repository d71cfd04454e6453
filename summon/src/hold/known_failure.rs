//! A failure with its reports, as a hold shows it.

use std::time::Instant;

use crate::error::{Error, escaped};
use crate::panicked::Failure;

/// A failure of a test, and the reports about it.
pub(crate) struct KnownFailure {
    pub(crate) failure: Failure,
    pub(crate) reports: Vec<Error>,
    /// The error that the test has returned, if it has a text. The harness prints it after the hold.
    pub(crate) returned: Option<String>,
    /// Whether the reports are in the output of the test.
    pub(crate) is_printed: bool,
}

impl KnownFailure {
    /// The report of a start or of a stop, which the test prints at its end.
    pub(crate) fn by(error: &Error) -> KnownFailure {
        KnownFailure {
            failure: Failure::since(Instant::now()),
            reports: vec![error.clone()],
            returned: None,
            is_printed: false,
        }
    }

    /// Returns the message of the panic, and the reports.
    pub(super) fn text(&self) -> String {
        let panic = self.failure.panic.as_ref();
        let panic = panic.map(|panic| {
            let place = panic.place.as_ref();
            let place = place.map_or(String::new(), |it| format!(" at {}:{}", it.file, it.line));
            escaped(format!("panicked{place}:\n{}", panic.message))
        });
        let reports = self.reports.iter().map(Error::to_string);
        panic
            .into_iter()
            .chain(reports)
            .map(|text| text + "\n\n")
            .collect()
    }
}
