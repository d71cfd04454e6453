//! Guards on Windows: not implemented, so no service can start.
#![allow(dead_code, reason = "no service is started that would use it")]

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "databases/types.rs"]
mod databases;
#[path = "details.rs"]
mod details;
#[path = "link/faults.rs"]
mod faults;
#[path = "program.rs"]
mod program;
#[path = "state.rs"]
mod state;
#[path = "terms.rs"]
mod terms;

pub(crate) use databases::{Answer, Server, ServerKind};
pub(crate) use details::{Details, Failure};
use faults::Counts;
pub(crate) use faults::{Close, Faults, Root, Separated, WayFaults};
pub(crate) use program::{Attributes, Program};
pub(crate) use state::{
    Allowed, HelperError, Interest, LaunchError, Ran, State, Step, Whom, is_unstarted,
};
pub(crate) use terms::{About, Container, Removal, Sharing, StopPlan, Terms};

use crate::sys::fd::{BorrowedFd, OwnedFd};
use crate::sys::subnet::Subnet;
use crate::sys::wait::Waker;
use crate::sys::{Signal, unsupported};

/// Returns whether the runner of this process has ended.
pub(crate) fn run_has_ended() -> bool {
    false
}

/// Hires a warden in advance.
pub(crate) fn prepare() {}

/// Notes an interruption of this process in a directory.
pub(crate) fn note_interruption_in(_dir: &std::path::Path) {}

impl Failure {
    pub(crate) fn encode(&self) -> Vec<u8> {
        Vec::new()
    }

    pub(crate) fn decode(_bytes: &[u8]) -> io::Result<Failure> {
        Err(unsupported())
    }
}

/// A command under a guard.
#[derive(Debug)]
pub(crate) struct Guarded(Infallible);

impl Guarded {
    pub(crate) fn launch(
        _program: &Program,
        _terms: &Terms,
        _deadline: Instant,
        _cancelled: BorrowedFd<'_>,
    ) -> Result<Guarded, LaunchError> {
        Err(LaunchError::NoGuard(unsupported()))
    }

    pub(crate) fn join(nobody: Infallible) -> io::Result<Guarded> {
        Ok(Guarded(nobody))
    }

    pub(crate) fn is_ours(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn share(&self, _details: Details) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn state(&self) -> State {
        match self.0 {}
    }

    pub(crate) fn wait_until(
        &self,
        _deadline: Instant,
        _fds: &[BorrowedFd<'_>],
        _done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        match self.0 {}
    }

    pub(crate) fn sleeper(&self, _interest: Interest) -> io::Result<Sleeper> {
        match self.0 {}
    }

    pub(crate) fn signal(&self, _signal: Signal, _whom: Whom) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn hold(&self, _limit: Option<Duration>) {
        match self.0 {}
    }

    pub(crate) fn begin_use(&self, _test: String, _since: u64) -> u64 {
        match self.0 {}
    }

    pub(crate) fn end_use(&self, _number: u64) {
        match self.0 {}
    }

    pub(crate) fn want_database(&self, _test: String, _server: Server) -> io::Result<u64> {
        match self.0 {}
    }

    pub(crate) fn want_defaults(&self, _server: Server) -> io::Result<u64> {
        match self.0 {}
    }

    pub(crate) fn wait_for_database(
        &self,
        _number: u64,
        _deadline: Instant,
    ) -> io::Result<Option<Answer>> {
        match self.0 {}
    }

    pub(crate) fn fill_template(&self, _name: String, _failure: Option<String>) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn cancel_database(&self, _number: u64) {
        match self.0 {}
    }

    pub(crate) fn give_up_database(&self, _name: String, _has_failed: bool) {
        match self.0 {}
    }

    pub(crate) fn allow(&self, _pattern: &str, _begins: bool) {
        match self.0 {}
    }

    pub(crate) fn note_allowed(&self, _allowed: Allowed) {
        match self.0 {}
    }

    pub(crate) fn allowed(&self) -> Vec<Allowed> {
        match self.0 {}
    }

    pub(crate) fn written_at(&self, _offset: u64) -> Option<Instant> {
        match self.0 {}
    }

    pub(crate) fn pause(&self, _pause: bool) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn catch_up(&self) {
        match self.0 {}
    }

    pub(crate) fn complete_log(&self) {
        match self.0 {}
    }

    pub(crate) fn note_ready(&self, _length: u64) {
        match self.0 {}
    }

    pub(crate) fn post_mortem(&self, _failed: Instant) -> State {
        match self.0 {}
    }

    pub(crate) fn stop(&self, _plan: StopPlan) -> io::Result<State> {
        match self.0 {}
    }

    pub(crate) fn stop_watched(
        &self,
        _plan: StopPlan,
        _due: Instant,
        _still: impl FnMut(&State) -> Instant,
    ) -> io::Result<State> {
        match self.0 {}
    }
}

/// A thread that sleeps until news arrives.
#[derive(Debug)]
pub(crate) struct Sleeper {
    pub(crate) waker: Arc<Waker>,
}

impl Sleeper {
    pub(crate) fn wait_until(
        &self,
        _deadline: Instant,
        _fds: &[BorrowedFd<'_>],
        _done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        Err(unsupported())
    }
}

/// A guard that runs one command repeatedly.
#[derive(Debug)]
pub(crate) struct Helper(Infallible);

impl Helper {
    pub(crate) fn hire(_command: &Program, _deadline: Instant) -> io::Result<Helper> {
        Err(unsupported())
    }

    pub(crate) fn run(
        &self,
        _limit: Duration,
        _sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, HelperError> {
        match self.0 {}
    }

    pub(crate) fn run_apart(
        &self,
        _limit: Duration,
        _sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<bool>,
    ) -> Result<Ran, HelperError> {
        match self.0 {}
    }
}

pub(crate) fn start_relay(
    _name: &str,
    _addr: SocketAddr,
    _lease: &OwnedFd,
    _target: SocketAddr,
    _clients: &[Subnet],
) -> io::Result<OwnedFd> {
    Err(unsupported())
}

/// The process of a link.
#[derive(Debug)]
pub(crate) struct LinkProcess(Infallible);

impl LinkProcess {
    pub(crate) fn start(
        _name: &str,
        _port: u16,
        _lease: &OwnedFd,
        _target: Option<SocketAddr>,
    ) -> io::Result<LinkProcess> {
        Err(unsupported())
    }

    pub(crate) fn apply(&self, _faults: Faults) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn lead_to(&self, _target: SocketAddr) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn separate(&self, _nodes: Separated) -> io::Result<u64> {
        match self.0 {}
    }

    pub(crate) fn finish(&self, _number: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn has_ended(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn counts(&self) -> io::Result<Counts> {
        match self.0 {}
    }
}
