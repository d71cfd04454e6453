//! Which jobs to begin next, and what follows when one has ended.

use std::sync::Arc;
use std::time::Instant;

use super::Databases;
use super::job::{Job, Recipe};
use super::maker::Done;
use super::pool::Used;
use super::refusal::{Reason, Refusal};
use super::rows::Rows;
use super::template::Template;
use super::types::Answer;

impl Databases {
    /// Adds the jobs that are due.
    pub(super) fn plan(&mut self, users: usize) {
        self.end_connections();
        match &mut self.template {
            Template::None => {
                let want = self.waiters.front();
                let first = want.map(|want| (want.user, want.number));
                let Some((user, number)) = first.or_else(|| self.defaults.first()) else {
                    return self.drop_garbage(0);
                };
                // The name follows when the numbers in use are known.
                let name = String::new();
                self.template = Template::Creating { user, number, name };
                self.jobs.push_back(Job::Count);
            }
            Template::Closing(closing) => {
                if closing.next.is_some_and(|next| Instant::now() >= next) {
                    closing.next = None;
                    self.jobs.push_back(Job::Look(closing.name.clone()));
                }
            }
            Template::Ready(recipe) => {
                let recipe = Arc::clone(recipe);
                self.hand_out(&recipe);
                // A test waits for the new name of its clone, which other jobs would delay.
                if !self.naming.is_empty() && self.waiters.is_empty() && self.pool.is_stocked() {
                    return;
                }
                let making = self.count(|job| matches!(job, Job::Clone { .. }));
                let room = self.pool.room(making + self.dropping(), recipe.size);
                let wanted = self.waiters.len() + usize::from(self.defaults.wants_clone());
                let lacks = match self.makes_ahead {
                    true => self.pool.lacks(making, wanted, users, recipe.size),
                    false => wanted.saturating_sub(making),
                };
                for _ in 0..lacks.min(room) {
                    let Some(number) = self.numbers.next() else {
                        break;
                    };
                    let name = self.dialect.clone_name(number);
                    let recipe = Arc::clone(&recipe);
                    self.jobs.push_back(Job::Clone { name, recipe });
                }
                self.drop_garbage(recipe.size);
                self.recycle();
            }
            Template::Failed(_) => self.drop_garbage(0),
            Template::Creating { .. } | Template::With { .. } => {}
        }
    }

    /// Gives the clones to the tests that wait. Each clone gets its test's name, for a person who
    /// inspects the server.
    fn hand_out(&mut self, recipe: &Arc<Recipe>) {
        if self.defaults.wants_clone() {
            if let Some(clone) = self.pool.take() {
                self.defaults.begin();
                self.jobs.push_front(Job::Replace(clone));
            }
        }
        self.answers.extend(self.defaults.answer_if_replaced());
        while !self.waiters.is_empty() {
            let Some(clone) = self.pool.take() else {
                return;
            };
            if let Some(want) = self.waiters.pop_front() {
                let name = self.dialect.name(&clone, &want.test);
                self.naming.push((want, name.clone()));
                // A test waits for this, and for none of the other jobs.
                self.jobs.push_front(Job::Rename {
                    clone,
                    name,
                    recipe: Arc::clone(recipe),
                });
            }
        }
    }

    pub(super) fn count(&self, is_it: fn(&Job) -> bool) -> usize {
        self.all_jobs().filter(|job| is_it(job)).count()
    }

    /// Says how many databases a server has that allows only so many: a Redis.
    pub(super) fn count_of_databases(&self) -> String {
        let count = self.numbers.most.saturating_add(1);
        format!("the server has only {count} databases (`--databases`)")
    }

    pub(super) fn refuse_waiters(&mut self, answer: &Answer) {
        for want in self.waiters.drain(..) {
            self.answers.push((want.user, want.number, answer.clone()));
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let mut jobs = self.all_jobs();
        let waits = !self.waiters.is_empty() || !self.defaults.is_idle();
        !waits && self.ending.is_empty() && jobs.all(|job| matches!(job, Job::Drop(_)))
    }

    /// Takes the result of a job.
    pub(super) fn finish(&mut self, done: Done) {
        let Some(done) = self.outlast(done) else {
            return;
        };
        if self.is_worth_another(done.is_lost, done.result.is_ok()) {
            return self.do_again(done.job);
        }
        match done.job {
            Job::Count => self.counted(done.result),
            Job::Create(name) => self.created(name, done.result),
            // Without statistics, plans may be slower, and nothing else.
            Job::Analyze(name) => {
                self.note_ended_of_template(&name, &done.result.unwrap_or_default());
                if self.closes(&name) {
                    self.jobs.push_back(Job::Shut(name));
                }
            }
            Job::Shut(name) => {
                if self.closes(&name) {
                    match done.result {
                        Ok(answers) => {
                            self.note_ended_of_template(&name, &answers);
                            self.jobs.push_back(Job::Look(name));
                        }
                        Err(refusal) => self.refuse_template(&refusal),
                    }
                }
            }
            Job::Look(name) => self.looked(name, done.result),
            Job::Read(name) => self.read(&name, done.result),
            Job::Clone { name, .. } => match done.result {
                Ok(_) => self.pool.add(name),
                Err(refusal) => {
                    // The database may exist, without its settings.
                    self.pool.give_up(name);
                    self.makes_ahead = false;
                    let answer = refusal.answer("the template could not be cloned");
                    self.refuse_waiters(&answer);
                    self.answers.extend(self.defaults.answer(&answer));
                }
            },
            Job::Replace(clone) => {
                self.defaults.end(done.result.is_ok());
                if let Err(refusal) = done.result {
                    self.pool.give_up(clone);
                    let answer = refusal.answer("the server's own template could not be replaced");
                    self.answers.extend(self.defaults.answer(&answer));
                }
            }
            Job::Rename { clone, name, .. } => self.renamed(clone, name, done.result.map(drop)),
            // The connections end with the database, at the latest.
            Job::End(_) => {}
            Job::Drop(name) => match done.result {
                Ok(_) => self.numbers.again.extend(self.dialect.used_again(&name)),
                Err(refusal) => self.remarks.push(format!(
                    "the database `{name}` stays until the server stops, since it can't be dropped: \
                     {}",
                    refusal.text
                )),
            },
        }
    }

    fn counted(&mut self, result: Result<Vec<Rows>, Refusal>) {
        match result {
            Ok(answers) => {
                let numbers = self.dialect.numbers(&answers);
                self.numbers.last = self.numbers.last.max(numbers.last);
                self.numbers.most = numbers.most;
            }
            Err(refusal) => return self.refuse_template(&refusal),
        }
        let Some(number) = self.numbers.next() else {
            let why = format!("{}, and no free one", self.count_of_databases());
            return self.refuse_template(&why.into());
        };
        if let Template::Creating { name, .. } = &mut self.template {
            *name = self.dialect.template_name(number);
            self.jobs.push_back(Job::Create(name.clone()));
        }
    }

    fn created(&mut self, made: String, result: Result<Vec<Rows>, Refusal>) {
        match &self.template {
            Template::Creating { user, number, name } if *name == made => match result {
                Ok(answers) => {
                    let (user, number) = (*user, *number);
                    let why = "the server does not copy its own template while clients are connected to it";
                    self.note_ended(why, &answers);
                    self.answers
                        .push((user, number, Answer::Fill(made.clone())));
                    self.template = Template::With {
                        user,
                        number,
                        name: made,
                    };
                    self.tell_waiters();
                }
                Err(refusal) => self.refuse_template(&refusal),
            },
            // Its user has ended meanwhile.
            _ => self.pool.give_up(made),
        }
    }

    fn closes(&self, of: &str) -> bool {
        matches!(&self.template, Template::Closing(closing) if closing.name == of)
    }

    /// Notes the connections to the template that were ended.
    fn note_ended_of_template(&mut self, template: &str, answers: &[Rows]) {
        let why = format!(
            "the template function left connections to `{template}` open, or had just closed them"
        );
        self.note_ended(&why, answers);
    }

    /// Notes the connections that a job has ended for this reason.
    fn note_ended(&mut self, why: &str, answers: &[Rows]) {
        let ended = self.dialect.ended(answers);
        if !ended.is_empty() {
            let line = format!("{why}; summon has ended {}", ended.join("; "));
            self.remarks.push(line);
        }
    }

    fn looked(&mut self, of: String, result: Result<Vec<Rows>, Refusal>) {
        let Template::Closing(closing) = &mut self.template else {
            return;
        };
        let connections = result.map(|answers| self.dialect.connections(&closing.name, &answers));
        match connections {
            Ok(connections) if connections.is_empty() => self.jobs.push_back(Job::Read(of)),
            Ok(connections) => {
                if !closing.rest() {
                    let whose = connections.join("; ");
                    let why = format!("connections to `{of}` do not end: {whose}");
                    self.refuse_template(&why.into());
                }
            }
            Err(refusal) => self.refuse_template(&refusal),
        }
    }

    fn read(&mut self, name: &str, result: Result<Vec<Rows>, Refusal>) {
        let read = |answers: Vec<Rows>| Ok(self.dialect.recipe(name, &answers)?);
        match result.and_then(read) {
            Ok(recipe) => self.template = Template::Ready(Arc::new(recipe)),
            Err(refusal) => self.refuse_template(&refusal),
        }
    }

    fn renamed(&mut self, clone: String, name: String, result: Result<(), Refusal>) {
        let at = self.naming.iter().position(|(_, it)| *it == name);
        let want = at.map(|at| self.naming.swap_remove(at).0);
        let answer = match (want, result) {
            (Some(want), Ok(())) => {
                self.pool.begin_use(Used {
                    user: want.user,
                    number: want.number,
                    test: want.test.clone(),
                    name: name.clone(),
                });
                (want, Answer::Database(name))
            }
            // Its user has ended meanwhile.
            (None, Ok(())) => return self.pool.give_up(name),
            (want, Err(refusal)) => {
                // Either may exist. A test may have made a database with this name: that one stays.
                if name != clone && refusal.reason != Reason::NameTaken {
                    self.pool.give_up(name);
                }
                self.pool.give_up(clone);
                let Some(want) = want else { return };
                (want, refusal.answer("the clone could not be completed"))
            }
        };
        let (want, answer) = answer;
        self.answers.push((want.user, want.number, answer));
    }

    fn refuse_template(&mut self, refusal: &Refusal) {
        self.fail_template(refusal.answer("the template could not be made"));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Want;
    use super::super::types::{Server, ServerKind};
    use super::*;

    pub(in super::super) fn databases(kind: ServerKind) -> Databases {
        let addr = "127.0.0.1:1".parse().unwrap();
        let url = String::new();
        Databases::new(Server { kind, addr, url })
    }

    pub(in super::super) fn garbage(databases: &mut Databases) -> Vec<String> {
        std::iter::from_fn(|| databases.pool.take_garbage(&[])).collect()
    }

    /// Databases with this many clones ahead, and this many that were given up.
    pub(in super::super) fn stocked(stock: usize, given_up: usize) -> Databases {
        let mut databases = databases(ServerKind::Postgres);
        databases.template = Template::Ready(Arc::default());
        (0..stock).for_each(|at| databases.pool.add(format!("summon_clone_{at}")));
        (0..given_up).for_each(|at| databases.pool.give_up(format!("a_{at}")));
        databases
    }

    #[test]
    fn a_clone_gets_its_name_before_others_are_made() {
        for (stock, others) in [(5, 0), (1, 2)] {
            let mut databases = stocked(stock, 0);
            databases.numbers.most = u64::MAX;
            let want = Want {
                user: 3,
                number: 1,
                test: "a".into(),
            };
            databases.want(want, None);
            databases.plan(1);
            let rename = |job: &Job| matches!(job, Job::Rename { name, .. } if name == "a_0");
            assert!(rename(&databases.jobs[0]), "{:?}", databases.jobs);
            // Without a stock, the next test would wait longer than this one.
            assert_eq!(databases.jobs.len(), 1 + others);
        }
    }

    #[test]
    fn a_database_of_another_maker_is_not_dropped() {
        let mut databases = databases(ServerKind::Postgres);
        let mut refuse = |reason| {
            let text = "the server's words".to_owned();
            databases.finish(Done {
                job: Job::Rename {
                    clone: "summon_clone_1".into(),
                    name: "a_1".into(),
                    recipe: Arc::default(),
                },
                result: Err(Refusal { reason, text }),
                is_lost: false,
                is_begun: true,
            });
            garbage(&mut databases)
        };
        assert_eq!(refuse(Reason::NameTaken), ["summon_clone_1"]);
        // Either may exist if the server has not said so.
        assert_eq!(refuse(Reason::Other), ["a_1", "summon_clone_1"]);
    }

    #[test]
    fn a_refused_test_learns_that_there_is_no_room() {
        for (reason, has_no_room) in [(Reason::NoRoom, true), (Reason::Other, false)] {
            let mut databases = stocked(0, 0);
            let (user, number, test) = (3, 1, "a".to_owned());
            databases.want(Want { user, number, test }, None);
            let (name, recipe) = ("summon_clone_1".to_owned(), Arc::default());
            let text = "no".to_owned();
            databases.finish(Done {
                job: Job::Clone { name, recipe },
                result: Err(Refusal { reason, text }),
                is_lost: false,
                is_begun: true,
            });
            let why = "the template could not be cloned: no".to_owned();
            let answer = Answer::Refused { why, has_no_room };
            assert_eq!(databases.take_answers(), [(user, number, answer)]);
        }
    }
}
