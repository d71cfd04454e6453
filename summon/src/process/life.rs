//! A process's life: the states between starts and stops, and who may change them.

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

/// What a process is doing. Behind a lock that is never held while something is waited for.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// A start is under way. It alone may set `run`.
    pub(super) starting: bool,
    /// How many starts there were, to tell one from the next.
    pub(super) starts: u64,
    /// A stop came while it was: the start gives up as soon as it sees it.
    pub(super) cancelled: bool,
    pub(super) run: Option<Arc<Run>>,
    /// The commands that must come before it have succeeded.
    pub(super) prepared: bool,
    /// The turns on fixed ports, from before the start until nothing is left.
    pub(super) turns: Vec<Turn>,
    /// Where somebody serves who was there before, and whom we use and leave alone.
    pub(super) reused: Option<SocketAddr>,
}

/// From one start to the next stop.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) guarded: Arc<Guarded>,
    pub(super) as_run: AsRun,
    pub(super) home: Arc<Home>,
    /// Where in the log it begins.
    pub(super) since: u64,
    pub(super) addr: OnceLock<SocketAddr>,
    /// When it became ready.
    pub(super) ready: OnceLock<Instant>,
    /// The command that asks it to end, if not a signal.
    pub(super) stop_command: Option<Vec<OsString>>,
    /// Where its standard input is written, if the test does so.
    pub(super) stdin: Mutex<Option<File>>,
    /// What it has told, by name.
    pub(super) values: Mutex<BTreeMap<String, String>>,
    cancelled: AtomicBool,
    /// Shows its output meanwhile.
    pub(super) live: OnceLock<Live>,
    /// Somebody has asked it to end, or waited for its end.
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

    /// Notes that somebody stops this run, so that its end is no surprise.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Notes that its end is no surprise, from now on. Says whether it was one before.
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
