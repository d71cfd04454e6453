//! The family of a guard, which is all of a service, as far as it can be seen. There are no
//! subreapers here: who loses its parent becomes a child of process 1. It is still known by its
//! session, which the guard has begun, or by having been seen before: the guard is told of forks,
//! and then looks who is there. One that leaves the session, and whose parent ends, both before
//! that look, is lost.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kqueue::{Kqueue, Wanted};
use super::proc::{self, Row};
use crate::sys::Signal;

/// Who was seen in the family of this process, which is a guard.
static SEEN: Mutex<Vec<Member>> = Mutex::new(Vec::new());

#[derive(Clone, Copy)]
struct Member {
    pid: u32,
    began: Option<u64>,
    /// When it was seen that it has ended.
    ended: Option<Instant>,
    /// Its end is no news any more, or will be told to its parent, which is us.
    is_told: bool,
}

/// So long its pid still says whose children and whose session are ours. No system gives a pid
/// again so soon.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Who forks while it is looked is looked for again, so often.
const LOOKS: usize = 16;

/// Can be read when somebody of the family has ended, or has forked.
pub(crate) struct Ends {
    children: OwnedFd,
    queue: Kqueue,
    is_guards: bool,
}

impl Ends {
    /// Those of a guard's family. `children`: can be read when a child has ended.
    pub(crate) fn of_guard(children: OwnedFd) -> io::Result<Ends> {
        Ends::new(children, true)
    }

    /// Those of guards. What is below these is for them to look at.
    pub(crate) fn of_warden(children: OwnedFd) -> io::Result<Ends> {
        Ends::new(children, false)
    }

    fn new(children: OwnedFd, is_guards: bool) -> io::Result<Ends> {
        // What the process has seen that this one was forked from.
        seen().clear();
        let queue = Kqueue::new()?;
        queue.add(&Wanted::Readable(children.as_raw_fd()))?;
        Ok(Ends {
            children,
            queue,
            is_guards,
        })
    }

    /// Takes note of what has happened. Do it before a look at what it was about.
    pub(crate) fn note(&self) {
        let _ = rustix::io::read(&self.children, &mut [0; 64]);
        self.queue.forget();
        self.started();
    }

    /// Somebody was started. What is told already stays told: it may be of that one's end.
    pub(crate) fn started(&self) {
        if !self.is_guards {
            return;
        }
        let mut watched = 0;
        for _ in 0..LOOKS {
            let family = look();
            for member in &family {
                // Its end was seen if it has ended meanwhile.
                let _ = self.queue.add(&Wanted::EndAndForks(member.pid));
            }
            // A fork between the look and the watch was told by neither.
            if family.len() == watched {
                return;
            }
            watched = family.len();
        }
    }

    /// Closes the copy that a fork has made, which must not touch it again. The queue has none.
    pub(crate) fn close_copy(&self) {
        // SAFETY: the caller is a child that never touches it again.
        let _ = unsafe { libc::close(self.children.as_raw_fd()) };
    }
}

impl AsFd for Ends {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

fn seen() -> MutexGuard<'static, Vec<Member>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who of the family is alive, the eldest first.
fn look() -> Vec<Member> {
    let mut seen = seen();
    let Ok(table) = proc::table() else {
        return seen
            .iter()
            .filter(|it| it.ended.is_none())
            .copied()
            .collect();
    };
    let is_alive = |member: &Member| {
        let same = |row: &&Row| row.pid == member.pid && row.began == member.began;
        table.iter().find(same).is_some_and(|row| !row.has_ended)
    };
    for member in seen.iter_mut().filter(|it| it.ended.is_none()) {
        if !is_alive(member) {
            member.ended = Some(Instant::now());
        }
    }
    seen.retain(|it| it.ended.is_none_or(|at| at.elapsed() < REMEMBERED));
    let me = std::process::id();
    let roots: Vec<u32> = seen.iter().map(|it| it.pid).chain([me]).collect();
    let new = proc::below(&table, &roots).into_iter();
    seen.extend(new.filter(|row| !row.has_ended).map(|row| Member {
        pid: row.pid,
        began: row.began,
        ended: None,
        is_told: row.parent == me,
    }));
    let mut alive: Vec<Member> = seen
        .iter()
        .filter(|it| it.ended.is_none())
        .copied()
        .collect();
    alive.sort_by_key(|it| it.began);
    alive
}

/// Everybody in the family, parents before their children.
pub(crate) fn everybody() -> Vec<u32> {
    look().into_iter().map(|it| it.pid).collect()
}

/// Those who are to be killed first: all, since here nobody becomes our child.
pub(crate) fn nearest() -> Vec<u32> {
    everybody()
}

/// Whether nobody is left, told when no child is.
pub(crate) fn is_gone() -> bool {
    look().is_empty()
}

/// Somebody of the family who has ended without being our child, as of the last look; each is told
/// once. With what status is not to be had.
pub(crate) fn ended() -> Option<u32> {
    let mut seen = seen();
    let mut news = seen.iter_mut().filter(|it| it.ended.is_some());
    let member = news.find(|it| !it.is_told)?;
    member.is_told = true;
    Some(member.pid)
}

/// Signals every descendant of a process that is a descendant of ours, or ourselves.
pub(crate) fn signal_below(root: u32, signal: Signal) {
    let Some(signal) = signal.to_rustix() else {
        return;
    };
    let found: Vec<(u32, Option<u64>)> = match root == std::process::id() {
        true => look().into_iter().map(|it| (it.pid, it.began)).collect(),
        false => below(root)
            .into_iter()
            .map(|row| (row.pid, row.began))
            .collect(),
    };
    for (pid, began) in found {
        // The pid may have been reused since the look, though hardly in the moment from here on.
        let is_same = proc::began(pid) == began;
        if let (true, Some(pid)) = (is_same, rustix::process::Pid::from_raw(pid as i32)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Those below a process, or in its session.
fn below(root: u32) -> Vec<Row> {
    proc::table().map_or_else(|_| Vec::new(), |table| proc::below(&table, &[root]))
}

/// There is no signal for the death of a parent here. If the guard is killed, the warden kills its
/// family.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn die_with_guard() -> io::Result<()> {
    Ok(())
}

/// What guards that were killed have left to their warden: their sessions.
pub(crate) struct Orphans(Vec<u32>);

impl Orphans {
    pub(crate) fn new() -> Orphans {
        Orphans(Vec::new())
    }

    /// That a guard has ended, in whatever way.
    pub(crate) fn guard_ended(&mut self, guard: u32) {
        self.0.push(guard);
    }

    /// Everybody who has lost its guard. As long as somebody is in a session, no process gets its
    /// number, and one that is empty is forgotten at once.
    pub(crate) fn find(&mut self, _: &[u32]) -> Vec<u32> {
        let mut all = Vec::new();
        self.0.retain(|session| {
            let left = below(*session).into_iter().filter(|row| !row.has_ended);
            let before = all.len();
            all.extend(left.map(|row| row.pid));
            all.len() > before
        });
        all
    }
}
