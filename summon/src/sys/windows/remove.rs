//! Files that could not be removed. Removal is not supported.

use std::fmt;

#[derive(Debug)]
pub(crate) enum Left {}

impl fmt::Display for Left {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
