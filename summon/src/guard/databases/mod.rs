//! The databases of a service: makes a template, clones it ahead of the demand, and drops the clones.
//!
//! The guard of the server does this, since it outlives every test of the run and knows when a user has
//! ended. Two tests never share a clone. Nothing here waits for the server: [`Databases::go_on`] is a
//! step in the guard's loop.

mod connection;
mod database_numbers;
mod defaults;
mod delays;
mod dialect;
mod drops;
mod job;
mod jobs;
mod lost;
mod maker;
mod mariadb;
mod message;
mod names;
mod pause;
mod pool;
mod postgres;
mod redis;
mod refusal;
mod rows;
mod template;
mod types;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::small_map::SmallMap;
use crate::sys::ending::{self, Ending};
use database_numbers::Numbers;
use defaults::Defaults;
use dialect::Dialect;
use job::Job;
use maker::{Done, Maker};
use mariadb::Mariadb;
#[cfg(fuzzing)]
pub(super) use mariadb::answered as mariadb_answered;
use message::User;
pub(super) use message::{DatabaseOrder, get_answer, put_answer};
use pause::Pause;
use pool::Pool;
use postgres::Postgres;
#[cfg(fuzzing)]
pub(super) use postgres::answered as postgres_answered;
use redis::Redis;
#[cfg(fuzzing)]
pub(super) use redis::answered as redis_answered;
use template::Template;
pub(crate) use types::{Answer, Server, ServerKind};

/// How many times a job may be followed by another in one round of the guard.
const AT_ONCE: usize = 16;
/// How long nothing is asked for before the databases that were given up are dropped: a drop keeps the
/// disk busy.
const IDLE: Duration = Duration::from_millis(200);
/// How long after a test the connections to its database end. The next test on that thread asks for a
/// database at once, and would wait behind this.
const END_AFTER: Duration = Duration::from_millis(10);

/// A database that a test waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Want {
    pub(super) user: User,
    /// The number that the user has given the order.
    pub(super) number: u64,
    pub(super) test: String,
}

/// The databases of one server.
#[derive(Debug)]
pub(super) struct Databases {
    dialect: &'static dyn Dialect,
    addr: SocketAddr,
    /// The URL of a database, without the name at its end.
    url: String,
    makers: Vec<Maker>,
    /// The jobs that no maker has taken so far.
    jobs: VecDeque<Job>,
    template: Template,
    defaults: Defaults,
    pool: Pool,
    /// The ends of the users' processes: a forked child may hold the connection of a dead one.
    users: SmallMap<User, Option<Ending>>,
    waiters: VecDeque<Want>,
    /// The tests that wait until a clone has its new name, with that name.
    naming: Vec<(Want, String)>,
    /// The databases that lose their connections soon, the oldest first, each with its time.
    ending: VecDeque<(Instant, String)>,
    numbers: Numbers,
    /// How many jobs in a row have lost their connections.
    losses: usize,
    /// Why the server makes no database for a while.
    pause: Pause,
    /// Whether clones are made ahead: a test has asked for one, and the last one has not failed.
    makes_ahead: bool,
    /// When there was last something to do for a test.
    busy: Instant,
    answers: Vec<(User, u64, Answer)>,
    /// By connected user with an ended process: its tests with a database, and the URLs.
    killed: SmallMap<User, Vec<(String, String)>>,
    /// Lines for the log.
    remarks: Vec<String>,
}

impl Databases {
    pub(super) fn new(server: Server) -> Databases {
        let dialect: &'static dyn Dialect = match server.kind {
            ServerKind::Mariadb => &Mariadb,
            ServerKind::Postgres => &Postgres,
            ServerKind::Redis => &Redis,
        };
        Databases {
            dialect,
            addr: server.addr,
            url: server.url,
            makers: Vec::new(),
            jobs: VecDeque::new(),
            template: Template::None,
            defaults: Defaults::default(),
            pool: Pool::default(),
            users: SmallMap::new(),
            waiters: VecDeque::new(),
            naming: Vec::new(),
            ending: VecDeque::new(),
            numbers: Numbers::default(),
            losses: 0,
            pause: Pause::default(),
            makes_ahead: false,
            busy: Instant::now(),
            answers: Vec::new(),
            killed: SmallMap::new(),
            remarks: Vec::new(),
        }
    }

    /// A test in the process with this pid wants a database.
    pub(super) fn want(&mut self, want: Want, pid: Option<u32>) {
        self.makes_ahead = true;
        self.know(want.user, pid);
        match &self.template {
            Template::Failed(answer) => {
                self.answers.push((want.user, want.number, answer.clone()));
            }
            _ => {
                if let Some(why) = self.delay() {
                    self.answers
                        .push((want.user, want.number, Answer::Delayed(why)));
                }
                self.waiters.push_back(want);
            }
        }
    }

    /// The process with this pid wants that the databases of others are copies of the template.
    pub(super) fn want_defaults(&mut self, user: User, number: u64, pid: Option<u32>) {
        self.know(user, pid);
        match &self.template {
            Template::Failed(answer) => self.answers.push((user, number, answer.clone())),
            _ => self.defaults.wait(user, number),
        }
    }

    fn know(&mut self, user: User, pid: Option<u32>) {
        // The pid may have been reused if the process has died. Then only the end of its connection
        // is seen.
        let watch = || ending::watch(ending::of(pid?).ok()?).ok();
        if self.users.get(&user).is_none() {
            self.users.insert(user, watch());
        }
    }

    /// A test waits no more, since its time is up.
    pub(super) fn cancel(&mut self, user: User, number: u64) {
        let is_it = |want: &Want| (want.user, want.number) == (user, number);
        self.waiters.retain(|want| !is_it(want));
        self.naming.retain(|(want, _)| !is_it(want));
        self.defaults.cancel(user, number);
        self.answers
            .retain(|(of, it, _)| (*of, *it) != (user, number));
        if self.template.order() == Some((user, number)) {
            self.abandon_template();
        }
        // The answer may be on its way.
        if let Some(name) = self.pool.used_for(user, number) {
            self.done(user, &name, false);
        }
    }

    /// A user has filled the template, or could not.
    pub(super) fn filled(&mut self, user: User, name: &str, failure: Option<String>) {
        // Another user may have been asked meanwhile, under another name.
        if !self.template.is_with(user, name) {
            return;
        }
        match failure {
            Some(report) => {
                self.give_up(name.to_owned());
                self.fail_template(Answer::Failed(report));
            }
            None => {
                self.template = Template::closing(name);
                self.jobs.push_back(Job::Analyze(name.to_owned()));
            }
        }
    }

    /// The test with this database has ended.
    pub(super) fn done(&mut self, user: User, name: &str, has_failed: bool) {
        if self.pool.end_use(user, name) {
            self.end_soon(name);
            match has_failed {
                true => self.pool.keep(name.to_owned()),
                false => self.pool.give_up(name.to_owned()),
            }
        }
    }

    /// Gives up all databases of users that have disconnected or ended.
    pub(super) fn forget_all_but(&mut self, connected: &[User]) {
        let has_ended = |ending: &Option<Ending>| ending.as_ref().is_some_and(Ending::has_come);
        let users = self.users.iter();
        let gone = users.filter(|(user, it)| !connected.contains(user) || has_ended(it));
        let gone: Vec<User> = gone.map(|(user, _)| *user).collect();
        gone.into_iter().for_each(|user| self.forget(user));
        // Another user may get the number of a closed connection.
        let killed = self.killed.iter().map(|(user, _)| *user);
        let closed: Vec<User> = killed.filter(|user| !connected.contains(user)).collect();
        for user in closed {
            self.killed.remove(&user);
        }
    }

    /// A user has ended. Tests that it had not reported as ended were killed, and so have failed.
    fn forget(&mut self, user: User) {
        self.users.remove(&user);
        self.waiters.retain(|want| want.user != user);
        self.defaults.forget(user);
        self.naming.retain(|(want, _)| want.user != user);
        self.answers.retain(|(of, ..)| *of != user);
        // The guard may notice the end of the process before the end of the connection. The latter
        // leads to the report.
        self.killed.insert(user, self.of_user(user));
        for used in self.pool.used_by(user) {
            self.done(user, &used.name, true);
        }
        if self.template.of(user) {
            self.abandon_template();
        }
    }

    /// The next user begins anew, with another database: half a template is of no use.
    fn abandon_template(&mut self) {
        let template = std::mem::replace(&mut self.template, Template::None);
        if let Template::With { name, .. } = template {
            self.give_up(name);
        }
    }

    /// Goes on with all jobs as far as possible without blocking. `users` is the number of processes
    /// that may want databases.
    pub(super) fn go_on(&mut self, users: usize) {
        let were_all_used = self.are_all_used();
        self.work(users);
        // A test that comes later learns it at once.
        if !were_all_used && self.are_all_used() {
            self.tell_waiters();
        }
    }

    fn work(&mut self, users: usize) {
        for _ in 0..AT_ONCE {
            self.plan(users);
            self.assign();
            let mut done = Vec::new();
            self.makers.retain_mut(|maker| {
                let (stays, ended) = maker.go_on();
                done.extend(ended);
                stays
            });
            if done.is_empty() {
                return;
            }
            done.into_iter().for_each(|done| self.finish(done));
        }
    }

    /// Gives the jobs to makers.
    fn assign(&mut self) {
        // A connection that the server has closed meanwhile would fail its next job.
        let is_of_use = |maker: &mut Maker| maker.job().is_some() || maker.go_on().0;
        self.makers.retain_mut(is_of_use);
        for job in std::mem::take(&mut self.jobs) {
            if let Some(maker) = self.makers.iter_mut().find(|maker| maker.can_take(&job)) {
                maker.take(job);
            } else if self.makers.len() < pool::MOST_CONNECTIONS && !self.pause.rests() {
                match Maker::open(self.dialect, self.addr, &job) {
                    Ok(mut maker) => {
                        maker.take(job);
                        self.makers.push(maker);
                    }
                    Err(lost) => self.finish(Done {
                        job,
                        result: Err(lost.refusal),
                        is_lost: false,
                        is_begun: false,
                    }),
                }
            } else {
                self.jobs.push_back(job);
            }
        }
    }

    /// Closes all connections, since the server ends.
    pub(super) fn close(&mut self) {
        self.makers.clear();
        self.jobs.clear();
        self.naming.clear();
        self.ending.clear();
        self.fail_template(Answer::refused("the server ends"));
    }

    /// Returns the tests of this user that have a database, each with the URL.
    pub(super) fn of_user(&self, user: User) -> Vec<(String, String)> {
        let used = self.pool.used_by(user).into_iter();
        let used = used.map(|used| (used.test, format!("{}{}", self.url, used.name)));
        let killed = self.killed.get(&user).into_iter().flatten().cloned();
        used.chain(killed).collect()
    }

    /// Takes the lines for the log.
    pub(super) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Takes the answers to users.
    pub(super) fn take_answers(&mut self) -> Vec<(User, u64, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Takes back answers that can't be sent now.
    pub(super) fn put_back(&mut self, answers: Vec<(User, u64, Answer)>) {
        self.answers.extend(answers);
    }

    /// Returns the descriptors to wait for.
    pub(super) fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let makers = self.makers.iter();
        let makers = makers.map(|maker| (maker.as_fd(), maker.wanted()));
        let endings = self.users.iter().filter_map(|(_, it)| it.as_ref());
        makers.chain(endings.map(|ending| (ending.as_fd(), PollFlags::IN)))
    }

    /// Returns when to go on, also without an event.
    pub(super) fn due(&self) -> Option<Instant> {
        // The end of a drop is an event, and leads to the next drop.
        let rests = self.is_idle() && self.dropping() == 0;
        let drop = || (rests && self.pool.has_garbage()).then(|| self.busy + IDLE);
        // Nothing is dropped while the template's connections end.
        let job = self.template.due().or_else(drop);
        let end = self.ending.front().map(|(at, _)| *at);
        let again = self.pause.until.filter(|_| !self.jobs.is_empty());
        job.into_iter().chain(end).chain(again).min()
    }

    fn fail_template(&mut self, answer: Answer) {
        for want in self.waiters.drain(..) {
            self.answers.push((want.user, want.number, answer.clone()));
        }
        self.answers.extend(self.defaults.answer(&answer));
        self.template = Template::Failed(answer);
    }

    /// Ends the connections to a database in a moment.
    fn end_soon(&mut self, name: &str) {
        let at = Instant::now() + END_AFTER;
        self.ending.push_back((at, name.to_owned()));
    }

    fn give_up(&mut self, name: String) {
        self.end_soon(&name);
        self.pool.give_up(name);
    }

    /// The jobs that run or wait.
    fn all_jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs
            .iter()
            .chain(self.makers.iter().filter_map(Maker::job))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::sys::wait;

    #[test]
    fn a_connection_that_the_server_has_closed_gets_no_job() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut databases = Databases::new(Server {
            kind: ServerKind::Redis,
            addr: listener.local_addr().unwrap(),
            url: String::new(),
        });
        let job = Job::Drop("1".into());
        let idle = Maker::open(databases.dialect, databases.addr, &job).unwrap();
        databases.makers.push(idle);
        drop(listener.accept().unwrap());
        let until = Some(Instant::now() + Duration::from_secs(30));
        assert!(wait::sleep(&[databases.makers[0].as_fd()], until).unwrap());
        databases.jobs.push_back(job);
        databases.go_on(0);
        assert_eq!(databases.remarks, [""; 0]);
        assert_eq!(databases.all_jobs().count(), 1);
    }
}
