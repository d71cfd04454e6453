//! Counts databases: clones ahead of the demand, clones in use, and the others.

use std::collections::VecDeque;

use super::message::User;

/// How many clones are made at once: more are not faster.
pub(super) const MOST_MAKERS: usize = 4;
/// Enough for the makers, a drop, and a short job.
pub(super) const MOST_CONNECTIONS: usize = MOST_MAKERS + 2;
/// The least and the most clones ahead of the demand, and their most bytes.
const AHEAD: (usize, usize) = (8, 32);
const MOST_AHEAD: u64 = 512 << 20;
/// The limits on given-up databases. Above these, summon drops them even while tests wait.
const MOST_GIVEN_UP: usize = 64;
const MOST_BYTES_GIVEN_UP: u64 = 1 << 30;
/// How many databases must be given up before summon drops them in the pauses between other jobs.
const DROPPED_IN_PAUSES: usize = MOST_GIVEN_UP / 2;
/// How many databases of failed tests stay: the newest ones. `database.rs` tells users this number, too, in its
/// message and its docs, and so does `docs/databases.md`.
const MOST_FAILED: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Pool {
    /// The unused clones.
    ahead: VecDeque<String>,
    used: Vec<Used>,
    given_up: VecDeque<String>,
    failed: VecDeque<String>,
}

/// A database in use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Used {
    pub(super) user: User,
    /// The number of the user's order.
    pub(super) number: u64,
    pub(super) test: String,
    pub(super) name: String,
}

impl Pool {
    pub(super) fn add(&mut self, clone: String) {
        self.ahead.push_back(clone);
    }

    /// Takes a clone out of the pool.
    pub(super) fn take(&mut self) -> Option<String> {
        self.ahead.pop_front()
    }

    pub(super) fn begin_use(&mut self, used: Used) {
        self.used.push(used);
    }

    /// Returns whether the user had this database.
    pub(super) fn end_use(&mut self, user: User, name: &str) -> bool {
        let before = self.used.len();
        self.used
            .retain(|used| (used.user, used.name.as_str()) != (user, name));
        self.used.len() < before
    }

    pub(super) fn used_by(&self, user: User) -> Vec<Used> {
        let of_user = self.used.iter().filter(|used| used.user == user);
        of_user.cloned().collect()
    }

    /// Returns the name of the database that this order got.
    pub(super) fn used_for(&self, user: User, number: u64) -> Option<String> {
        let is_it = |used: &&Used| (used.user, used.number) == (user, number);
        self.used.iter().find(is_it).map(|used| used.name.clone())
    }

    pub(super) fn give_up(&mut self, name: String) {
        self.given_up.push_back(name);
    }

    /// Keeps the database of a failed test, in the place of the oldest.
    pub(super) fn keep(&mut self, name: String) {
        self.failed.push_back(name);
        if self.failed.len() > MOST_FAILED {
            self.given_up.extend(self.failed.pop_front());
        }
    }

    /// Gives up the database of the oldest failed test. Returns whether there is one.
    pub(super) fn give_up_failed(&mut self) -> bool {
        let oldest = self.failed.pop_front();
        let is_one = oldest.is_some();
        self.given_up.extend(oldest);
        is_one
    }

    pub(super) fn is_used(&self) -> bool {
        !self.used.is_empty()
    }

    /// Returns whether tests that run have all the databases.
    pub(super) fn are_all_used(&self) -> bool {
        let others = [&self.ahead, &self.given_up, &self.failed];
        self.is_used() && others.iter().all(|it| it.is_empty())
    }

    /// Returns how many more clones to begin, when `making` of this size are being made for `waiters`.
    pub(super) fn lacks(&self, making: usize, waiters: usize, users: usize, size: u64) -> usize {
        let room = usize::try_from(MOST_AHEAD / size.max(1)).unwrap_or(usize::MAX);
        let ahead = (2 * users).clamp(AHEAD.0, AHEAD.1).min(room);
        let lacks = (ahead + waiters).saturating_sub(self.ahead.len() + making);
        // Makers take processors from the tests.
        let makers = match waiters {
            0 if self.is_stocked() => 1,
            0 => MOST_MAKERS / 2,
            waiters => (waiters + 1).min(MOST_MAKERS),
        };
        lacks.min(makers.saturating_sub(making))
    }

    /// Returns how many more clones of this size may be on the server, with `busy` others that are being
    /// made or dropped. Databases in use count when they are given up.
    pub(super) fn room(&self, busy: usize, size: u64) -> usize {
        let bytes = (MOST_AHEAD + MOST_BYTES_GIVEN_UP) / size.max(1);
        let most = usize::try_from(bytes).unwrap_or(usize::MAX);
        let most = most.clamp(1, AHEAD.1 + MOST_GIVEN_UP);
        most.saturating_sub(self.ahead.len() + self.given_up.len() + busy)
    }

    /// Returns whether the next tests find clones, even if no more are begun for a moment.
    pub(super) fn is_stocked(&self) -> bool {
        self.ahead.len() >= MOST_MAKERS
    }

    /// Returns whether to drop databases in a pause.
    pub(super) fn has_much_garbage(&self, size: u64) -> bool {
        let count = self.given_up.len();
        count > DROPPED_IN_PAUSES || (count as u64).saturating_mul(size) > MOST_BYTES_GIVEN_UP / 2
    }

    pub(super) fn has_garbage(&self) -> bool {
        !self.given_up.is_empty()
    }

    /// Returns whether databases must be dropped even while tests wait.
    pub(super) fn is_full(&self, size: u64) -> bool {
        let count = self.given_up.len();
        count > MOST_GIVEN_UP || (count as u64).saturating_mul(size) > MOST_BYTES_GIVEN_UP
    }

    /// Takes the oldest database that was given up, except for these.
    pub(super) fn take_garbage(&mut self, except: &[String]) -> Option<String> {
        let at = self.given_up.iter().position(|it| !except.contains(it))?;
        self.given_up.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_made_ahead_within_bounds() {
        let mut pool = Pool::default();
        // One more maker than waiters, and four at most.
        assert_eq!(pool.lacks(1, 1, 1, 1), 1);
        assert_eq!(pool.lacks(0, 9, 1, 1), 4);
        assert_eq!(pool.lacks(3, 9, 1, 1), 1);
        // Without waiters, two until there are clones for four tests.
        let mut makers = Vec::new();
        for _ in 0..6 {
            makers.push(pool.lacks(0, 0, 1, 1));
            pool.add("clone".into());
        }
        assert_eq!(makers, [2, 2, 2, 2, 1, 1]);
        assert_eq!(pool.lacks(1, 0, 1, 1), 0);
        pool.ahead.clear();
        let until_full = |pool: &mut Pool, users, size| {
            while pool.lacks(0, 0, users, size) > 0 {
                pool.add("clone".into());
            }
            std::mem::take(&mut pool.ahead).len()
        };
        assert_eq!(until_full(&mut pool, 1, 1), 8);
        assert_eq!(until_full(&mut pool, 7, 1), 14);
        assert_eq!(until_full(&mut pool, 99, 1), 32);
        assert_eq!(until_full(&mut pool, 99, 100 << 20), 5);
        // A database larger than that is made on demand.
        assert_eq!(until_full(&mut pool, 99, 1 << 30), 0);
        assert_eq!(pool.lacks(0, 1, 99, 1 << 30), 1);
    }

    #[test]
    fn a_database_is_of_one_user() {
        let mut pool = Pool::default();
        let used = |user, name: &str| Used {
            user,
            number: 1,
            test: "test".into(),
            name: name.into(),
        };
        pool.begin_use(used(3, "a_1"));
        pool.begin_use(used(4, "b_2"));
        assert!(!pool.end_use(4, "a_1"));
        assert_eq!(pool.used_by(3), [used(3, "a_1")]);
        assert!(pool.end_use(3, "a_1"));
        assert!(!pool.end_use(3, "a_1"));
        assert_eq!(pool.used_by(3), []);
    }

    #[test]
    fn the_newest_databases_of_failed_tests_stay() {
        let mut pool = Pool::default();
        for number in 0..20 {
            pool.keep(number.to_string());
        }
        let garbage: Vec<_> = std::iter::from_fn(|| pool.take_garbage(&[])).collect();
        assert_eq!(garbage, ["0", "1", "2", "3"]);
    }

    #[test]
    fn no_clone_is_made_until_others_are_dropped() {
        let mut pool = Pool::default();
        assert_eq!((pool.room(0, 1), pool.room(1, 1)), (96, 95));
        (0..80).for_each(|number| pool.give_up(number.to_string()));
        (0..10).for_each(|number| pool.add(number.to_string()));
        assert_eq!((pool.room(0, 1), pool.room(9, 1)), (6, 0));
        // A database larger than that is made if there is no other.
        assert_eq!(pool.room(0, 1 << 40), 0);
        assert_eq!(Pool::default().room(0, 1 << 40), 1);
    }

    #[test]
    fn what_was_given_up_has_bounds() {
        let mut pool = Pool::default();
        for number in 0..64 {
            pool.give_up(number.to_string());
        }
        assert!(!pool.is_full(1));
        assert!(pool.is_full(17 << 20));
        // A broken server may tell any size.
        assert!(pool.is_full(u64::MAX));
        pool.give_up("64".into());
        assert!(pool.is_full(1));
    }
}
