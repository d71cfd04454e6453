//! Facts for processes that join a shared service, or report its failed start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::error::Error;

/// The details of a running service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    /// The offset in the log where this run begins.
    pub(crate) since: u64,
    /// The address that it serves, if known.
    pub(crate) addr: Option<SocketAddr>,
    /// The command, the working directory, and the environment, as reports show them.
    pub(crate) command: String,
    pub(crate) directory: String,
    pub(crate) environment: Vec<String>,
    /// The leased ports, each with its label.
    pub(crate) ports: Vec<(String, u16)>,
    /// The values of the banner's named groups.
    pub(crate) values: Vec<(String, String)>,
}

/// The report of a start that failed, for the other test processes of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(super) is_timeout: bool,
    pub(super) is_already_running: bool,
    /// The exit status of the program, if its end caused the error.
    pub(super) exit: Option<ExitStatus>,
    pub(super) report: String,
    /// Why the tests should be skipped.
    pub(super) skip: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        Failure {
            is_timeout: error.is_timeout(),
            is_already_running: error.is_already_running(),
            exit: error.exit_status(),
            report: error.to_string(),
            skip: error.skipped().map(str::to_owned),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        let mut error = Error::new(failure.report).exit(failure.exit);
        if failure.is_timeout {
            error = error.timeout();
        }
        if let Some(why) = failure.skip {
            error = error.skip(why);
        }
        if failure.is_already_running {
            error = error.already_running();
        }
        error
    }
}
