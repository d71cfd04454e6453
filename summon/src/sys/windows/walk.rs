//! Opens a path for a program of another user. Not supported.

use std::fs::File;
use std::io;
use std::path::Path;

use super::users::User;

pub(crate) fn file(_: &Path, _: User) -> io::Result<File> {
    Err(super::unsupported())
}

pub(crate) fn explain(error: io::Error) -> io::Error {
    error
}
