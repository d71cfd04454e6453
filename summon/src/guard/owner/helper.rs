//! The owner's side of helper commands. A guard without a service runs one command to completion
//! each time its owner asks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::wardens;
use crate::guard::program::Program;
use crate::guard::protocol::job::Task;
use crate::guard::protocol::message::{News, Order};
use crate::guard::protocol::wire;
use crate::guard::state::{HelperError, Ran};

/// A guard that runs one command repeatedly.
#[derive(Debug)]
pub(crate) struct Helper(UnixStream);

impl Helper {
    pub(crate) fn hire(command: &Program, deadline: Instant) -> io::Result<Helper> {
        // The job has no terms, so the guard waits for orders and runs the command once for each.
        let socket = wardens::give_job(&Task::Command(command), deadline)?;
        Ok(Helper(socket))
    }

    /// Runs the command, and kills it at the limit. `sleep` waits until the descriptor is readable,
    /// and returns whether to continue.
    pub(crate) fn run(
        &self,
        limit: Duration,
        sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, HelperError> {
        let apart = false;
        self.obey(&Order::Run { limit, apart }, sleep)
    }

    /// Runs the command in the same way, with standard error apart from the output.
    pub(crate) fn run_apart(
        &self,
        limit: Duration,
        sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, HelperError> {
        let apart = true;
        self.obey(&Order::Run { limit, apart }, sleep)
    }

    fn obey(
        &self,
        order: &Order,
        sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, HelperError> {
        wire::send(&self.0, &order.encode(), &[]).map_err(HelperError::Broken)?;
        // The guard enforces the limit, and answers a few seconds later at most. `sleep` lets the
        // caller watch other events meanwhile, for example the exit of the service.
        match sleep(self.0.as_fd()) {
            Ok(true) => {}
            Ok(false) => return Err(HelperError::GivenUp),
            Err(error) => return Err(HelperError::Broken(error)),
        }
        let news = wire::receive(&self.0)
            // The guard also ends when the runner has ended. The error then names the runner.
            .and_then(|news| news.ok_or_else(wardens::why_gone))
            .and_then(|(body, _)| News::decode(&body))
            .map_err(HelperError::Broken)?;
        match news {
            News::Ran(ran) => Ok(ran),
            News::Refused { step, errno } => {
                let error = io::Error::from_raw_os_error(errno);
                Err(HelperError::Refused(step, error))
            }
            _ => Err(HelperError::Broken(wire::garbled())),
        }
    }
}
