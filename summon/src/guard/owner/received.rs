//! The messages of a guard to its owner, and the threads that wait for more.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::guard::databases::Answer;
use crate::guard::protocol::message::News;
use crate::guard::state::{Allowed, Interest, State};
use crate::sys::wait::{self, Waker};

/// The most lengths of a log that are kept. Beyond that, every second one goes.
const MOST_LENGTHS: usize = 2048;

/// The state of a service by the guard's news.
#[derive(Debug, Default)]
pub(super) struct Received(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    state: State,
    /// The answers to tests that want a database, with the numbers of their orders.
    answers: Vec<(u64, Answer)>,
    /// Where tests allow lines that they forbid otherwise, in the order of the output.
    allowed: Vec<Allowed>,
    /// The lengths that the log had, and when the owner heard them.
    lengths: Vec<(u64, Instant)>,
    sleepers: Vec<(Arc<Waker>, Interest)>,
}

/// A thread that sleeps until news arrives.
#[derive(Debug)]
pub(crate) struct Sleeper {
    pub(crate) waker: Arc<Waker>,
    received: Arc<Received>,
}

impl Sleeper {
    /// Registers a sleeper, which news wakes. Register first, then check the state, then sleep: in
    /// this order no news is missed.
    pub(super) fn new(received: &Arc<Received>, interest: Interest) -> io::Result<Sleeper> {
        let waker = Arc::new(Waker::new()?);
        let sleeper = (Arc::clone(&waker), interest);
        received.lock().sleepers.push(sleeper);
        Ok(Sleeper {
            waker,
            received: Arc::clone(received),
        })
    }

    /// Waits until `done` accepts the state. Returns `Ok(None)` at the deadline. A readable
    /// descriptor in `fds` only wakes the wait, and `done` checks it.
    pub(crate) fn wait_until(
        &self,
        deadline: Instant,
        fds: &[BorrowedFd<'_>],
        mut done: impl FnMut(&State) -> bool,
    ) -> io::Result<Option<State>> {
        loop {
            let state = self.received.state();
            if done(&state) {
                return Ok(Some(state));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let mut all = vec![self.waker.as_fd()];
            all.extend(fds);
            wait::sleep(&all, Some(deadline))?;
            // Look, sleep, reset. News after the look sets the waker, so the sleep returns at once. A
            // reset between the look and the sleep would erase such news.
            self.waker.reset();
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut known = self.received.lock();
        known
            .sleepers
            .retain(|(waker, _)| !Arc::ptr_eq(waker, &self.waker));
    }
}

impl Received {
    pub(super) fn state(&self) -> State {
        self.lock().state.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // No code panics under this lock, and each assignment leaves a complete state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next answer to this order for a database.
    pub(super) fn take_answer(&self, number: u64) -> Option<Answer> {
        let answers = &mut self.lock().answers;
        let at = answers.iter().position(|(it, _)| *it == number)?;
        Some(answers.remove(at).1)
    }

    pub(super) fn allowed(&self) -> Vec<Allowed> {
        self.lock().allowed.clone()
    }

    pub(super) fn note_allowed(&self, allowed: Allowed) {
        self.lock().allowed.push(allowed);
    }

    /// Returns when the owner heard that the log has reached beyond this offset.
    pub(super) fn written_at(&self, offset: u64) -> Option<Instant> {
        let lengths = &self.lock().lengths;
        let later = lengths.partition_point(|(length, _)| *length <= offset);
        lengths.get(later).map(|(_, at)| *at)
    }

    fn note_length(&self, length: u64) {
        let lengths = &mut self.lock().lengths;
        lengths.push((length, Instant::now()));
        if lengths.len() >= MOST_LENGTHS {
            let mut index = 0;
            // Keeps the last one, which answers for the newest output.
            lengths.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
    }

    pub(super) fn learn(&self, news: News) {
        match news {
            News::Allowed(allowed) => return self.note_allowed(allowed),
            News::Grown(length) => self.note_length(length),
            _ => {}
        }
        if let News::Database { number, answer } = news {
            self.lock().answers.push((number, answer));
            return self.update(|interest| interest == Interest::All, |_| ());
        }
        // Output must not wake a probe that looks at its own pace: its own looks may cause output.
        let of = match news {
            News::Grown(_) | News::Lost { .. } => Interest::Output,
            News::Noticed(_) => Interest::Notices,
            _ => Interest::Ends,
        };
        let wakes = |interest| match interest {
            Interest::All => true,
            Interest::Gone => false,
            _ => of == Interest::Ends || interest == of,
        };
        self.update(wakes, |state| match news {
            News::Started { guard, pid } => {
                state.forked_away = state.pids.is_some();
                state.pids = Some((guard, pid));
            }
            News::Refused { step, errno } => state.refused = Some((step, errno)),
            // The woken sleeper reads the log itself.
            News::Grown(_) => {}
            News::Exited(status) => {
                state.exit = Some(ExitStatus::from_raw(status));
                state.exited = Some(Instant::now());
            }
            // The guard still holds leases and files. `guard_closed` sets `gone` when it has ended
            // too.
            News::Gone => {
                state.finished = true;
                state.survivors.clear();
            }
            News::Shared(details) => state.shared = Some(details.into()),
            News::Noticed(notice) => {
                let extended = notice.extend.map(|time| Instant::now() + time);
                state.extended = extended.max(state.extended);
                state.notice = Some(notice);
            }
            News::Killed => state.killed = true,
            // Only the first request counts. Any later end follows from it.
            News::Asked { is_ending } if state.asked.is_none() => {
                state.asked = Some(Instant::now());
                state.ended_unasked = is_ending || state.exit.is_some();
            }
            News::Asked { .. } => {}
            News::Synced(number) => state.confirm(number),
            News::AfterStop(ran) => state.after_stop.push(ran),
            News::Lost { bytes, errno } => state.lost = Some((bytes, errno)),
            News::Survived(names) => state.survivors = names,
            News::RunEnded => state.run_ended = true,
            News::Told(told) => state.told = told,
            // The guard of a service never sends this.
            News::Ran(_) | News::Database { .. } | News::Allowed(_) => {}
        });
    }

    pub(super) fn guard_closed(&self) {
        self.update(
            |_| true,
            |state| {
                // The guard's socket is close-on-exec, so no program of the service holds a copy.
                // The end of file means that the guard itself has ended.
                state.gone = true;
                // A guard that reported survivors has ended in order.
                let finished = state.finished || !state.survivors.is_empty();
                state.guard_died = state.pids.is_some() && !finished;
            },
        );
    }

    fn update(&self, wakes: impl Fn(Interest) -> bool, change: impl FnOnce(&mut State)) {
        let woken: Vec<_> = {
            let mut known = self.lock();
            change(&mut known.state);
            let sleepers = known.sleepers.iter().filter(|(_, it)| wakes(*it));
            sleepers.map(|(waker, _)| Arc::clone(waker)).collect()
        };
        // After the lock: a woken thread takes it at once, and would sleep again.
        woken.iter().for_each(|it| it.wake());
    }
}
