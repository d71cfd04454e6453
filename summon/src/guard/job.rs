//! What a guard is hired for.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::encoding::{In, Out};
use super::message::{About, StopPlan};
use super::wire::garbled;
use crate::session::Sweep;
use crate::sys::users::User;

/// The first frame to a guard: what its owner hires it for. With it come the descriptors that the
/// job is about, see there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Job {
    Service(Box<Launch>),
    Errands(Errands),
}

/// A service. With it come the log, its standard input, perhaps where its two streams go besides, perhaps what tells of the owner's end, and of the runner's, perhaps the
/// socket of one that is shared, the sockets to pass on, where to sweep, and whatever the guard shall hold to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) argv: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: PathBuf,
    pub(super) umask: Option<u32>,
    pub(super) user: Option<User>,
    /// It forks away, and what is left then is the service.
    pub(super) daemon: bool,
    pub(super) stop: StopPlan,
    /// Commands for when nothing is left of it.
    pub(super) after_stop: Vec<Vec<OsString>>,
    /// So long the log may become.
    pub(super) log_limit: u64,
    /// Its two streams are kept apart, too.
    pub(super) is_split: bool,
    pub(super) sweep: Sweep,
    pub(super) about: About,
    /// The name of the socket where the service says that it is ready (`sd_notify(3)`).
    pub(super) notify: Option<String>,
    /// The names of the listening sockets that it is given.
    pub(super) sockets: Vec<String>,
    pub(super) has_ending: bool,
    pub(super) has_runner: bool,
    /// A listening socket comes too: the service may be shared.
    pub(super) is_shared: bool,
    /// It ends when nobody uses it and somebody wants its port.
    pub(super) yields: bool,
}

/// A command that runs to its end, again and again. With it comes what tells of the owner's end and of
/// the runner's, as far as there is such.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Errands {
    pub(super) name: String,
    pub(super) argv: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: PathBuf,
    pub(super) user: Option<User>,
}

impl Job {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Job::Service(launch) => {
                out.0.push(0);
                launch.put(&mut out);
            }
            Job::Errands(errands) => {
                out.0.push(1);
                out.bytes(errands.name.as_bytes());
                out.command(&errands.argv, &errands.env, &errands.dir);
                out.option(errands.user, Out::user);
            }
        }
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<Job> {
        let (tag, mut from) = In::tagged(bytes)?;
        match tag {
            0 => Ok(Job::Service(Box::new(Launch::get(&mut from)?))),
            1 => Ok(Job::Errands(Errands {
                name: from.text()?,
                argv: from.list(In::os)?,
                env: from.list(|from| Ok((from.os()?, from.os()?)))?,
                dir: from.os()?.into(),
                user: from.option(In::user)?,
            })),
            _ => Err(garbled()),
        }
    }
}

impl Launch {
    fn put(&self, out: &mut Out) {
        out.bytes(self.name.as_bytes());
        out.command(&self.argv, &self.env, &self.dir);
        out.option(self.umask, |out, umask| out.number(umask.into()));
        out.option(self.user, Out::user);
        out.number(self.daemon.into());
        out.stop(&self.stop);
        out.list(&self.after_stop, |out, words| {
            out.list(words, |out, word| out.os(word));
        });
        out.number(self.log_limit);
        out.number(self.is_split.into());
        out.path(self.sweep.tree.as_ref());
        out.path(self.sweep.file.as_ref());
        out.list(&self.sweep.streams, |out, path| out.os(path.as_os_str()));
        out.path(self.sweep.claim.as_ref());
        out.path(self.sweep.socket.as_ref());
        out.list(&self.sweep.parents, |out, path| out.os(path.as_os_str()));
        out.bytes(self.about.test.as_bytes());
        out.bytes(self.about.facts.as_bytes());
        out.number(self.about.since);
        out.option(self.about.ready_at, Out::number);
        out.option(self.notify.as_ref(), |out, name| out.bytes(name.as_bytes()));
        out.list(&self.sockets, |out, name| out.bytes(name.as_bytes()));
        out.number(self.has_ending.into());
        out.number(self.has_runner.into());
        out.number(self.is_shared.into());
        out.number(self.yields.into());
    }

    fn get(from: &mut In<'_>) -> io::Result<Launch> {
        Ok(Launch {
            name: from.text()?,
            argv: from.list(In::os)?,
            env: from.list(|from| Ok((from.os()?, from.os()?)))?,
            dir: from.os()?.into(),
            umask: from.option(In::number)?.map(|umask| umask as u32),
            user: from.option(In::user)?,
            daemon: from.flag()?,
            stop: from.stop()?,
            after_stop: from.list(|from| from.list(In::os))?,
            log_limit: from.number()?,
            is_split: from.flag()?,
            sweep: Sweep {
                tree: from.path()?,
                file: from.path()?,
                streams: from.list(|from| Ok(from.os()?.into()))?,
                claim: from.path()?,
                socket: from.path()?,
                parents: from.list(|from| Ok(from.os()?.into()))?,
            },
            about: About {
                test: from.text()?,
                facts: from.text()?,
                since: from.number()?,
                ready_at: from.option(In::number)?,
            },
            notify: from.option(In::text)?,
            sockets: from.list(In::text)?,
            has_ending: from.flag()?,
            has_runner: from.flag()?,
            is_shared: from.flag()?,
            yields: from.flag()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;
    use std::time::Duration;

    fn launch() -> Job {
        Job::Service(Box::new(Launch {
            name: "redis".into(),
            argv: vec!["redis-server".into(), OsString::from_vec(vec![0xff])],
            env: vec![("A".into(), "".into()), ("B".into(), "=".into())],
            dir: "/tmp".into(),
            umask: Some(0o077),
            user: Some(User { uid: 7, gid: 8 }),
            daemon: true,
            stop: StopPlan {
                signal: crate::Signal::INT,
                only_leader: true,
                command: Some(vec!["pg_ctl".into(), "stop".into()]),
                grace: Duration::from_millis(1500),
            },
            after_stop: vec![vec!["rm".into(), "x".into()], vec![]],
            log_limit: 1 << 40,
            is_split: true,
            sweep: Sweep {
                tree: Some("/tmp/x".into()),
                ..Sweep::default()
            },
            about: About {
                test: "a".into(),
                facts: "\n  declared  a.rs:1".into(),
                since: 7,
                ready_at: Some(8),
            },
            notify: Some("summon-x".into()),
            sockets: vec!["redis".into()],
            has_ending: true,
            has_runner: true,
            is_shared: false,
            yields: true,
        }))
    }

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let errands = Job::Errands(Errands {
            name: "ready".into(),
            argv: vec!["true".into()],
            env: vec![],
            dir: "/".into(),
            user: Some(User { uid: 7, gid: 8 }),
        });
        for job in [launch(), errands] {
            assert_eq!(Job::decode(&job.encode()).unwrap(), job);
        }
    }

    #[test]
    fn garbage_is_an_error_and_not_a_panic() {
        let good = launch().encode();
        for length in 0..good.len() {
            assert!(Job::decode(&good[..length]).is_err());
        }
    }
}
