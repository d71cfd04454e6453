//! What a test waits for, if it is not only the next clone. A job waits for a server that refuses for a while,
//! and its test waits as long as its own limit allows.

use super::Databases;
use super::job::Job;
use super::maker::Done;
use super::pause::Pause;
use super::refusal::Reason;
use super::template::Template;
use super::types::Answer;

impl Databases {
    /// Takes the result of a job. Returns it, unless the server's refusal passes by itself.
    pub(super) fn outlast(&mut self, done: Done) -> Option<Done> {
        let why = match &done.result {
            Ok(_) => {
                self.pause = Pause::default();
                return Some(done);
            }
            // It needs a connection of its own. Connections that the template function has left may take up
            // all, and only the next job ends them.
            Err(_) if matches!(done.job, Job::Analyze(_)) => return Some(done),
            // Otherwise, each drop would leave a remark in the log of a server that has just ended.
            Err(refusal) if refusal.reason == Reason::Passing => refusal.text.clone(),
            Err(_) => return Some(done),
        };
        if self.pause.begin(why) {
            self.tell_waiters();
        }
        match done.is_begun {
            true => self.do_again(done.job),
            false => self.jobs.push_front(done.job),
        }
        None
    }

    /// Tells all tests that wait what they wait for.
    pub(super) fn tell_waiters(&mut self) {
        let Some(why) = self.delay() else { return };
        let wants = self.waiters.iter();
        let wants = wants.chain(self.naming.iter().map(|(want, _)| want));
        let wants = wants.map(|want| (want.user, want.number));
        let all = wants.chain(self.defaults.waiters().iter().copied());
        // The user that fills the template does not wait for an answer.
        let fills = matches!(self.template, Template::With { .. });
        let filling = self.template.order().filter(|_| fills);
        let all = all.filter(|it| Some(*it) != filling);
        let all = all.map(|(user, number)| (user, number, Answer::Delayed(why.clone())));
        self.answers.extend(all.collect::<Vec<_>>());
    }

    /// Returns what a test waits for, if it is not only the next clone.
    pub(super) fn delay(&self) -> Option<String> {
        let refused = self.pause.why.as_ref();
        let refused = refused.map(|why| format!("the server refuses for now: {why}"));
        let other = || match self.template {
            Template::With { .. } => Some("the template function still runs".to_owned()),
            _ if self.are_all_used() => {
                let count = self.count_of_databases();
                Some(format!("{count}, and tests that run use them all"))
            }
            _ => None,
        };
        refused.or_else(other)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::jobs::tests::{databases, garbage, stocked};
    use super::super::refusal::Refusal;
    use super::super::{ServerKind, Want};
    use super::*;

    #[test]
    fn a_job_waits_until_the_server_has_a_free_connection() {
        let mut databases = stocked(0, 0);
        databases.numbers.most = u64::MAX;
        let want = |number| Want {
            user: 3,
            number,
            test: "a".into(),
        };
        databases.want(want(1), None);
        databases.plan(1);
        let refuse = |databases: &mut Databases| {
            let job = databases.jobs.pop_front().unwrap();
            let (reason, text) = (Reason::Passing, "too many clients".to_owned());
            databases.finish(Done {
                job: job.clone(),
                result: Err(Refusal { reason, text }),
                is_lost: false,
                is_begun: false,
            });
            assert_eq!(databases.jobs.front(), Some(&job));
        };
        (0..20).for_each(|_| refuse(&mut databases));
        let why = "the server refuses for now: too many clients";
        let told = |number| (3, number, Answer::Delayed(why.into()));
        // Once, although there were many refusals.
        assert_eq!(databases.take_answers(), [told(1)]);
        assert!(databases.due().is_some() && databases.pause.rests());
        databases.want(want(2), None);
        assert_eq!(databases.take_answers(), [told(2)]);
        // The pause is over.
        databases.pause.until = Some(Instant::now());
        assert!(!databases.pause.rests());
        assert_eq!(databases.due(), None);
        let job = databases.jobs.pop_front().unwrap();
        databases.finish(Done {
            job,
            result: Ok(Vec::new()),
            is_lost: false,
            is_begun: true,
        });
        assert_eq!(databases.delay(), None);
    }

    #[test]
    fn jobs_wait_for_the_end_of_a_server_that_does_not_listen() {
        let mut databases = stocked(0, 1);
        let job = Job::Drop("a_0".into());
        let (reason, text) = (Reason::Passing, "the connection failed".to_owned());
        databases.finish(Done {
            job: job.clone(),
            result: Err(Refusal { reason, text }),
            is_lost: false,
            is_begun: false,
        });
        // Not a line in the log for each database.
        assert_eq!(databases.take_remarks(), [""; 0]);
        assert_eq!(databases.jobs, [job]);
        databases.close();
        assert_eq!(databases.jobs, []);
    }

    #[test]
    fn a_test_that_waits_no_more_gets_no_database() {
        let want = || Want {
            user: 3,
            number: 7,
            test: "a".into(),
        };
        let mut naming = stocked(1, 0);
        naming.want(want(), None);
        naming.cancel(3, 7);
        naming.plan(1);
        assert_eq!(naming.jobs, []);
        // While the clone gets its name.
        naming.want(want(), None);
        naming.plan(1);
        naming.cancel(3, 7);
        let ok = |databases: &mut Databases| {
            let job = databases.jobs.pop_front().unwrap();
            assert!(matches!(job, Job::Rename { .. }), "{job:?}");
            databases.finish(Done {
                job,
                result: Ok(Vec::new()),
                is_lost: false,
                is_begun: true,
            });
        };
        ok(&mut naming);
        assert_eq!(naming.take_answers(), []);
        assert_eq!(garbage(&mut naming), ["a_0"]);
        // While the answer is on its way.
        let mut used = stocked(1, 0);
        used.want(want(), None);
        used.plan(1);
        ok(&mut used);
        assert_eq!(used.take_answers().len(), 1);
        used.cancel(3, 7);
        assert_eq!(garbage(&mut used), ["a_0"]);
        // Before the template exists: the next test makes it.
        let mut empty = databases(ServerKind::Postgres);
        empty.want(want(), None);
        empty.plan(1);
        empty.cancel(3, 7);
        assert!(matches!(empty.template, Template::None));
    }
}
