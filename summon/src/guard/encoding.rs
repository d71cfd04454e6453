//! How messages are put into bytes. Both ends are the same executable, so there is no version and no
//! byte order to agree on.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Signal;
use super::message::{Ran, StopPlan};
use super::wire::garbled;
use crate::sys::users::User;

#[derive(Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn number(&mut self, number: u64) {
        self.0.extend(number.to_ne_bytes());
    }

    pub(super) fn signed(&mut self, number: i32) {
        self.number((number as u32).into());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }

    pub(super) fn os(&mut self, text: &OsStr) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Out, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|it| item(self, it));
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, put: impl Fn(&mut Out, T)) {
        self.number(value.is_some().into());
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(super) fn command(&mut self, argv: &[OsString], env: &[(OsString, OsString)], dir: &Path) {
        self.list(argv, |out, word| out.os(word));
        self.list(env, |out, (name, value)| {
            out.os(name);
            out.os(value);
        });
        self.os(dir.as_os_str());
    }

    pub(super) fn duration(&mut self, duration: Duration) {
        self.number(duration.as_micros().try_into().unwrap_or(u64::MAX));
    }

    /// No path is empty, so an empty one means none.
    pub(super) fn path(&mut self, path: Option<&PathBuf>) {
        self.bytes(path.map_or(&[], |path| path.as_os_str().as_bytes()));
    }

    pub(super) fn stop(&mut self, plan: &StopPlan) {
        self.signed(plan.signal.number());
        self.number(plan.only_leader.into());
        self.option(plan.command.as_ref(), |out, words| {
            out.list(words, |out, word| out.os(word));
        });
        self.duration(plan.grace);
    }

    pub(super) fn user(&mut self, user: User) {
        self.number(user.uid.into());
        self.number(user.gid.into());
    }

    pub(super) fn ran(&mut self, ran: &Ran) {
        self.option(ran.status, Out::signed);
        self.bytes(&ran.output);
    }
}

pub(super) struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    pub(super) fn tagged(bytes: &'a [u8]) -> io::Result<(u8, In<'a>)> {
        let (tag, rest) = bytes.split_first().ok_or_else(garbled)?;
        Ok((*tag, In(rest)))
    }

    pub(super) fn number(&mut self) -> io::Result<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or_else(garbled)?;
        self.0 = rest;
        Ok(u64::from_ne_bytes(*number))
    }

    pub(super) fn signed(&mut self) -> io::Result<i32> {
        Ok(self.number()? as u32 as i32)
    }

    pub(super) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| garbled())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(garbled)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn os(&mut self) -> io::Result<OsString> {
        Ok(OsString::from_vec(self.bytes()?.to_vec()))
    }

    pub(super) fn text(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub(super) fn flag(&mut self) -> io::Result<bool> {
        Ok(self.number()? != 0)
    }

    pub(super) fn duration(&mut self) -> io::Result<Duration> {
        Ok(Duration::from_micros(self.number()?))
    }

    pub(super) fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        self.flag()?.then(|| get(self)).transpose()
    }

    pub(super) fn path(&mut self) -> io::Result<Option<PathBuf>> {
        let path = self.os()?;
        Ok((!path.is_empty()).then(|| path.into()))
    }

    pub(super) fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        let length = self.number()?;
        (0..length).map(|_| item(self)).collect()
    }

    pub(super) fn signal(&mut self) -> io::Result<Signal> {
        Ok(Signal::from_number(self.signed()?))
    }

    pub(super) fn stop(&mut self) -> io::Result<StopPlan> {
        Ok(StopPlan {
            signal: self.signal()?,
            only_leader: self.flag()?,
            command: self.option(|from| from.list(In::os))?,
            grace: self.duration()?,
        })
    }

    pub(super) fn user(&mut self) -> io::Result<User> {
        Ok(User {
            uid: self.number()? as u32,
            gid: self.number()? as u32,
        })
    }

    pub(super) fn ran(&mut self) -> io::Result<Ran> {
        Ok(Ran {
            status: self.option(In::signed)?,
            output: self.bytes()?.to_vec(),
        })
    }
}
