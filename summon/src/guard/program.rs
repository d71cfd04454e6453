//! What a guard runs.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::sys::fd::OwnedFd;
use crate::sys::users::User;

/// A program to run: every placeholder is filled in, and nothing is left to look up.
#[derive(Debug)]
pub(crate) struct Program {
    /// What it is called, for people.
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) dir: PathBuf,
    /// The user to run as, if that is another one than the test's.
    pub(crate) user: Option<User>,
    pub(crate) attributes: Attributes,
    /// Its standard input; `/dev/null` if there is none.
    pub(crate) stdin: Option<OwnedFd>,
    /// The listening sockets that it inherits, each with a name (`sd_listen_fds(3)`).
    pub(crate) sockets: Vec<(String, OwnedFd)>,
}

/// What a process inherits from its parent unless the builder says otherwise: its options of the same
/// names, which travel as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) umask: Option<u32>,
    pub(crate) nice: Option<i32>,
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let umask = self.umask.map(|umask| format!("`umask = {umask:#o}`"));
        let nice = self.nice.map(|nice| format!("`nice = {nice}`"));
        let all: Vec<String> = umask.into_iter().chain(nice).collect();
        f.write_str(&all.join(", "))
    }
}

impl Program {
    /// A command that belongs to this program: it runs as the same user, in the same directory and
    /// environment.
    pub(crate) fn helper(&self, argv: &[OsString]) -> Program {
        Program {
            name: self.name.clone(),
            argv: argv.to_vec(),
            env: self.env.clone(),
            dir: self.dir.clone(),
            user: self.user,
            attributes: self.attributes.clone(),
            stdin: None,
            sockets: Vec::new(),
        }
    }
}
