//! Jobs that have lost their connections: a test may end all connections to the server.

use super::Databases;
use super::job::Job;
use super::refusal::Reason;

/// How many jobs in a row may lose their connections and are done again.
const MOST_LOSSES: usize = 32;

impl Job {
    /// Returns whether the job, which the server has refused for this reason, may succeed on another connection.
    pub(super) fn is_lost_by(&self, reason: Reason) -> bool {
        match reason {
            Reason::Interrupted => true,
            // Someone has connected to a clone, such as a test that reads all databases. These two copy a
            // database, and stay refused as long as someone is connected to that one.
            Reason::InUse => !matches!(self, Job::Create(_) | Job::Clone { .. }),
            _ => false,
        }
    }
}

impl Databases {
    /// Whether a job with this result is done again, with another connection.
    pub(super) fn is_worth_another(&mut self, is_lost: bool, has_succeeded: bool) -> bool {
        if has_succeeded {
            self.losses = 0;
        }
        self.losses += usize::from(is_lost);
        is_lost && self.losses <= MOST_LOSSES
    }

    /// Does a job again. The server may have finished its last statement, or not.
    pub(super) fn do_again(&mut self, job: Job) {
        match job {
            // `plan` makes another one.
            Job::Clone { name, .. } => self.pool.give_up(name),
            // The template gets another number.
            Job::Create(name) => {
                self.pool.give_up(name);
                self.jobs.push_front(Job::Count);
            }
            Job::Rename { clone, name, .. } => {
                let at = self.naming.iter().position(|(_, it)| *it == name);
                // Otherwise, its user has ended meanwhile.
                if let Some(at) = at {
                    self.waiters.push_front(self.naming.swap_remove(at).0);
                }
                if name != clone {
                    self.pool.give_up(name);
                }
                self.pool.give_up(clone);
            }
            // The orders still wait, and get another clone.
            Job::Replace(clone) => {
                self.defaults.end(false);
                self.pool.give_up(clone);
            }
            // These change nothing if they are done twice.
            Job::Count
            | Job::Analyze(_)
            | Job::Shut(_)
            | Job::Look(_)
            | Job::Read(_)
            | Job::End(_)
            | Job::Drop(_) => self.jobs.push_front(job),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::jobs::tests::{databases, garbage};
    use super::super::maker::Done;
    use super::super::template::Template;
    use super::super::{ServerKind, Want};
    use super::*;

    fn lose(databases: &mut Databases, job: Job) {
        let result = Err("the server closed the connection".to_owned().into());
        databases.finish(Done {
            job,
            result,
            is_lost: true,
            is_begun: true,
        });
    }

    #[test]
    fn a_template_survives_lost_connections() {
        let mut databases = databases(ServerKind::Postgres);
        let name = || "summon_template_1".to_owned();
        databases.template = Template::closing(&name());
        for job in [Job::Analyze(name()), Job::Shut(name()), Job::Look(name())] {
            lose(&mut databases, job.clone());
            assert_eq!(databases.jobs.pop_front(), Some(job));
        }
        assert!(matches!(databases.template, Template::Closing(_)));
        let (user, number) = (3, 1);
        databases.template = Template::Creating {
            user,
            number,
            name: name(),
        };
        lose(&mut databases, Job::Create(name()));
        assert_eq!(databases.jobs.pop_front(), Some(Job::Count));
        assert_eq!(garbage(&mut databases), [name()]);
    }

    #[test]
    fn a_test_whose_clone_is_lost_gets_another() {
        let mut databases = databases(ServerKind::Postgres);
        let want = Want {
            user: 3,
            number: 1,
            test: "a".into(),
        };
        databases.naming = vec![(want.clone(), "a_1".into())];
        let (clone, name) = ("summon_clone_1".to_owned(), "a_1".to_owned());
        let recipe = Arc::default();
        lose(
            &mut databases,
            Job::Rename {
                clone,
                name,
                recipe,
            },
        );
        assert_eq!(databases.waiters, [want]);
        let (name, recipe) = ("summon_clone_2".to_owned(), Arc::default());
        lose(&mut databases, Job::Clone { name, recipe });
        assert_eq!(databases.waiters.len(), 1);
        assert_eq!(databases.answers, []);
        let lost = ["a_1", "summon_clone_1", "summon_clone_2"];
        assert_eq!(garbage(&mut databases), lost);
    }

    #[test]
    fn a_template_in_use_is_not_copied_again() {
        let (name, recipe) = (String::new(), Arc::default());
        assert!(!Job::Create(name.clone()).is_lost_by(Reason::InUse));
        assert!(
            !Job::Clone {
                name: name.clone(),
                recipe
            }
            .is_lost_by(Reason::InUse)
        );
        assert!(Job::Drop(name.clone()).is_lost_by(Reason::InUse));
        assert!(Job::Create(name).is_lost_by(Reason::Interrupted));
    }

    #[test]
    fn connections_that_are_always_lost_are_an_error() {
        let mut databases = databases(ServerKind::Postgres);
        databases.template = Template::closing("summon_template_1");
        for _ in 0..=MOST_LOSSES {
            assert!(!matches!(databases.template, Template::Failed(_)));
            lose(&mut databases, Job::Shut("summon_template_1".into()));
        }
        assert!(matches!(databases.template, Template::Failed(_)));
    }
}
