//! Encodes values as bytes and descriptors. Both ends run the same executable, so they share one
//! version and one byte order.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;
use std::vec;

use super::wire::garbled;
use crate::sys::Signal;

/// An encoder. Values are decoded in the order of these calls.
#[derive(Default)]
pub(crate) struct Out<'fd> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fds: Vec<BorrowedFd<'fd>>,
}

impl<'fd> Out<'fd> {
    pub(crate) fn number(&mut self, number: u64) {
        self.bytes.extend(number.to_ne_bytes());
    }

    pub(crate) fn signed(&mut self, number: i32) {
        self.number((number as u32).into());
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.number(flag.into());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    pub(crate) fn os(&mut self, text: &OsStr) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn words(&mut self, words: &[OsString]) {
        self.list(words, |out, word| out.os(word));
    }

    pub(crate) fn duration(&mut self, duration: Duration) {
        // Saturates: u64 has room for 584,000 years of microseconds, and a longer grace is as good
        // as that.
        self.number(duration.as_micros().try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.signed(signal.number());
    }

    /// Adds a descriptor, which travels beside the bytes.
    pub(crate) fn fd(&mut self, fd: &'fd impl AsFd) {
        self.fds.push(fd.as_fd());
    }

    pub(crate) fn list<'a, T>(&mut self, items: &'a [T], mut item: impl FnMut(&mut Self, &'a T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|it| item(self, it));
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }
}

/// A decoder. Its input may be garbage, so each read checks the remaining length.
pub(crate) struct In<'a> {
    bytes: &'a [u8],
    fds: vec::IntoIter<OwnedFd>,
}

impl<'a> In<'a> {
    pub(crate) fn new(bytes: &'a [u8], fds: Vec<OwnedFd>) -> In<'a> {
        let fds = fds.into_iter();
        In { bytes, fds }
    }

    /// Splits a message without descriptors into its tag and its body.
    pub(crate) fn tagged(bytes: &'a [u8]) -> io::Result<(u8, In<'a>)> {
        let (tag, rest) = bytes.split_first().ok_or_else(garbled)?;
        Ok((*tag, In::new(rest, Vec::new())))
    }

    pub(crate) fn number(&mut self) -> io::Result<u64> {
        let (number, rest) = self.bytes.split_first_chunk::<8>().ok_or_else(garbled)?;
        self.bytes = rest;
        Ok(u64::from_ne_bytes(*number))
    }

    pub(crate) fn signed(&mut self) -> io::Result<i32> {
        Ok(self.number()? as u32 as i32)
    }

    pub(crate) fn flag(&mut self) -> io::Result<bool> {
        Ok(self.number()? != 0)
    }

    pub(crate) fn bytes(&mut self) -> io::Result<&'a [u8]> {
        // A garbled length must not wrap on a 32-bit system, nor index past the end.
        let length = usize::try_from(self.number()?).map_err(|_| garbled())?;
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or_else(garbled)?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(crate) fn os(&mut self) -> io::Result<OsString> {
        Ok(OsString::from_vec(self.bytes()?.to_vec()))
    }

    pub(crate) fn text(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub(crate) fn words(&mut self) -> io::Result<Vec<OsString>> {
        self.list(In::os)
    }

    pub(crate) fn duration(&mut self) -> io::Result<Duration> {
        Ok(Duration::from_micros(self.number()?))
    }

    pub(crate) fn signal(&mut self) -> io::Result<Signal> {
        Ok(Signal::from_number(self.signed()?))
    }

    pub(crate) fn fd(&mut self) -> io::Result<OwnedFd> {
        // Fewer descriptors than the bytes announce. Surplus ones close when the decoder is
        // dropped.
        self.fds.next().ok_or_else(garbled)
    }

    pub(crate) fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        // The length is not used to reserve memory: a garbled one would ask for exabytes. The
        // vector grows with the items, and the first missing item is an error.
        let length = self.number()?;
        (0..length).map(|_| item(self)).collect()
    }

    pub(crate) fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        self.flag()?.then(|| get(self)).transpose()
    }
}
