//! How many databases there are: clones ahead of the demand, clones in use, and the others.

use std::collections::VecDeque;

use super::message::User;

/// How many clones are made at once: more are not faster.
pub(super) const MOST_MAKERS: usize = 4;
/// The makers, a drop, and something short.
pub(super) const MOST_CONNECTIONS: usize = MOST_MAKERS + 2;
/// The least and the most clones ahead of the demand, and their most bytes.
const AHEAD: (usize, usize) = (8, 32);
const MOST_AHEAD: u64 = 512 << 20;
/// What may be given up before it is dropped in any case.
const MOST_GIVEN_UP: usize = 64;
const MOST_BYTES_GIVEN_UP: u64 = 1 << 30;
/// How many databases of failed tests stay: the newest ones.
const MOST_FAILED: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Pool {
    /// The clones that nobody has had.
    ahead: VecDeque<String>,
    used: Vec<(User, String)>,
    given_up: VecDeque<String>,
    failed: VecDeque<String>,
}

impl Pool {
    pub(super) fn add(&mut self, clone: String) {
        self.ahead.push_back(clone);
    }

    /// Takes a clone, which nobody else gets.
    pub(super) fn take(&mut self) -> Option<String> {
        self.ahead.pop_front()
    }

    pub(super) fn use_by(&mut self, user: User, name: String) {
        self.used.push((user, name));
    }

    /// Returns whether the user had this database.
    pub(super) fn end_use(&mut self, user: User, name: &str) -> bool {
        let before = self.used.len();
        self.used
            .retain(|(other, used)| (*other, used.as_str()) != (user, name));
        self.used.len() < before
    }

    pub(super) fn used_by(&self, user: User) -> Vec<String> {
        let of_user = self.used.iter().filter(|(other, _)| *other == user);
        of_user.map(|(_, name)| name.clone()).collect()
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

    /// Returns how many more clones to begin, when `making` of this size are being made for `waiters`.
    pub(super) fn lacks(&self, making: usize, waiters: usize, users: usize, size: u64) -> usize {
        let room = usize::try_from(MOST_AHEAD / size.max(1)).unwrap_or(usize::MAX);
        let ahead = (2 * users).clamp(AHEAD.0, AHEAD.1).min(room);
        let lacks = (ahead + waiters).saturating_sub(self.ahead.len() + making);
        let makers = (waiters + 1).min(MOST_MAKERS);
        lacks.min(makers.saturating_sub(making))
    }

    pub(super) fn has_garbage(&self) -> bool {
        !self.given_up.is_empty()
    }

    /// Returns whether databases must be dropped even while tests wait.
    pub(super) fn is_full(&self, size: u64) -> bool {
        let count = self.given_up.len();
        count > MOST_GIVEN_UP || count as u64 * size > MOST_BYTES_GIVEN_UP
    }

    pub(super) fn take_garbage(&mut self) -> Option<String> {
        self.given_up.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_made_ahead_within_bounds() {
        let mut pool = Pool::default();
        // One maker without waiters, one more than waiters, and four at most.
        assert_eq!(pool.lacks(0, 0, 1, 1), 1);
        assert_eq!(pool.lacks(1, 0, 1, 1), 0);
        assert_eq!(pool.lacks(1, 1, 1, 1), 1);
        assert_eq!(pool.lacks(0, 9, 1, 1), 4);
        assert_eq!(pool.lacks(3, 9, 1, 1), 1);
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
        pool.use_by(3, "a_1".into());
        pool.use_by(4, "b_2".into());
        assert!(!pool.end_use(4, "a_1"));
        assert_eq!(pool.used_by(3), ["a_1"]);
        assert!(pool.end_use(3, "a_1"));
        assert!(!pool.end_use(3, "a_1"));
        assert_eq!(pool.used_by(3), [""; 0]);
    }

    #[test]
    fn the_newest_databases_of_failed_tests_stay() {
        let mut pool = Pool::default();
        for number in 0..20 {
            pool.keep(number.to_string());
        }
        let garbage: Vec<_> = std::iter::from_fn(|| pool.take_garbage()).collect();
        assert_eq!(garbage, ["0", "1", "2", "3"]);
    }

    #[test]
    fn what_was_given_up_has_bounds() {
        let mut pool = Pool::default();
        for number in 0..64 {
            pool.give_up(number.to_string());
        }
        assert!(!pool.is_full(1));
        assert!(pool.is_full(17 << 20));
        pool.give_up("64".into());
        assert!(pool.is_full(1));
    }
}
