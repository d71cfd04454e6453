//! The program that a guard runs.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::sys::fd::OwnedFd;
use crate::sys::users::User;

/// A program with all placeholders filled in and all lookups done.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name in reports.
    pub(crate) name: String,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) dir: PathBuf,
    /// The user to run as, if it differs from the test's.
    pub(crate) user: Option<User>,
    pub(crate) attributes: Attributes,
    /// The standard input. `/dev/null` if `None`.
    pub(crate) stdin: Option<OwnedFd>,
    /// Whether the program keeps running when its guard is killed. The client of an engine does: its
    /// sudden end would leave parts of a container.
    pub(crate) outlives_guard: bool,
    /// The inherited listening sockets, each with a name (`sd_listen_fds(3)`).
    pub(crate) sockets: Vec<(String, OwnedFd)>,
}

/// The attributes that a process inherits unless the builder sets them. Each has the name of its
/// option, and travels as it is. A new one is a field here, a method of the builder in
/// `executor/options/program.rs`, a value in `protocol/job.rs`, a call in `spawn.rs`, and two rows of the
/// macros' `checked_options.rs`: containers refuse all of them.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Attributes {
    pub(crate) umask: Option<u32>,
    pub(crate) nice: Option<i32>,
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attributes { umask, nice } = self;
        let umask = umask.map(|umask| format!("`umask = {umask:#o}`"));
        let nice = nice.map(|nice| format!("`nice = {nice}`"));
        let all: Vec<String> = umask.into_iter().chain(nice).collect();
        f.write_str(&all.join(", "))
    }
}

impl Program {
    /// Returns a command that belongs to this program: it runs as the same user, in the same
    /// directory and environment.
    pub(crate) fn helper(&self, argv: &[OsString]) -> Program {
        Program {
            name: self.name.clone(),
            argv: argv.to_vec(),
            env: self.env.clone(),
            dir: self.dir.clone(),
            user: self.user,
            attributes: self.attributes.clone(),
            stdin: None,
            outlives_guard: self.outlives_guard,
            sockets: Vec::new(),
        }
    }
}
