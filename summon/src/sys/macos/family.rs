//! The family of a guard: all processes of a service, as far as they are visible. macOS has no
//! subreapers, so an orphan becomes a child of process 1. The guard still knows it by its session,
//! which the guard has begun, by the process that forked it, or from an earlier look. The kernel
//! reports each fork, and the guard then looks at the table of processes. A process that leaves the
//! session is lost only if its forker started and ended between two looks.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ancestry::{self, Root, Row};
use super::kqueue::{Kqueue, Wanted};
use super::proc;
use crate::sys::Signal;

/// A process of the family.
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

    /// Signals this process alone.
    pub(crate) fn signal(self, signal: Signal) {
        // The pid may have been reused since the look, so compare the identity first. Only the
        // moment between this check and the signal is left, and macOS has no call that closes it.
        let is_same = proc::identity(self.pid) == Some(self.id);
        let pid = rustix::process::Pid::from_raw(self.pid as i32);
        if let (true, Some(pid), Some(signal)) = (is_same, pid, signal.to_rustix()) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// The processes seen in the family of this process, a guard.
static SEEN: Mutex<Vec<Sighting>> = Mutex::new(Vec::new());

#[derive(Clone, Copy)]
struct Sighting {
    member: Member,
    /// When it was found to have ended.
    ended: Option<Instant>,
    /// Whether its end needs no report: it was reported, or the kernel reports it to the parent,
    /// which is this process.
    is_told: bool,
}

/// How long an ended process is remembered, by its identity to find those it forked, and by its pid
/// to find its session. No system reuses a pid that soon.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How often to look again if the family forks during a look.
const LOOKS: usize = 16;

/// A descriptor that is readable when a member of the family has ended or forked.
pub(crate) struct ChildEnds {
    children: OwnedFd,
    queue: Kqueue,
    /// The guards not known to have ended, in a warden.
    guards: Option<RefCell<Vec<u32>>>,
}

impl ChildEnds {
    /// Watches the family of a guard. `children` is readable when a child has ended.
    pub(crate) fn of_guard(children: OwnedFd) -> io::Result<ChildEnds> {
        ChildEnds::new(children, None)
    }

    /// Watches the guards of a warden. The guards watch their families themselves.
    pub(crate) fn of_warden(children: OwnedFd) -> io::Result<ChildEnds> {
        ChildEnds::new(children, Some(RefCell::default()))
    }

    fn new(children: OwnedFd, guards: Option<RefCell<Vec<u32>>>) -> io::Result<ChildEnds> {
        // A fork copies the list of the process above, and its family is not this one's.
        seen().clear();
        let queue = Kqueue::new()?;
        // The ends of children come through this descriptor, all others through the queue. With one
        // in the other, a sleeper polls only the queue.
        queue.add(&Wanted::Readable(children.as_raw_fd()))?;
        Ok(ChildEnds {
            children,
            queue,
            guards,
        })
    }

    /// Consumes the events so far. Call it before looking at the processes.
    pub(crate) fn note(&self) {
        // Looking first would lose an end: of a process that ends after the look and before the
        // events are consumed. Its event would be gone, and the guard would sleep.
        let _ = rustix::io::read(&self.children, &mut [0; 64]);
        self.queue.forget();
        self.watch();
    }

    /// Takes note of a new child. Earlier events stay, since one may be this child's end.
    pub(crate) fn started(&self, child: u32) {
        match &self.guards {
            Some(guards) => guards.borrow_mut().push(child),
            // Remember it even if it has ended by now: its identity leads to the processes that it
            // forked.
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
                // The kernel reports an end before the process is a zombie, and reports it once. A
                // process that is about to end can't be watched (`ESRCH`), and still looks alive.
                // So look again soon, until it is a zombie.
                if added.is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH)) {
                    let _ = self.queue.add(&Wanted::Soon);
                }
            }
            // A process that forks after the look and before its watch is set causes no event, and
            // its child is missing in the list. So look until a look finds no change.
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

    /// Closes the copy in a forked child, which must not use it again. A fork does not copy the
    /// queue.
    pub(crate) fn close_copy(&self) {
        // SAFETY: the caller is a forked child that never uses this value again, nor drops it.
        let _ = unsafe { libc::close(self.children.as_raw_fd()) };
    }
}

/// Makes orphans below this process its children, on other systems. Here, guards look for orphans.
#[expect(clippy::unnecessary_wraps, reason = "other systems may refuse it")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

impl AsFd for ChildEnds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

fn seen() -> MutexGuard<'static, Vec<Sighting>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(child: u32) {
    let Some(id) = proc::identity(child) else {
        return;
    };
    seen().push(Sighting {
        member: Member { pid: child, id },
        ended: None,
        is_told: true,
    });
}

/// Lists the living members of the family, the eldest first.
fn look() -> Vec<Member> {
    let mut seen = seen();
    // If the table can't be read, the last look stands: a member that is taken for alive is
    // signalled once more, and its identity protects a stranger.
    if let Ok(table) = proc::table() {
        // Compare identities, not pids: an equal pid may be a new process.
        let is_alive = |id: u64| table.iter().any(|row| row.id == id && !row.has_ended);
        for it in seen.iter_mut().filter(|it| it.ended.is_none()) {
            if !is_alive(it.member.id) {
                it.ended = Some(Instant::now());
            }
        }
        seen.retain(|it| it.ended.is_none_or(|at| at.elapsed() < REMEMBERED));
        // This process itself is a root. Its session finds orphans, its identity finds children
        // that have begun a session. Ended members stay roots for a while, since a look may not
        // have found all their children yet.
        let me = Root::of(std::process::id());
        let known = seen.iter().map(|it| Root {
            pid: it.member.pid,
            id: Some(it.member.id),
        });
        let new = ancestry::below(&table, &known.chain([me]).collect::<Vec<_>>());
        let new = new.iter().filter(|row| !row.has_ended);
        seen.extend(new.map(|row| Sighting {
            member: Member::of(row),
            ended: None,
            // The kernel reports the end of this process's own children by `wait`. A second report
            // would count one end twice.
            is_told: Some(row.forked_by) == me.id,
        }));
    }
    let alive = seen.iter().filter(|it| it.ended.is_none());
    let mut alive: Vec<Member> = alive.map(|it| it.member).collect();
    // Identities rise with each fork, so parents come before their children.
    alive.sort_by_key(|member| member.id);
    alive
}

/// Lists all members of the family, parents before their children.
pub(crate) fn everybody() -> Vec<u32> {
    look().into_iter().map(|it| it.pid).collect()
}

/// Lists the members to kill first. These are all members, since orphans don't become children
/// here.
pub(crate) fn nearest() -> Vec<Member> {
    look()
}

/// Whether no member is left, asked when this process has no child.
pub(crate) fn is_gone() -> bool {
    look().is_empty()
}

/// Finds an ended member that is not a child, as of the last look. Each is reported once, without
/// its status, which the kernel gives only to the parent.
pub(crate) fn ended() -> Option<u32> {
    let mut seen = seen();
    let mut news = seen.iter_mut().filter(|it| it.ended.is_some());
    let news = news.find(|it| !it.is_told)?;
    news.is_told = true;
    Some(news.member.pid)
}

/// Signals every descendant of `root`, which is this process or a descendant.
pub(crate) fn signal_below(root: u32, signal: Signal) {
    let found = match root == std::process::id() {
        // The guard's earlier looks have found members that the table alone no longer connects to
        // it.
        true => look(),
        false => below(Root::of(root)).iter().map(Member::of).collect(),
    };
    found.into_iter().for_each(|member| member.signal(signal));
}

/// Lists the processes below a process, or in its session.
fn below(root: Root) -> Vec<Row> {
    proc::table().map_or_else(|_| Vec::new(), |table| ancestry::below(&table, &[root]))
}

/// macOS sends no signal when a parent ends. If the guard is killed, the warden kills its family.
#[expect(clippy::unnecessary_wraps, reason = "on other systems it may fail")]
pub(crate) fn die_with_guard() -> io::Result<()> {
    Ok(())
}

/// The sessions that killed guards have left to their warden.
pub(crate) struct Orphans(Vec<u32>);

impl Orphans {
    pub(crate) fn new() -> Orphans {
        Orphans(Vec::new())
    }

    /// Takes note of the end of a guard.
    pub(crate) fn guard_ended(&mut self, guard: u32) {
        self.0.push(guard);
    }

    /// Finds the processes without a guard. While a session has a member, no new process gets its
    /// number. An empty session is forgotten at once.
    pub(crate) fn find(&mut self, _: &[u32]) -> Vec<Member> {
        let mut all = Vec::new();
        self.0.retain(|session| {
            // Search by the session alone. Its first process, the guard, has ended and been reaped,
            // so any process with its pid is a stranger.
            let (pid, id) = (*session, None);
            let left = below(Root { pid, id });
            let before = all.len();
            all.extend(left.iter().filter(|row| !row.has_ended).map(Member::of));
            all.len() > before
        });
        all
    }
}
