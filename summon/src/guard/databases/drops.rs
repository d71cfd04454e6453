//! When databases that were given up lose their connections, and when they are dropped.

use std::time::Instant;

use super::job::Job;
use super::pool::MOST_MAKERS;
use super::types::Answer;
use super::{Databases, IDLE};

impl Databases {
    /// Ends the connections to databases that were given up a moment ago.
    pub(super) fn end_connections(&mut self) {
        let now = Instant::now();
        let due = self.ending.iter().take_while(|(at, _)| now >= *at).count();
        let due = self.ending.drain(..due);
        self.jobs.extend(due.map(|(_, name)| Job::End(name)));
    }

    /// Drops a database that was given up, if no test waits or if too many were given up.
    pub(super) fn drop_garbage(&mut self, size: u64) {
        let now = Instant::now();
        if !self.is_idle() {
            self.busy = now;
        }
        // Without room for a clone, tests wait for the drops.
        if self.pool.room(self.dropping(), size) == 0 {
            (0..MOST_MAKERS).for_each(|_| self.drop_oldest(MOST_MAKERS));
        } else if self.pool.is_full(size)
            || (self.pool.has_much_garbage(size) && self.all_jobs().next().is_none())
            || (self.is_idle() && now >= self.busy + IDLE)
        {
            self.drop_oldest(1);
        }
    }

    /// Drops the oldest database that was given up, if fewer than `most` are being dropped.
    fn drop_oldest(&mut self, most: usize) {
        if self.dropping() >= most {
            return;
        }
        // Its connections must have ended before: another database may soon have its number.
        let ending = self.all_jobs().filter_map(|job| match job {
            Job::End(name) => Some(name.clone()),
            _ => None,
        });
        let soon = self.ending.iter().map(|(_, name)| name.clone());
        let ending: Vec<String> = ending.chain(soon).collect();
        let name = self.pool.take_garbage(&ending);
        self.jobs.extend(name.map(Job::Drop));
    }

    pub(super) fn dropping(&self) -> usize {
        self.count(|job| matches!(job, Job::Drop(_)))
    }

    /// Drops a database if tests wait and all numbers are used: the oldest given-up database, or else
    /// the database of the oldest failed test.
    pub(super) fn recycle(&mut self) {
        if self.waiters.is_empty() || !self.has_no_number() {
            return;
        }
        if self.pool.has_garbage() || self.pool.give_up_failed() {
            self.drop_oldest(1);
        } else if !self.pool.is_used() {
            let why = format!("{}, and no free one", self.count_of_databases());
            self.refuse_waiters(&Answer::refused(why));
        }
    }

    /// Returns whether all numbers are used, and no job is about to change that.
    fn has_no_number(&self) -> bool {
        let is_making = |job: &Job| !matches!(job, Job::End(_));
        self.numbers.left() == 0 && !self.all_jobs().any(is_making)
    }

    /// Returns whether a test must wait until another one gives up its database.
    pub(super) fn are_all_used(&self) -> bool {
        self.has_no_number() && self.pool.are_all_used()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::super::jobs::tests::{databases, stocked};
    use super::super::pool::Used;
    use super::super::template::Template;
    use super::super::{Answer, END_AFTER, Server, ServerKind, Want};
    use super::*;

    #[test]
    fn the_guard_sleeps_while_a_database_is_dropped() {
        let mut databases = databases(ServerKind::Postgres);
        databases.pool.give_up("a_1".into());
        databases.pool.give_up("b_2".into());
        assert_eq!(databases.due(), Some(databases.busy + IDLE));
        databases.busy -= IDLE;
        databases.plan(1);
        assert_eq!(databases.jobs, [Job::Drop("a_1".into())]);
        // Only one drop runs at a time, so there is nothing to do before its end.
        assert_eq!(databases.due(), None);
        databases.jobs.clear();
        assert_eq!(databases.due(), Some(databases.busy + IDLE));
    }

    #[test]
    fn connections_end_a_moment_after_their_test() {
        let mut databases = stocked(0, 0);
        databases.give_up("a_1".into());
        databases.plan(1);
        assert_eq!(databases.jobs, []);
        assert_eq!(databases.due(), Some(databases.ending[0].0));
        databases.ending[0].0 -= END_AFTER;
        databases.plan(1);
        assert_eq!(databases.jobs, [Job::End("a_1".into())]);
    }

    #[test]
    fn a_test_that_waits_for_the_end_of_others_knows_it() {
        let mut databases = stocked(0, 0);
        (databases.numbers.last, databases.numbers.most) = (3, 3);
        let used = |number: u64| Used {
            user: 3,
            number,
            test: "a".into(),
            name: number.to_string(),
        };
        (1..3).for_each(|number| databases.pool.begin_use(used(number)));
        let want = |number| Want {
            user: 3,
            number,
            test: "b".into(),
        };
        let why =
            "the server has only 4 databases (`--databases`), and tests that run use them all";
        let told = |number| [(3, number, Answer::Delayed(why.into()))];
        databases.want(want(7), None);
        for answers in [&told(7)[..], &[]] {
            databases.plan(1);
            assert_eq!(databases.take_answers(), answers);
        }
        databases.want(want(8), None);
        assert_eq!(databases.take_answers(), told(8));
        databases.done(3, "1", false);
        assert_eq!(databases.delay(), None);
    }

    #[test]
    fn a_test_that_waits_knows_that_another_has_got_the_last_database() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut databases = Databases::new(Server {
            kind: ServerKind::Redis,
            addr: listener.local_addr().unwrap(),
            url: String::new(),
        });
        databases.template = Template::Ready(Arc::default());
        (databases.numbers.last, databases.numbers.most) = (1, 1);
        databases.pool.add("1".into());
        for number in [7, 8] {
            let test = "a".into();
            let user = 3;
            databases.want(Want { user, number, test }, None);
        }
        let mut answers = Vec::new();
        while answers.is_empty() {
            databases.go_on(1);
            answers.extend(databases.take_answers());
        }
        let why =
            "the server has only 2 databases (`--databases`), and tests that run use them all";
        let first = (3, 7, Answer::Database("1".into()));
        let second = (3, 8, Answer::Delayed(why.into()));
        assert_eq!(answers, [first, second]);
    }

    #[test]
    fn many_databases_are_dropped_in_pauses() {
        for (given_up, drops) in [(32, 0), (33, 1)] {
            let mut databases = stocked(0, given_up);
            databases.plan(1);
            assert_eq!(databases.dropping(), drops);
            databases.jobs = [Job::End("b".into())].into();
            databases.plan(1);
            assert_eq!(databases.dropping(), 0);
        }
    }
}
