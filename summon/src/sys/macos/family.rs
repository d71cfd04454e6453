//! The family of a guard, which is all of a service, as far as it can be seen. There are no
//! subreapers here: who loses its parent becomes a child of process 1. It is still known by its
//! session, which the guard has begun, by who has forked it, or by having been seen before: the guard
//! is told of forks, and then looks who is there. One that leaves the session is lost only if whoever
//! has forked it came and went between two looks.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kqueue::{Kqueue, Wanted};
use super::proc::{self, Root, Row};
use crate::sys::Signal;

/// Somebody of the family.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    id: u64,
}

impl Member {
    fn of(row: &Row) -> Member {
        Member {
            pid: row.pid,
            id: row.id,
        }
    }

    /// Signals this one alone.
    pub(crate) fn signal(self, signal: Signal) {
        // The pid may have been reused since the look, though hardly in the moment from here on.
        let is_same = proc::identity(self.pid) == Some(self.id);
        let pid = rustix::process::Pid::from_raw(self.pid as i32);
        if let (true, Some(pid), Some(signal)) = (is_same, pid, signal.to_rustix()) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Who was seen in the family of this process, which is a guard.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

#[derive(Clone, Copy)]
struct Seen {
    member: Member,
    /// When it was seen that it has ended.
    ended: Option<Instant>,
    /// Its end is no news any more, or will be told to its parent, which is us.
    is_told: bool,
}

/// So long it still says who was forked by one of ours, and its pid whose session is ours. No system
/// gives a pid again so soon.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Who forks while it is looked is looked for again, so often.
const LOOKS: usize = 16;

/// Can be read when somebody of the family has ended, or has forked.
pub(crate) struct Ends {
    children: OwnedFd,
    queue: Kqueue,
    /// Those that are not known to have ended, if this is for guards.
    guards: Option<RefCell<Vec<u32>>>,
}

impl Ends {
    /// Those of a guard's family. `children`: can be read when a child has ended.
    pub(crate) fn of_guard(children: OwnedFd) -> io::Result<Ends> {
        Ends::new(children, None)
    }

    /// Those of guards. What is below these is for them to look at.
    pub(crate) fn of_warden(children: OwnedFd) -> io::Result<Ends> {
        Ends::new(children, Some(RefCell::default()))
    }

    fn new(children: OwnedFd, guards: Option<RefCell<Vec<u32>>>) -> io::Result<Ends> {
        // What the process has seen that this one was forked from.
        seen().clear();
        let queue = Kqueue::new()?;
        queue.add(&Wanted::Readable(children.as_raw_fd()))?;
        Ok(Ends {
            children,
            queue,
            guards,
        })
    }

    /// Takes note of what has happened. Do it before a look at what it was about.
    pub(crate) fn note(&self) {
        let _ = rustix::io::read(&self.children, &mut [0; 64]);
        self.queue.forget();
        self.watch();
    }

    /// That child was started. What is told already stays told: it may be of that one's end.
    pub(crate) fn started(&self, child: u32) {
        match &self.guards {
            Some(guards) => guards.borrow_mut().push(child),
            // Even if it has ended by now: who was forked by it is found by that.
            None => remember(child),
        }
        self.watch();
    }

    fn watch(&self) {
        let mut watched = Vec::new();
        for _ in 0..LOOKS {
            let alive = self.alive();
            for pid in &alive {
                let added = self.queue.add(&match self.guards {
                    Some(_) => Wanted::End(*pid),
                    None => Wanted::EndAndForks(*pid),
                });
                // An end is told before it can be seen, and once; who is about to end can't be watched
                // any more. So it is looked again until he is seen to have ended.
                if added.is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH)) {
                    let _ = self.queue.add(&Wanted::Soon);
                }
            }
            // A fork between the look and the watch was told by neither.
            if alive == watched {
                return;
            }
            watched = alive;
        }
    }

    fn alive(&self) -> Vec<u32> {
        match &self.guards {
            Some(guards) => {
                let mut guards = guards.borrow_mut();
                guards.retain(|guard| !proc::has_ended(*guard));
                guards.clone()
            }
            None => everybody(),
        }
    }

    /// Closes the copy that a fork has made, which must not touch it again. The queue has none.
    pub(crate) fn close_copy(&self) {
        // SAFETY: the caller is a child that never touches it again.
        let _ = unsafe { libc::close(self.children.as_raw_fd()) };
    }
}

/// Has those who lose their parent below this process become its children: guards look for them here.
#[expect(clippy::unnecessary_wraps, reason = "other systems may refuse it")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

impl AsFd for Ends {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

fn seen() -> MutexGuard<'static, Vec<Seen>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(child: u32) {
    let Some(id) = proc::identity(child) else {
        return;
    };
    seen().push(Seen {
        member: Member { pid: child, id },
        ended: None,
        is_told: true,
    });
}

/// Who of the family is alive, the eldest first.
fn look() -> Vec<Member> {
    let mut seen = seen();
    if let Ok(table) = proc::table() {
        let is_alive = |id: u64| table.iter().any(|row| row.id == id && !row.has_ended);
        for it in seen.iter_mut().filter(|it| it.ended.is_none()) {
            if !is_alive(it.member.id) {
                it.ended = Some(Instant::now());
            }
        }
        seen.retain(|it| it.ended.is_none_or(|at| at.elapsed() < REMEMBERED));
        let me = Root::of(std::process::id());
        let known = seen.iter().map(|it| Root {
            pid: it.member.pid,
            id: Some(it.member.id),
        });
        let new = proc::below(&table, &known.chain([me]).collect::<Vec<_>>());
        let new = new.iter().filter(|row| !row.has_ended);
        seen.extend(new.map(|row| Seen {
            member: Member::of(row),
            ended: None,
            is_told: Some(row.forked_by) == me.id,
        }));
    }
    let alive = seen.iter().filter(|it| it.ended.is_none());
    let mut alive: Vec<Member> = alive.map(|it| it.member).collect();
    alive.sort_by_key(|member| member.id);
    alive
}

/// Everybody in the family, parents before their children.
pub(crate) fn everybody() -> Vec<u32> {
    look().into_iter().map(|it| it.pid).collect()
}

/// Those who are to be killed first: all, since here nobody becomes our child.
pub(crate) fn nearest() -> Vec<Member> {
    look()
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
    let news = news.find(|it| !it.is_told)?;
    news.is_told = true;
    Some(news.member.pid)
}

/// Signals every descendant of a process that is a descendant of ours, or ourselves.
pub(crate) fn signal_below(root: u32, signal: Signal) {
    let found = match root == std::process::id() {
        true => look(),
        false => below(Root::of(root)).iter().map(Member::of).collect(),
    };
    found.into_iter().for_each(|member| member.signal(signal));
}

/// Those below a process, or in its session.
fn below(root: Root) -> Vec<Row> {
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
    pub(crate) fn find(&mut self, _: &[u32]) -> Vec<Member> {
        let mut all = Vec::new();
        self.0.retain(|session| {
            // By its session alone: whoever has its pid is somebody else.
            let (pid, id) = (*session, None);
            let left = below(Root { pid, id });
            let before = all.len();
            all.extend(left.iter().filter(|row| !row.has_ended).map(Member::of));
            all.len() > before
        });
        all
    }
}
