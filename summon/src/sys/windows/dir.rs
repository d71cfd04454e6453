//! A directory that is held open. Not supported.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::fd::{BorrowedFd, OwnedFd};
use super::locks::Lock;
use super::remove::Left;
use super::users::User;

#[derive(Debug)]
pub(crate) enum Dir {}

impl Dir {
    pub(crate) fn open(_: &Path) -> io::Result<Dir> {
        Err(super::unsupported())
    }

    pub(crate) fn enter(&self, _name: &OsStr) -> io::Result<Dir> {
        match *self {}
    }

    pub(crate) fn make(&self, _name: &OsStr) -> io::Result<Dir> {
        match *self {}
    }

    pub(crate) fn make_locked(&self, _name: &OsStr) -> io::Result<Option<Dir>> {
        match *self {}
    }

    pub(crate) fn enter_locked(&self, _name: &OsStr, _: Lock) -> io::Result<Option<Dir>> {
        match *self {}
    }

    pub(crate) fn wait_locked(
        &self,
        _name: &OsStr,
        _: Lock,
        _until: Instant,
        _given_up: BorrowedFd<'_>,
    ) -> io::Result<Option<Dir>> {
        match *self {}
    }

    pub(crate) fn create(&self, _name: &OsStr) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn append(&self, _name: &OsStr) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn append_or_create(&self, _name: &OsStr) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn rename(&self, _from: &OsStr, _to: &OsStr) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn remove_file(&self, _name: &OsStr) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn remove_empty(&self, _name: &OsStr) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn remove(&self, _name: &OsStr, _path: &Path) -> Vec<Left> {
        match *self {}
    }

    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        match *self {}
    }

    pub(crate) fn found(&self) -> io::Result<FileStatus> {
        match *self {}
    }

    pub(crate) fn look(&self, _name: &OsStr) -> io::Result<FileStatus> {
        match *self {}
    }

    pub(crate) fn has(&self, _name: &OsStr, _file: &File) -> bool {
        match *self {}
    }

    pub(crate) fn is_proved(&self) -> bool {
        match *self {}
    }

    pub(crate) fn give(&self, _: User) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn set_mode(&self, _mode: u32) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn try_clone(&self) -> io::Result<Dir> {
        match *self {}
    }
}

impl From<Dir> for OwnedFd {
    fn from(dir: Dir) -> OwnedFd {
        match dir {}
    }
}

pub(crate) enum FileStatus {}

impl FileStatus {
    pub(crate) fn is_file(&self) -> bool {
        match *self {}
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn is_of(&self, _user: u32) -> bool {
        match *self {}
    }

    pub(crate) fn is_of_or_passed(&self, _user: u32) -> bool {
        match *self {}
    }

    pub(crate) fn is_kept(&self) -> bool {
        match *self {}
    }
}
