//! Puts a file into a directory of a service.

use std::io;
use std::path::Path;

use super::dir::Dir;
use super::users::User;

/// Writes a file below `dir`.
pub(crate) fn below(_: Dir, _name: &Path, _text: &[u8], _: Option<User>) -> io::Result<()> {
    Err(super::unsupported())
}
