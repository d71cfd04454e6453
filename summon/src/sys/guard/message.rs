//! What is said between a test process and its guards. Both ends are the same executable, so
//! there is no version and no byte order to agree on.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use super::wire::garbled;

/// How a service is asked to end, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StopPlan {
    pub(crate) signal: super::Signal,
    pub(crate) grace: Duration,
}

/// The files that go when the owner can't remove them any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sweep {
    /// Removed with all that is in it.
    pub(crate) tree: Option<PathBuf>,
    pub(crate) file: Option<PathBuf>,
    /// Removed if it is empty then.
    pub(crate) parent: Option<PathBuf>,
}

/// The first frame to a guard. With it come the log, perhaps a pidfd of the owner, and whatever
/// the guard shall hold to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) argv: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) dir: PathBuf,
    pub(super) stop: StopPlan,
    pub(super) sweep: Sweep,
    pub(super) has_pidfd: bool,
    /// A listening socket and the runner's pidfd come too: the service may be shared.
    pub(super) is_shared: bool,
    /// It ends when nobody uses it and somebody wants its port.
    pub(super) yields: bool,
}

/// What the owner asks of a guard.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    Signal(super::Signal),
    Stop(StopPlan),
    /// It is ready to be shared: from now on it belongs to the runner. The bytes are what others
    /// need to know.
    Share(Vec<u8>),
}

/// What a guard tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum News {
    /// The program has been exec'ed. (Pids of the guard and of the program.)
    Started { guard: u32, pid: u32 },
    /// It has not, since this step failed; nothing else follows.
    Refused { step: Step, errno: i32 },
    /// The log is this long now.
    Grown(u64),
    /// The program itself has ended, with this wait status.
    Exited(i32),
    /// Nothing of the service is left.
    Gone,
    /// It is shared; the bytes of [`Order::Share`].
    Shared(Vec<u8>),
}

/// What a guard does before the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fork,
    Prepare,
    WorkingDirectory,
    Exec,
}

impl Launch {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.bytes(self.name.as_bytes());
        out.number(self.argv.len() as u64);
        self.argv.iter().for_each(|word| out.os(word));
        out.number(self.env.len() as u64);
        for (name, value) in &self.env {
            out.os(name);
            out.os(value);
        }
        out.os(self.dir.as_os_str());
        out.stop(self.stop);
        out.path(self.sweep.tree.as_ref());
        out.path(self.sweep.file.as_ref());
        out.path(self.sweep.parent.as_ref());
        out.number(self.has_pidfd.into());
        out.number(self.is_shared.into());
        out.number(self.yields.into());
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<Launch> {
        let mut from = In(bytes);
        Ok(Launch {
            name: String::from_utf8_lossy(from.bytes()?).into_owned(),
            argv: from.list(In::os)?,
            env: from.list(|from| Ok((from.os()?, from.os()?)))?,
            dir: from.os()?.into(),
            stop: from.stop()?,
            sweep: Sweep {
                tree: from.path()?,
                file: from.path()?,
                parent: from.path()?,
            },
            has_pidfd: from.number()? != 0,
            is_shared: from.number()? != 0,
            yields: from.number()? != 0,
        })
    }
}

impl Order {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        match self {
            Order::Signal(signal) => {
                out.0.push(0);
                out.signed(signal.number());
            }
            Order::Stop(plan) => {
                out.0.push(1);
                out.stop(*plan);
            }
            Order::Share(bytes) => {
                out.0.push(2);
                out.bytes(bytes);
            }
        }
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<Order> {
        let (tag, mut from) = In::tagged(bytes)?;
        match tag {
            0 => Ok(Order::Signal(from.signal()?)),
            1 => Ok(Order::Stop(from.stop()?)),
            2 => Ok(Order::Share(from.bytes()?.to_vec())),
            _ => Err(garbled()),
        }
    }
}

impl News {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        let (tag, numbers): (u8, &[u64]) = match self {
            News::Started { guard, pid } => (0, &[(*guard).into(), (*pid).into()]),
            News::Refused { step, errno } => (1, &[*step as u64, u64::from(*errno as u32)]),
            News::Grown(length) => (2, &[*length]),
            News::Exited(status) => (3, &[u64::from(*status as u32)]),
            News::Gone => (4, &[]),
            News::Shared(_) => (5, &[]),
        };
        out.0.push(tag);
        numbers.iter().for_each(|number| out.number(*number));
        if let News::Shared(bytes) = self {
            out.bytes(bytes);
        }
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<News> {
        let (tag, mut from) = In::tagged(bytes)?;
        Ok(match tag {
            0 => News::Started {
                guard: from.number()? as u32,
                pid: from.number()? as u32,
            },
            1 => News::Refused {
                step: match from.number()? {
                    0 => Step::Fork,
                    1 => Step::Prepare,
                    2 => Step::WorkingDirectory,
                    _ => Step::Exec,
                },
                errno: from.signed()?,
            },
            2 => News::Grown(from.number()?),
            3 => News::Exited(from.signed()?),
            4 => News::Gone,
            5 => News::Shared(from.bytes()?.to_vec()),
            _ => return Err(garbled()),
        })
    }
}

#[derive(Default)]
struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, number: u64) {
        self.0.extend(number.to_ne_bytes());
    }

    fn signed(&mut self, number: i32) {
        self.number((number as u32).into());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn os(&mut self, text: &OsStr) {
        self.bytes(text.as_bytes());
    }

    /// No path is empty, so an empty one means none.
    fn path(&mut self, path: Option<&PathBuf>) {
        self.bytes(path.map_or(&[], |path| path.as_os_str().as_bytes()));
    }

    fn stop(&mut self, plan: StopPlan) {
        self.signed(plan.signal.number());
        self.number(plan.grace.as_millis().try_into().unwrap_or(u64::MAX));
    }
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn tagged(bytes: &'a [u8]) -> io::Result<(u8, In<'a>)> {
        let (tag, rest) = bytes.split_first().ok_or_else(garbled)?;
        Ok((*tag, In(rest)))
    }

    fn number(&mut self) -> io::Result<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or_else(garbled)?;
        self.0 = rest;
        Ok(u64::from_ne_bytes(*number))
    }

    fn signed(&mut self) -> io::Result<i32> {
        Ok(self.number()? as u32 as i32)
    }

    fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| garbled())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(garbled)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn os(&mut self) -> io::Result<OsString> {
        Ok(OsString::from_vec(self.bytes()?.to_vec()))
    }

    fn path(&mut self) -> io::Result<Option<PathBuf>> {
        let path = self.os()?;
        Ok((!path.is_empty()).then(|| path.into()))
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> io::Result<T>) -> io::Result<Vec<T>> {
        let length = self.number()?;
        (0..length).map(|_| item(self)).collect()
    }

    fn signal(&mut self) -> io::Result<super::Signal> {
        Ok(super::Signal::from_number(self.signed()?))
    }

    fn stop(&mut self) -> io::Result<StopPlan> {
        Ok(StopPlan {
            signal: self.signal()?,
            grace: Duration::from_millis(self.number()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch {
            name: "redis".into(),
            argv: vec!["redis-server".into(), OsString::from_vec(vec![0xff])],
            env: vec![("A".into(), "".into()), ("B".into(), "=".into())],
            dir: "/tmp".into(),
            stop: StopPlan {
                signal: super::super::Signal::INT,
                grace: Duration::from_millis(1500),
            },
            sweep: Sweep {
                tree: Some("/tmp/x".into()),
                ..Sweep::default()
            },
            has_pidfd: true,
            is_shared: false,
            yields: true,
        }
    }

    #[test]
    fn a_launch_is_read_as_it_was_written() {
        assert_eq!(Launch::decode(&launch().encode()).unwrap(), launch());
    }

    #[test]
    fn garbage_is_an_error_and_not_a_panic() {
        let good = launch().encode();
        for length in 0..good.len() {
            assert!(Launch::decode(&good[..length]).is_err());
        }
        assert!(Order::decode(&[]).is_err());
        assert!(News::decode(&[9, 9]).is_err());
    }
}
