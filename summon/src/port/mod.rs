//! Leases of free ports, and turns for fixed ports.

mod holder;
mod taken;

use std::io;
use std::ops::RangeInclusive;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::progress::Progress;
use crate::session;
use crate::sys::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::sys::{ports, random, wait};
use crate::trace::acting_thread;
use holder::{HOLDING_LIMIT, Sort, describe};
use taken::{Taken, turns};

/// The preferred ports. Ports below 10,000 are well known, and fixed configurations use them. The
/// upper end is where the kernel's own range usually begins. A server may derive a second port by
/// adding 10,000, as Redis Cluster does.
const PREFERRED: RangeInclusive<u16> = 10_000..=32_767;
/// Up to here, the port plus 10,000 exists.
const DERIVED_EXISTS: u16 = u16::MAX - 10_000;
/// The blocked ports of browsers in this range (<https://fetch.spec.whatwg.org/#port-blocking>).
const BLOCKED: [u16; 1] = [10_080];

/// All ports to choose from.
const CHOICES: RangeInclusive<u16> = *PREFERRED.start()..=u16::MAX;

/// Returns the group of a port, best first: 0 preferred ports, 1 and 2 other ports outside the
/// kernel's range, 3 ports within that range, for machines where the range covers all.
fn group(port: u16, ephemeral: &RangeInclusive<u16>) -> Option<usize> {
    match port {
        port if BLOCKED.contains(&port) => None,
        port if ephemeral.contains(&port) => Some(3),
        port if PREFERRED.contains(&port) => Some(0),
        port if port <= DERIVED_EXISTS => Some(1),
        _ => Some(2),
    }
}

/// Returns the ports of a group, from a random port on. Lazy, since usually the first will do.
fn choices(index: usize, ephemeral: &RangeInclusive<u16>) -> impl Iterator<Item = u16> {
    let range = match index {
        0 => PREFERRED,
        _ => CHOICES,
    };
    let (first, last) = range.into_inner();
    let start = first + (random() % (u64::from(last - first) + 1)) as u16;
    let ports = (start..=last).chain(first..start);
    ports.filter(move |port| group(*port, ephemeral) == Some(index))
}

/// A port that no other process with summon on this machine uses while this value or a copy of the
/// claim exists. The guard of a service holds a copy.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) port: u16,
    claim: OwnedFd,
}

impl Lease {
    /// Picks a free port. Prefers ports outside the range that the kernel hands out.
    pub(crate) fn pick() -> Result<Lease, Error> {
        let ephemeral = ports::ephemeral();
        for port in (0..4).flat_map(|group| choices(group, &ephemeral)) {
            // First the claim, then the check. In the other order, two processes could both find
            // the port free, and both use it. `is_free` also asks the kernel, for servers without
            // summon.
            match ports::claim(port, session::base) {
                Ok(Some(claim)) if ports::is_free(port) => return Ok(Lease { port, claim }),
                Ok(_) => {}
                Err(error) => return Err(Error::new(format!("no port can be leased: {error}"))),
            }
        }
        Err(Error::new(format!(
            "no free port: all from {} to {} are taken",
            PREFERRED.start(),
            u16::MAX
        )))
    }

    /// Returns a copy of the claim, for a guard to hold.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        self.claim.try_clone()
    }
}

/// A turn: the lease of a fixed port, which test processes share in turns.
#[derive(Debug)]
pub(crate) struct Turn {
    lease: Lease,
    thread: ThreadId,
}

/// The reason why a turn could not be taken.
#[derive(Debug)]
pub(crate) enum NoTurn {
    /// This thread itself has the port, for the named process, so the wait would never end.
    Own(String),
    /// A fixture of this process keeps the port to the end, so the wait would never end.
    Fixture(String),
    /// The wait took too long. Names the holder of the port, with a hint.
    Late {
        holder: String,
        hint: String,
    },
    /// The caller gave up.
    GivenUp,
    Failed(io::Error),
}

/// How often to look where the system does not report the end of a turn: on macOS, if 4,096
/// processes wait already, and if the holder does not listen.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Turn {
    /// Waits until the lease of `port` is free, and takes it. The wait ends if `given_up` becomes
    /// readable.
    pub(crate) fn take(
        port: u16,
        name: &str,
        for_good: bool,
        limit: Duration,
        given_up: Option<BorrowedFd<'_>>,
    ) -> Result<Turn, NoTurn> {
        let thread = acting_thread();
        let holding = {
            let turns = turns();
            if let Some(other) = turns.iter().find(|turn| turn.port == port && turn.for_good) {
                return Err(NoTurn::Fixture(other.name.clone()));
            }
            let mut mine = turns.iter().filter(|turn| turn.thread == thread);
            if let Some(other) = mine.clone().find(|turn| turn.port == port) {
                return Err(NoTurn::Own(other.name.clone()));
            }
            mine.next().is_some()
        };
        let limit = match holding {
            true => limit.min(HOLDING_LIMIT),
            false => limit,
        };
        let began = Instant::now();
        let deadline = began + limit;
        let mut progress = Progress::new(began);
        // Kept while it is valid: each look makes a connection, which stays in the holder's queue.
        let mut holder: Option<ports::Holder> = None;
        let (mut sort, mut since) = (Sort::Usual, began);
        loop {
            // Each round tries the claim first. The end of the holder only wakes this thread, and
            // another process may be faster.
            if let Some(claim) = ports::claim(port, session::base).map_err(NoTurn::Failed)? {
                note(port, thread, name, for_good);
                let lease = Lease { port, claim };
                return Ok(Turn { lease, thread });
            }
            if holder.as_mut().is_none_or(ports::Holder::has_ended) {
                holder = ports::holder(port, session::base).map_err(NoTurn::Failed)?;
            }
            let now = Instant::now();
            let found = Sort::of(holder.as_ref(), port);
            if found != sort {
                (sort, since) = (found, now);
            }
            let limit = sort.limit(since, deadline);
            let is_late = now >= limit;
            if is_late || progress.is_due(now) {
                // A test process may have passed its claim to a guard since the first look.
                let now_seen = ports::holder(port, session::base).map_err(NoTurn::Failed)?;
                let described = describe(now_seen.as_ref(), port);
                if is_late {
                    let hint = sort.hint(holding, limit.min(deadline) - began);
                    let holder = described;
                    return Err(NoTurn::Late { holder, hint });
                }
                progress.say(&format!(
                    "{name} waits for its turn on port {port}; it is held by {described}"
                ));
            }
            if given_up.is_some_and(|it| wait::is_readable(&it)) {
                return Err(NoTurn::GivenUp);
            }
            // The connection ends with the holder, and brings its word. Both wake this thread.
            let connection = holder.as_ref().and_then(|it| it.connection.as_ref());
            let look_again = connection.is_none().then(|| now + LOOK_AGAIN);
            let fds: Vec<_> = connection
                .map(AsFd::as_fd)
                .into_iter()
                .chain(given_up)
                .collect();
            let until = look_again
                .into_iter()
                .fold(limit.min(progress.due()), Instant::min);
            wait::sleep(&fds, Some(until)).map_err(NoTurn::Failed)?;
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.lease.port
    }

    /// Returns a copy of the claim, for a guard to hold.
    pub(crate) fn share(&self) -> io::Result<OwnedFd> {
        self.lease.share()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        turns().retain(|turn| (turn.port, turn.thread) != (self.lease.port, self.thread));
    }
}

fn note(port: u16, thread: ThreadId, name: &str, for_good: bool) {
    let name = name.to_owned();
    turns().push(Taken {
        port,
        thread,
        name,
        for_good,
    });
}

/// Records that a fixture, started by another process, keeps this port to the end.
pub(crate) fn note_fixture(port: u16, name: &str) {
    note(port, std::thread::current().id(), name, true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::wait::Waker;

    fn groups(ephemeral: &RangeInclusive<u16>) -> [Vec<u16>; 4] {
        [0, 1, 2, 3].map(|group| choices(group, ephemeral).collect())
    }

    #[test]
    fn leases_are_distinct_and_outside_the_ephemeral_range() {
        let leases: Vec<_> = (0..100).map(|_| Lease::pick().unwrap()).collect();
        let mut seen: Vec<_> = leases.iter().map(|lease| lease.port).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
        let ephemeral = ports::ephemeral();
        assert!(seen.iter().all(|port| !ephemeral.contains(port)));
        let [best, ..] = groups(&ephemeral);
        assert!(best.is_empty() || seen.iter().all(|port| best.contains(port)));
    }

    #[test]
    fn a_port_has_room_above_it_and_is_one_that_clients_take() {
        for ephemeral in [
            32_768..=60_999,
            10_000..=20_000,
            20_000..=65_535,
            1_024..=40_000,
        ] {
            let [best, others, high, inside] = groups(&ephemeral);
            let all = [&best[..], &others, &high, &inside].concat();
            assert!(!all.contains(&10_080));
            assert_eq!(all.len(), 55_535, "{ephemeral:?}");
            let outside = [&best[..], &others, &high].concat();
            assert!(outside.iter().all(|port| !ephemeral.contains(port)));
            assert!(best.iter().all(|port| (10_000..=32_767).contains(port)));
            assert!(others.iter().all(|port| port.checked_add(10_000).is_some()));
            // If there are preferred ports, others are not taken.
            assert_eq!(
                best.is_empty(),
                ephemeral == (1_024..=40_000),
                "{ephemeral:?}"
            );
        }
        let [best, others, high, inside] = groups(&(1_024..=65_535));
        assert!(best.is_empty() && others.is_empty() && high.is_empty() && !inside.is_empty());
    }

    #[test]
    fn a_lease_lasts_as_long_as_a_copy_of_its_claim() {
        let lease = Lease::pick().unwrap();
        let (port, copy) = (lease.port, lease.share().unwrap());
        drop(lease);
        assert!(ports::claim(port, session::base).unwrap().is_none());
        drop(copy);
        // A fork elsewhere in this test binary may hold a closed descriptor for a moment.
        let limit = Instant::now() + Duration::from_secs(5);
        while ports::claim(port, session::base).unwrap().is_none() {
            assert!(Instant::now() < limit, "the claim is never given back");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_claim_that_lingers_in_a_fork_is_nobodys() {
        let lease = Lease::pick().unwrap();
        // A fork from before the release has a copy like this.
        let copy = lease.share().unwrap();
        let port = lease.port;
        drop(lease);
        std::thread::scope(|threads| {
            let take = || Turn::take(port, "next", false, Duration::ZERO, None).map(drop);
            let waiting = threads.spawn(take);
            until_it_waits(&copy);
            drop(copy);
            waiting.join().unwrap().unwrap();
        });
    }

    /// Returns when a thread waits for the end of the claim: its connection is in the queue.
    fn until_it_waits(claim: &OwnedFd) {
        wait::sleep(&[claim.as_fd()], None).unwrap();
    }

    #[test]
    fn a_wait_ends_as_soon_as_it_is_given_up() {
        let lease = Lease::pick().unwrap();
        let (waker, limit) = (Waker::new().unwrap(), Duration::from_secs(600));
        let given_up = Some(waker.as_fd());
        std::thread::scope(|threads| {
            let take = || Turn::take(lease.port, "given up", false, limit, given_up);
            let waiting = threads.spawn(take);
            until_it_waits(&lease.claim);
            waker.wake();
            let error = waiting.join().unwrap().unwrap_err();
            assert!(matches!(error, NoTurn::GivenUp), "{error:?}");
        });
    }

    #[test]
    fn a_turn_comes_when_the_last_holder_has_ended() {
        // A private lease keeps the port from all other processes on this machine.
        let lease = Lease::pick().unwrap();
        let (port, never) = (lease.port, None);
        let limit = Duration::from_secs(30);
        let late = Turn::take(port, "late", false, Duration::from_millis(20), never).unwrap_err();
        assert!(
            matches!(&late, NoTurn::Late { hint, .. } if hint.contains("the start waited for 20ms")),
            "{late:?}"
        );
        std::thread::scope(|threads| {
            let waiting =
                threads.spawn(|| Turn::take(port, "waiting", false, limit, never).map(drop));
            // The thread must get its turn, whether it waits already or not.
            drop(lease);
            waiting.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_thread_does_not_wait_for_the_thread_that_waits_for_it() {
        let lease = Lease::pick().unwrap();
        let port = lease.port;
        drop(lease);
        let limit = Duration::from_secs(30);
        let _turn = Turn::take(port, "first", false, limit, None).unwrap();
        let context = crate::trace::Context::of_waiter();
        let take = || Turn::take(port, "its setup", false, limit, None);
        let own = std::thread::scope(|threads| {
            let setup = threads.spawn(|| context.within(take));
            setup.join().unwrap().unwrap_err()
        });
        assert!(matches!(own, NoTurn::Own(first) if first == "first"));
    }

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let lease = Lease::pick().unwrap();
        let port = lease.port;
        drop(lease);
        let turn = Turn::take(port, "first", false, Duration::from_secs(30), None).unwrap();
        let own = Turn::take(port, "second", false, Duration::MAX, None).unwrap_err();
        assert!(matches!(own, NoTurn::Own(first) if first == "first"));
        drop(turn);
        drop(Turn::take(port, "second", false, Duration::from_secs(30), None).unwrap());
    }
}
