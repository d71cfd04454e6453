//! The traits of a kind of server. Each kind implements them in its own folder.

use std::fmt;

use super::database_numbers::Numbers;
use super::job::{Job, Recipe};
use super::refusal::Refusal;
use super::rows::Rows;

/// How a kind of server makes, clones, and drops databases.
pub(super) trait Dialect: fmt::Debug + Sync {
    /// Begins the client's side of a connection to a database. `None` means any database.
    fn connect(&self, database: Option<&str>) -> Box<dyn Protocol>;

    /// Returns the database that the job must be connected to. `None` allows any.
    fn database<'a>(&self, job: &'a Job) -> Option<&'a str> {
        let _ = job;
        None
    }

    /// Returns the next statement of a job, after the answers so far. `None` ends the job.
    fn next(&self, job: &Job, answers: &[Rows], version: u32) -> Option<String>;

    /// Reads the answers to [`Job::Count`].
    fn numbers(&self, answers: &[Rows]) -> Numbers;

    /// Reads the answers to [`Job::Create`], [`Job::Analyze`], and [`Job::Shut`]: describes each connection that the job
    /// has ended.
    fn ended(&self, answers: &[Rows]) -> Vec<String> {
        let _ = answers;
        Vec::new()
    }

    /// Reads the answers to [`Job::Look`]: the connections to the template.
    fn connections(&self, template: &str, answers: &[Rows]) -> Vec<String> {
        let _ = template;
        answers
            .iter()
            .flatten()
            .flatten()
            .flatten()
            .cloned()
            .collect()
    }

    /// Reads the answers to [`Job::Read`], or returns why the template can't be cloned.
    fn recipe(&self, template: &str, answers: &[Rows]) -> Result<Recipe, String>;

    /// Returns the name of the template with this number.
    fn template_name(&self, number: u64) -> String {
        format!("summon_template_{number}")
    }

    /// Returns the name of the clone with this number, until a test gets it.
    fn clone_name(&self, number: u64) -> String {
        format!("summon_clone_{number}")
    }

    /// Returns the name that the clone gets with its test.
    fn name(&self, clone: &str, test: &str) -> String;

    /// Returns the number of a database that was dropped, if another one must use it again.
    fn used_again(&self, dropped: &str) -> Option<u64> {
        let _ = dropped;
        None
    }
}

/// The client's side of one connection. No I/O happens here: bytes go in, and answers and bytes come
/// out. A guard has one thread, so it must never wait for a server. The server is a program that a test
/// may have broken on purpose, so any bytes may come in, and each buffer has a limit.
pub(super) trait Protocol: fmt::Debug {
    /// Returns the bytes to send.
    fn outbox(&self) -> &[u8];

    /// Forgets bytes that were sent.
    fn sent(&mut self, count: usize);

    /// Takes in bytes from the server.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), Broken>;

    /// Returns why the server has closed the connection.
    fn closed(&mut self) -> Broken;

    /// Returns whether a statement can be sent.
    fn is_idle(&self) -> bool;

    /// Sends a statement. The connection must be idle.
    fn query(&mut self, statement: &str);

    /// Takes the answer to the statement, once it is complete.
    fn take_answer(&mut self) -> Option<Result<Rows, Refusal>>;

    /// Returns the server's major version, such as 15, if the dialect has use for it.
    fn version(&self) -> u32 {
        0
    }
}

/// The connection can't be used any more.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Broken {
    /// The server has refused the connection, or has ended it, for this reason.
    Refused(Refusal),
    /// The server sent bytes that this protocol does not allow here.
    Garbled(&'static str),
    Closed,
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Refusal {
        match broken {
            Broken::Refused(refusal) => refusal,
            other => other.to_string().into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Refused(refusal) => f.write_str(&refusal.text),
            Broken::Garbled(protocol) => {
                write!(
                    f,
                    "the server sent bytes that are not {protocol}'s protocol"
                )
            }
            Broken::Closed => f.write_str("the server closed the connection"),
        }
    }
}
