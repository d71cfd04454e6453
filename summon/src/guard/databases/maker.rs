//! A connection that runs one job after another. Each job is a few statements.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::PollFlags;

use super::connection::{Connection, Lost};
use super::dialect::Dialect;
use super::job::Job;
use super::refusal::Refusal;
use super::rows::Rows;

/// A job that has ended, with the answers to its statements.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) result: Result<Vec<Rows>, Refusal>,
    /// Someone has ended the connection, so another one may succeed.
    pub(super) is_lost: bool,
    /// The server has accepted the connection, so it may have begun the job.
    pub(super) is_begun: bool,
}

#[derive(Debug)]
pub(super) struct Maker {
    dialect: &'static dyn Dialect,
    connection: Connection,
    /// Whether the server has accepted the connection.
    is_accepted: bool,
    /// Whether the connection is of use for other jobs.
    stays: bool,
    job: Option<Job>,
    answers: Vec<Rows>,
}

impl Maker {
    /// Opens a connection that can take this job.
    pub(super) fn open(
        dialect: &'static dyn Dialect,
        addr: SocketAddr,
        job: &Job,
    ) -> Result<Maker, Lost> {
        let database = dialect.database(job);
        Ok(Maker {
            dialect,
            connection: Connection::open(addr, dialect.connect(database))?,
            is_accepted: false,
            stays: database.is_none(),
            job: None,
            answers: Vec::new(),
        })
    }

    /// Returns whether this connection can take the job.
    pub(super) fn can_take(&self, job: &Job) -> bool {
        self.job.is_none() && self.dialect.database(job).is_none()
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
        // A statement that is sent here may be answered already in the next round.
        loop {
            if let Err(lost) = self.connection.go_on() {
                // The answer to the login and the end may have come at once.
                let is_accepted = self.is_accepted || self.connection.protocol.is_idle();
                let is_lost = is_accepted || lost.is_silent;
                return (false, self.done(Err(lost.refusal), is_lost));
            }
            if let Some(answer) = self.connection.protocol.take_answer() {
                match answer {
                    Ok(rows) => self.answers.push(rows),
                    // Settings of its statements may remain, so no other job gets the connection.
                    Err(refusal) => {
                        let job = self.job.as_ref();
                        let is_lost = job.is_some_and(|job| job.is_lost_by(refusal.reason));
                        return (false, self.done(Err(refusal), is_lost));
                    }
                }
            }
            if !self.connection.protocol.is_idle() {
                return (true, None);
            }
            self.is_accepted = true;
            let Some(job) = &self.job else {
                return (true, None);
            };
            let version = self.connection.protocol.version();
            match self.dialect.next(job, &self.answers, version) {
                Some(statement) => self.connection.protocol.query(&statement),
                None => return (self.stays, self.done(Ok(()), false)),
            }
        }
    }

    fn done(&mut self, result: Result<(), Refusal>, is_lost: bool) -> Option<Done> {
        let answers = std::mem::take(&mut self.answers);
        let job = self.job.take()?;
        let result = result.map(|()| answers);
        Some(Done {
            job,
            result,
            is_lost,
            is_begun: self.is_accepted,
        })
    }
}

impl AsFd for Maker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}
