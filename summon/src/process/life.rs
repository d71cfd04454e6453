//! The state of a process between starts and stops, and the rules for changing it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::as_run::AsRun;
use super::live::Live;
use crate::guard::Guarded;
use crate::port::Turn;
use crate::session::Home;
use crate::sys::wait::Waker;

/// The current state of a process. Threads do not wait for anything while they hold its lock.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Whether a start is in progress. Only that start may set `run`.
    pub(super) starting: bool,
    /// The number of starts so far, which identifies a start.
    pub(super) starts: u64,
    /// Whether a stop has cancelled the start in progress. That start returns as soon as it sees
    /// this.
    pub(super) cancelled: bool,
    /// Woken when a stop cancels the start, and never reset.
    pub(super) cancel: Option<Arc<Waker>>,
    pub(super) run: Option<Arc<Run>>,
    /// Whether the `before` commands have succeeded.
    pub(super) prepared: bool,
    /// The turns on fixed ports, from before the start until the process and its descendants are
    /// gone.
    pub(super) turns: Vec<Turn>,
    /// The address of a reused server. summon found it running, and never stops it.
    pub(super) reused: Option<SocketAddr>,
}

/// One run of a process: from a start to the next stop.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) guarded: Arc<Guarded>,
    pub(super) as_run: AsRun,
    pub(super) home: Arc<Home>,
    /// The offset in the log where this run begins.
    pub(super) since: u64,
    pub(super) addr: OnceLock<SocketAddr>,
    /// When the process became ready.
    pub(super) ready: OnceLock<Instant>,
    /// The command that stops the process, if not a signal.
    pub(super) stop_command: Option<Vec<OsString>>,
    /// The write end of standard input, for `Stdin::piped()`.
    pub(super) stdin: Mutex<Option<File>>,
    /// The values of the banner's named groups.
    pub(super) values: Mutex<BTreeMap<String, String>>,
    cancelled: AtomicBool,
    /// The thread that prints the output, for `SUMMON_OUTPUT=live`.
    pub(super) live: OnceLock<Live>,
    /// Whether the test has stopped or signalled the process, or has waited for its end.
    expected_to_end: AtomicBool,
}

impl Life {
    pub(super) fn pid(&self) -> Option<u32> {
        let state = self.run.as_ref()?.guarded.state();
        let (_, pid) = state.pids?;
        (state.exit.is_none() && !state.gone).then_some(pid)
    }

    pub(super) fn addr(&self) -> Option<SocketAddr> {
        let run = self.run.as_ref();
        self.reused.or_else(|| run?.addr.get().copied())
    }
}

impl Run {
    pub(super) fn new(guarded: Guarded, as_run: AsRun, home: Arc<Home>, since: u64) -> Run {
        Run {
            stop_command: None,
            guarded: Arc::new(guarded),
            as_run,
            home,
            since,
            addr: OnceLock::new(),
            ready: OnceLock::new(),
            stdin: Mutex::default(),
            values: Mutex::default(),
            cancelled: AtomicBool::new(false),
            live: OnceLock::new(),
            expected_to_end: AtomicBool::new(false),
        }
    }

    /// Notes that a stop of this run has begun, so that a start in progress reports the
    /// cancellation.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Marks the end of this run as expected. Returns whether it was unexpected before.
    pub(super) fn expect_end(&self) -> bool {
        !self.expected_to_end.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_expected_to_end(&self) -> bool {
        self.expected_to_end.load(Ordering::Relaxed)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
