//! What could not be removed: nothing is.

use std::fmt;

#[derive(Debug)]
pub(crate) enum Left {}

impl fmt::Display for Left {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
