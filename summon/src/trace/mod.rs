//! Reports events of processes: with the feature `tracing` to its subscribers, and with
//! `SUMMON_TRACE` to a file that shows the run as a diagram.

mod current_test;
mod file;

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

pub(crate) use current_test::{
    Context, Test, TestId, acting_thread, known_test, test_name, this_test,
};

/// An operation with a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Start,
    Stop,
}

/// An event in the life of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment<'a> {
    /// The process waits for its turn on a port.
    Turn(u16),
    /// A `before` command runs.
    Before(&'a str),
    /// The program has been exec'ed.
    Launched(u32),
    /// A probe has succeeded.
    Seen(&'a str),
    Ready(Duration),
    NotReady(&'a str),
    /// The process has ended unasked, at this time before now.
    Died(&'a str, Duration),
    /// The process gets this stop signal.
    Stopping(&'a str),
    /// The process is killed: it has outlived its grace, or has none.
    Killed,
    Gone,
}

/// The trace of one process.
#[derive(Debug, Default)]
pub(crate) struct Story {
    row: OnceLock<Option<file::Row>>,
    /// Whether the row has an open bar.
    is_open: Mutex<bool>,
}

impl Story {
    pub(crate) fn tell(&self, process: &str, moment: Moment<'_>) {
        tell(process, moment);
        if let Some(row) = self.row(process) {
            self.draw(row, moment);
        }
    }

    fn row(&self, process: &str) -> Option<&file::Row> {
        let new = || file::Row::of_process(&test_name(), process);
        self.row.get_or_init(new).as_ref()
    }

    fn draw(&self, row: &file::Row, moment: Moment<'_>) {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut end = |ago| {
            if std::mem::take(&mut *is_open) {
                row.end(ago);
            }
        };
        let bar = match moment {
            Moment::Seen(what) => return row.mark(what, Duration::ZERO),
            Moment::Killed => return row.mark("kill", Duration::ZERO),
            Moment::Died(how, ago) => {
                end(ago);
                return row.mark(how, ago);
            }
            Moment::NotReady(why) => {
                end(Duration::ZERO);
                return row.mark(why, Duration::ZERO);
            }
            Moment::Gone => return end(Duration::ZERO),
            Moment::Turn(port) => ("turn", format!("port {port}")),
            Moment::Before(command) => ("before", command.to_owned()),
            Moment::Launched(pid) => ("boot", format!("pid {pid}")),
            Moment::Ready(took) => ("ready", format!("after {took:.1?}")),
            Moment::Stopping(signal) => ("stop", signal.to_owned()),
        };
        end(Duration::ZERO);
        row.begin(bar.0, &bar.1);
        *is_open = true;
    }
}

/// The trace of a link: a bar while it exists, and shorter bars on it while it has faults.
#[derive(Debug)]
pub(crate) struct LinkStory {
    row: Option<file::Row>,
    has_faults: bool,
}

impl LinkStory {
    pub(crate) fn begin(server: &str, port: u16) -> LinkStory {
        let row = file::Row::of_process(&test_name(), &format!("link to {server}"));
        if let Some(row) = &row {
            row.begin("link", &format!("port {port}"));
        }
        LinkStory {
            row,
            has_faults: false,
        }
    }

    /// Replaces the bar of the former faults. `faults` is the text of the new ones. It is empty if there
    /// are none.
    pub(crate) fn tell(&mut self, faults: &str) {
        let Some(row) = &self.row else { return };
        let has_faults = !faults.is_empty();
        if std::mem::replace(&mut self.has_faults, has_faults) {
            row.end(Duration::ZERO);
        }
        if has_faults {
            row.begin(faults, "");
        }
    }
}

impl Drop for LinkStory {
    fn drop(&mut self) {
        self.tell("");
        if let Some(row) = &self.row {
            row.end(Duration::ZERO);
        }
    }
}

/// Ends the span when dropped.
#[must_use = "the span lasts as long as this"]
pub(crate) struct Entered {
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

/// Begins a span of this thread for a process.
pub(crate) fn enter(span: Span, process: &str) -> Entered {
    #[cfg(feature = "tracing")]
    let entered = Entered {
        _span: match span {
            Span::Start => tracing::info_span!(target: "summon", "start", process).entered(),
            Span::Stop => tracing::info_span!(target: "summon", "stop", process).entered(),
        },
    };
    #[cfg(not(feature = "tracing"))]
    let entered = {
        let _ = (span, process);
        Entered {}
    };
    entered
}

/// Reports an event to `tracing` subscribers only.
pub(crate) fn tell(process: &str, moment: Moment<'_>) {
    #[cfg(feature = "tracing")]
    {
        use tracing::{debug, info, warn};
        match moment {
            Moment::Turn(port) => debug!(target: "summon", process, port, "waits for its turn"),
            Moment::Before(command) => {
                debug!(target: "summon", process, command, "runs before it");
            }
            Moment::Launched(pid) => debug!(target: "summon", process, pid, "is executed"),
            Moment::Seen(what) => debug!(target: "summon", process, what, "is seen"),
            Moment::Ready(took) => info!(target: "summon", process, ?took, "is ready"),
            Moment::NotReady(why) => warn!(target: "summon", process, why, "is not ready"),
            Moment::Died(how, ago) => warn!(target: "summon", process, how, ?ago, "has died"),
            Moment::Stopping(signal) => {
                debug!(target: "summon", process, signal, "is asked to end");
            }
            Moment::Killed => warn!(target: "summon", process, "is killed"),
            Moment::Gone => info!(target: "summon", process, "is gone"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (process, moment);
}
