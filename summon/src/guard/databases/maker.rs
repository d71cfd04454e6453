//! A connection that runs one job after another. Each job is a list of statements.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::PollFlags;

use super::connection::Connection;
use super::protocol::Rows;
use super::statements::{self, Traits};
use super::types::Server;

/// The database that every server has, for connections that need no other.
const MAINTENANCE: &str = "postgres";

/// A piece of work on the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Job {
    /// Find the highest number that a database of this server has.
    Count,
    /// Make an empty database, which becomes a template.
    Create(String),
    /// Collect the statistics of the template, on a connection to it.
    Analyze(String),
    /// End all connections to the template, and prevent new ones.
    Shut(String),
    /// Look who is still connected to the template.
    Look(String),
    /// Read what a clone does not inherit.
    Read(String),
    Clone {
        name: String,
        template: String,
        traits: Traits,
    },
    /// Give a clone its final name.
    Rename {
        clone: String,
        name: String,
    },
    /// End all connections to a database.
    End(String),
    Drop(String),
}

impl Job {
    fn statements(&self, version: u32) -> Vec<String> {
        match self {
            Job::Count => vec![statements::highest_number()],
            Job::Create(name) => vec![statements::create(name)],
            Job::Analyze(name) => statements::analyze(name).into(),
            Job::Shut(name) => statements::shut(name).into(),
            Job::Look(name) => vec![statements::connected(name)],
            Job::Read(name) => statements::traits(name).into(),
            Job::Clone {
                name,
                template,
                traits,
            } => statements::clone(name, template, traits, version),
            Job::Rename { clone, name } => vec![statements::rename(clone, name)],
            Job::End(name) => vec![statements::end_connections(name)],
            Job::Drop(name) => vec![statements::drop(name, version)],
        }
    }

    /// Returns the database that the job must be connected to.
    fn database(&self) -> &str {
        match self {
            Job::Analyze(template) => template,
            _ => MAINTENANCE,
        }
    }
}

/// A job that has ended: the answers to its statements, or the server's reason.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) result: Result<Vec<Rows>, String>,
}

#[derive(Debug)]
pub(super) struct Maker {
    connection: Connection,
    /// Whether the connection is of use for other jobs.
    stays: bool,
    job: Option<Job>,
    /// The statements that follow. `None` until the first one was sent.
    left: Option<VecDeque<String>>,
    answers: Vec<Rows>,
}

impl Maker {
    /// Opens a connection that can take this job.
    pub(super) fn open(server: &Server, job: &Job) -> Result<Maker, String> {
        Ok(Maker {
            connection: Connection::open(server, job.database())?,
            stays: job.database() == MAINTENANCE,
            job: None,
            left: None,
            answers: Vec::new(),
        })
    }

    /// Returns whether this connection can take the job.
    pub(super) fn can_take(&self, job: &Job) -> bool {
        self.job.is_none() && job.database() == MAINTENANCE
    }

    pub(super) fn take(&mut self, job: Job) {
        self.job = Some(job);
    }

    pub(super) fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    pub(super) fn wanted(&self) -> PollFlags {
        self.connection.wanted()
    }

    /// Goes on with the job as far as possible without blocking. Returns `false` if the connection has
    /// ended, and the job once it is done.
    pub(super) fn go_on(&mut self) -> (bool, Option<Done>) {
        let done = |maker: &mut Maker, result| {
            maker.left = None;
            let answers = std::mem::take(&mut maker.answers);
            let result = match result {
                Ok(()) => Ok(answers),
                Err(why) => Err(why),
            };
            maker.job.take().map(|job| Done { job, result })
        };
        // A statement that is sent here may be answered already in the next round.
        loop {
            if let Err(why) = self.connection.go_on() {
                return (false, done(self, Err(why)));
            }
            if let Some(answer) = self.connection.protocol.take_answer() {
                match answer {
                    Ok(rows) => self.answers.push(rows),
                    Err(refusal) => return (self.stays, done(self, Err(refusal.to_string()))),
                }
            }
            let Some(job) = self
                .job
                .as_ref()
                .filter(|_| self.connection.protocol.is_idle())
            else {
                return (true, None);
            };
            let version = self.connection.protocol.version();
            let left = self
                .left
                .get_or_insert_with(|| job.statements(version).into());
            match left.pop_front() {
                Some(statement) => self.connection.protocol.query(&statement),
                None => return (self.stays, done(self, Ok(()))),
            }
        }
    }
}

impl AsFd for Maker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}
